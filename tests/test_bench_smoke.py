"""
The benchmark's parts that need no load: configurations, scripts, figures, tables.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench import crews, members, pairs, procs, report, results, scale, spares
from bench.__main__ import main, others, parser, settings_of
from bench.clients import held, sticky_requests, still_open
from bench.load import BROWSER, Load, browser_request, parse, request, script
from bench.measure import Settings
from bench.proxies import OWN, PEERS, Proxy, caddy
from bench.scale import cases
from bench.site import (
    BODY,
    COOKIE,
    BenchError,
    Member,
    Site,
    Wire,
    free_ports,
    many_members,
    two_members,
)
from bench.wire import make_pem
from txbalancer.config.loader import load
from txbalancer.core.specs import ToManager, ToMetrics
from txbalancer.services.plugins import load_registry

PROXIES = [OWN, *PEERS]
REQUIRED = os.environ.get("TXB_REQUIRE_PEERS") == "1"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """
    Two members and a folder.
    """
    return Site(18080, two_members((18081, 18082)), tmp_path, mounts=3, root=os.geteuid() == 0)


def by_name(proxy: Proxy) -> str:
    """
    The test's name.
    """
    return proxy.name


@pytest.mark.parametrize("proxy", PROXIES, ids=by_name)
def test_config_names_the_same_job(proxy: Proxy, site: Site) -> None:
    """
    Each configuration has the port, both members and the sticky cookie, and nothing unfilled.
    """
    text = proxy.render(site)
    assert "18080" in text
    assert "127.0.0.1:18081" in text
    assert "127.0.0.1:18082" in text
    assert COOKIE in text
    assert ("/health" in text) is proxy.probes


@pytest.mark.parametrize("proxy", PEERS, ids=by_name)
def test_config_is_accepted(proxy: Proxy, site: Site) -> None:
    """
    The program itself finds no fault with its configuration.
    """
    program = proxy.find()
    if program is None:
        assert not REQUIRED, f"{proxy.program} is required and not installed"
        pytest.skip(f"{proxy.program} is not installed")
    assert proxy.check is not None
    command = proxy.check(program, proxy.write(site), site)
    environment = {**os.environ, **proxy.environment(site)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=20, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def wired(site: Site) -> Site:
    """
    The site with TLS, HTTP/2 and plain TCP.
    """
    pem = site.folder / "bench.pem"
    make_pem(pem)
    return replace(site, wire=Wire(18443, 18084, pem))


@pytest.mark.parametrize("proxy", [each for each in PEERS if each.wire], ids=by_name)
def test_config_of_the_wire_is_accepted(proxy: Proxy, wired: Site) -> None:
    """
    The program itself finds no fault with TLS and TCP in its configuration.
    """
    assert "18443" in proxy.render(wired)
    assert ("18084" in proxy.render(wired)) is proxy.raw
    test_config_is_accepted(proxy, wired)


def test_own_config_of_the_wire_loads(wired: Site) -> None:
    """
    txbalancer offers TLS and plain TCP beside what it has always.
    """
    loaded = load(str(OWN.write(wired)), load_registry())
    assert loaded.warnings == []
    assert [each.name for each in loaded.spec.listeners] == ["web", "tls", "raw"]
    assert loaded.spec.listeners[2].mode == "tcp"


def test_member_config_is_accepted(tmp_path: Path) -> None:
    """
    nginx finds no fault with the configuration of a member that listens on many addresses.
    """
    program = PEERS[2].find()
    if program is None:
        assert not REQUIRED, "nginx is required and not installed"
        pytest.skip("nginx is not installed")
    config = tmp_path / "member.conf"
    addresses = ["127.0.0.1", "127.1.0.1"]
    config.write_text(members.render("m1", addresses, 18081, tmp_path, os.geteuid() == 0))
    command = [*members.command(program, config), "-t"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


def test_own_config_has_all_mounts_before_the_last(site: Site) -> None:
    """
    The extra mounts come before the one for everything, or they would never be reached.
    """
    sections = [line for line in OWN.render(site).splitlines() if line.startswith("[mount:")]
    assert sections == ["[mount:/app00000]", "[mount:/app00001]", "[mount:/app00002]", "[mount:/]"]


def test_own_config_loads(tmp_path: Path) -> None:
    """
    The project's own loader finds no fault with txbalancer's configuration, even at scale.
    """
    site = Site(18080, many_members((18081, 18082), 20), tmp_path, mounts=30)
    path = OWN.write(site)
    loaded = load(str(path), load_registry())
    spec = loaded.spec
    assert loaded.warnings == []
    assert len(spec.balancers[0].members) == 20
    assert len(spec.mounts) == 31


def test_what_is_watched(tmp_path: Path) -> None:
    """
    The set-up that is watched differs in its log's format and in two pages.
    """
    site = Site(18080, two_members((18081, 18082)), tmp_path)
    plain = load(str(OWN.write(site)), load_registry()).spec
    loaded = load(str(OWN.write(replace(site, watched=True))), load_registry())
    assert loaded.warnings == []
    assert loaded.spec.service == replace(plain.service, access_log_format="json")
    assert [mount.target for mount in loaded.spec.mounts[:2]] == [ToMetrics(), ToManager()]
    assert loaded.spec.mounts[2:] == plain.mounts
    assert loaded.spec.balancers == plain.balancers


def test_own_command_uses_this_interpreters_twistd() -> None:
    """
    The twistd beside the running Python is the one measured.
    """
    beside = Path(sys.executable).parent / "twistd"
    if not beside.exists():
        pytest.skip("no twistd beside the interpreter")
    assert OWN.find() == str(beside)


def test_many_members_differ() -> None:
    """
    A thousand members have a thousand addresses, all of the loopback network.
    """
    found = many_members((18081, 18082), 1000)
    assert len({member.address for member in found}) == 1000
    assert len({member.route for member in found}) == 1000
    assert all(member.host.startswith("127.") for member in found)


def test_free_ports_can_be_bound() -> None:
    """
    The ports are distinct and nobody listens on them.
    """
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_browser_request_has_twelve_headers() -> None:
    """
    Twelve headers besides Host, the sticky cookie among them.
    """
    head = browser_request("/a", ".m1")
    lines = head.split("\r\n")
    assert lines[0] == "GET /a HTTP/1.1"
    assert lines[1].startswith("Host: ")
    assert len(lines[2:-2]) == 12 == len(BROWSER) + 1
    assert lines[-3].endswith(f"{COOKIE}=.m1")
    assert head.endswith("\r\n\r\n")


def test_sticky_requests_use_all_cookies_and_paths() -> None:
    """
    Neither list is cut short by the other.
    """
    found = sticky_requests(["a", "b", "c"], ["/x", "/y"])
    assert [f"{COOKIE}={name}" in text for name, text in zip("abc", found, strict=True)]
    assert "GET /y " in found[1]


def test_caddy_cookie_is_a_hash() -> None:
    """
    Caddy's cookie is 64 hexadecimal digits and differs between members.
    """
    first, second = (caddy.cookie(Member("m", "127.0.0.1", port)) for port in (1, 2))
    assert len(first) == 64
    assert first != second


def test_script_quotes_requests() -> None:
    """
    Line ends go into the script as escapes, one line for each request.
    """
    text = script([request("/"), request("/b")])
    assert '    "GET / HTTP/1.1\\r\\nHost: bench.test\\r\\n\\r\\n",\n    "GET /b' in text
    assert "%%" not in text


def test_parse_reads_the_scripts_line() -> None:
    """
    What the script prints comes back; anything else is an error that shows the output.
    """
    line = 'BENCH {"requests":9,"bytes":1000,"seconds":2.5,"p99":1.5,"status":1,"broken":2}'
    assert parse(f"Running\n\n{line}\n") == Load(9, 1000, 2.5, 1.5, 3)
    with pytest.raises(BenchError, match="unable"):
        parse("unable to connect")


def test_stat_ticks_skips_any_name() -> None:
    """
    A process name with parentheses and spaces does not shift the fields.
    """
    fields = ["S", *["0"] * 10, "7", "5", "3", "1", *["0"] * 20]
    assert procs.stat_ticks(f"12 (a) b) {' '.join(fields)}") == 16


def test_core_ticks_takes_one_core() -> None:
    """
    Only time of processes counts, and cpu1 is not taken for cpu10.
    """
    text = "cpu 9 9 9 9\ncpu10 9 9 9 9\ncpu1 1 2 3 100 50 50\n"
    assert procs.core_ticks(text, 1) == 6
    assert procs.core_ticks(text, 2) == 0


def test_nanoseconds_of_a_thread() -> None:
    """
    The first number is what it ran; the others are of its waiting.
    """
    assert procs.run_nanoseconds("8401327 1250 17\n") == 8401327


def test_rollup_bytes_takes_the_proportional_size() -> None:
    """
    Shared pages are not counted twice.
    """
    assert procs.rollup_bytes("Rss:  9 kB\nPss:                8 kB\nPss_Dirty: 3 kB\n") == 8192
    assert procs.rollup_bytes("") == 0


def test_child_is_ended_with_its_children(tmp_path: Path) -> None:
    """
    A grandchild that its parent leaves behind is gone afterwards, too.
    """
    core = min(os.sched_getaffinity(0))
    command = ["sh", "-c", "sleep 60 & echo ready; wait"]
    with procs.Child("shell", command, core, tmp_path) as child:
        child.wait_ready(lambda: "ready" in child.output.read_text())
        family = list(procs.tree(child.pid))
        assert len(family) == 2
        assert child.memory() > 0
        assert child.cpu() >= 0
    assert not any(map(procs.alive, family))


def test_child_that_ends_early_shows_its_output(tmp_path: Path) -> None:
    """
    A program that does not start is reported with what it printed.
    """
    core = min(os.sched_getaffinity(0))
    with (
        procs.Child("bad", ["sh", "-c", "echo no such option >&2; exit 3"], core, tmp_path) as bad,
        pytest.raises(BenchError, match=r"(?s)status 3.*no such option"),
    ):
        bad.wait_ready(lambda: False)


def test_held_connections_are_counted() -> None:
    """
    Connections that the other side closed are not counted as open.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        child = os.fork()
        if child == 0:
            answer(listening, 2)
        with held(listening.getsockname()[1], 2) as clients:
            assert still_open(clients) == 2
        assert os.waitpid(child, 0)[1] == 0


def answer(listening: socket.socket, count: int) -> None:
    """
    In a child process: answer one request on each connection, then end when they are closed.
    """
    peers = []
    for _ in range(count):
        peer, _address = listening.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + BODY)
        peers.append(peer)
    for peer in peers:
        try:
            peer.recv(1)
        except ConnectionResetError:
            continue
    os._exit(0)


def sample(cpu: float, idle: float = 3.0) -> dict[str, float]:
    """
    A made-up round.
    """
    found: dict[str, float] = {"memory": 40.0, "big.cpu": cpu / 40, "big.mbps": 800.0}
    found |= {"idle.kib": idle, "big.errors": 0, "rest": 0.5}
    for kind in ("plain", "headers"):
        found |= {f"{kind}.rps": 1e6 / cpu, f"{kind}.p99": 2.0, f"{kind}.cpu": cpu}
        found[f"{kind}.errors"] = 0
    return found


def result(own: Sequence[float] = (40, 41, 39)) -> report.Result:
    """
    A made-up run of three rounds.
    """
    return report.Result(
        facts={"commit": "0123abc", "kernel": "Linux 6.1"},
        settings={"rounds": 3, "seconds": 3.0, "connections": 64, "idle": 2000},
        titles={"apache": "Apache", "txbalancer": "txbalancer", "base": "2 members, 1 mount"},
        proxies={
            "txbalancer": [sample(cpu) for cpu in own],
            "apache": [sample(60), sample(61), sample(60)],
            "haproxy": [sample(20), sample(20), sample(20)],
        },
        scale={
            "base": [sample(40), sample(60)],
            "members": [sample(44), sample(66)],
            "mounts": [sample(60), sample(90)],
            "watched": [{"plain.more": 1.04, "headers.more": 1.06}],
            "worker": [{"plain.more": 1.05, "headers.more": 1.2}],
            "workers": [{"plain.gain": 1.9, "headers.gain": 1.7}],
        },
        notes={"apache": "event MPM"},
        skipped={"caddy": "caddy is not installed"},
    )


def test_ratios_are_paired_by_round() -> None:
    """
    A machine that slows down for a whole round does not change a ratio.
    """
    assert results.ratio(result().scale, "members", "base", "plain.cpu") == pytest.approx(1.1)
    assert results.ratio(result().scale, "absent", "base", "plain.cpu") is None


class UnevenSide:
    """
    One of two sides on a machine that is twice as slow each time; it is done when both have begun.
    """

    def __init__(self, more: float, both: threading.Barrier) -> None:
        self.loads: list[str] = []
        self.cpu: list[float] = []
        self._more, self._both = more, both

    def clear(self) -> None:
        """
        Forget all slices.
        """
        self.loads.clear()
        self.cpu.clear()

    def drive(self, requests: list[str]) -> None:
        """
        Take a slice of load.
        """
        self._both.wait(10)
        self.loads.append(requests[0])
        self.cpu.append(self._more * 40 * 2 ** len(self.loads))


def test_what_is_watched_is_compared_with_its_neighbour() -> None:
    """
    Both are loaded in the same moment, so that how fast the machine is then cancels out.
    """
    both = threading.Barrier(2)
    sides = [UnevenSide(1.0, both), UnevenSide(1.05, both)]
    assert pairs.drive_together(sides, ["/"], 3) == pytest.approx(1.05, rel=0.005)
    assert [len(each.loads) for each in sides] == [3, 3]
    assert results.ratio(result().scale, "watched", "base", "plain.cpu") == 1.04


def test_what_is_large_is_compared_in_turns() -> None:
    """
    Each is first in every other turn, and what the machine did before does not count.
    """
    turns = [UnevenSide(more, threading.Barrier(1)) for more in (1.0, 1.1)]
    for each in turns:
        each.drive(["/warm"])
    found = scale.drive_in_turns(turns, [["/few"], ["/many"]], 4)
    assert found == pytest.approx([1.1] * 4)
    assert [each.loads for each in turns] == [["/few"] * 4, ["/many"] * 4]


def test_what_two_workers_gain() -> None:
    """
    Requests that a second core would bring follow from what the busiest process takes, slice by
    slice.
    """
    one, two = (crews.Crew.__new__(crews.Crew) for _ in range(2))
    one.busiest, two.busiest = [40.0, 60.0, 50.0], [20.0, 40.0, 25.0]
    assert crews.gain([one, two]) == 2.0


def test_each_process_is_looked_at() -> None:
    """
    A process and its descendants are told apart.
    """
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = crews.by_process(os.getpid())
        assert {os.getpid(), child.pid} <= found.keys()
        child.communicate(b"\n")


def test_bars_pass_miss_and_stay_open() -> None:
    """
    Each demand is judged by itself; what was not measured is not passed.
    """
    found = results.bars(result().proxies, result().scale)
    verdicts = [bar.verdict for bar in found]
    assert verdicts[:4] == ["PASS", "PASS", "PASS", "MISS"]
    assert verdicts[5:10] == ["-"] * len(results.WIRE_BARS)
    assert verdicts[10:16] == ["PASS", "PASS", "MISS", "MISS", "PASS", "MISS"]
    assert verdicts[16:] == ["PASS", "PASS", "MISS", "MISS"]
    assert {bar.verdict for bar in results.bars({}, {})} == {"-"}
    slow = results.bars(result((50, 50, 50)).proxies, {})
    assert [bar.verdict for bar in slow[:2]] == ["MISS", "MISS"]


def test_text_report_has_figures_and_verdicts() -> None:
    """
    The user sees facts, medians, ratios, verdicts and what was left out.
    """
    text = report.as_text(result())
    apache = next(line for line in text.splitlines() if line.startswith("Apache")).split()
    assert apache[3:5] == ["60.0", "1.50"]
    assert "left out: caddy: caddy is not installed" in text
    assert "PASS" in text
    assert "MISS" in text
    assert "commit: 0123abc" in text


def test_rst_region_is_replaced() -> None:
    """
    Text around the region survives, and writing twice gives the same page.
    """
    region = report.as_rst(result())
    page = report.merged("Title\n=====\n\nBefore.\n", region)
    page = page + "\nAfter.\n"
    again = report.merged(page, region)
    assert again.startswith("Title\n=====\n\nBefore.\n\n.. benchmark")
    assert again.count(report.BEGIN) == 1
    assert again.rstrip().endswith("After.")
    assert report.merged(again, region) == again


def test_rst_is_valid(tmp_path: Path) -> None:
    """
    A new page parses without a complaint.
    """
    core = pytest.importorskip("docutils.core")
    path = tmp_path / "docs" / "benchmarks.rst"
    report.write_rst(path, result())
    html = core.publish_string(
        path.read_text(), writer="html", settings_overrides={"halt_level": 2}
    )
    assert b"Proxies on one core" in html


def test_json_has_every_round(tmp_path: Path) -> None:
    """
    The samples can be read back, with the verdicts.
    """
    path = tmp_path / "results" / "run.json"
    report.write_json(path, result())
    found = json.loads(path.read_text())
    assert [round_["plain.cpu"] for round_ in found["proxies"]["txbalancer"]] == [40, 41, 39]
    assert found["bars"][0]["verdict"] == "PASS"


def test_options() -> None:
    """
    A quick run is one round; numbers given outright win; unknown peers are refused.
    """
    options = parser().parse_args(["--quick", "--rounds", "2", "--peers", "apache,nginx"])
    assert settings_of(options).rounds == 2
    assert settings_of(options).seconds == 1.0
    assert [peer.name for peer in options.peers] == ["apache", "nginx"]
    assert settings_of(parser().parse_args([])) == Settings()
    assert parser().parse_args(["--peers", "none"]).peers == ()
    for bad in (["--peers", "iis"], ["--rounds", "0"]):
        with pytest.raises(SystemExit):
            main(bad)


def test_cases_differ_from_base_in_one_thing() -> None:
    """
    Each set-up at scale changes one number only.
    """
    base, *rest = cases(Settings())
    for case in rest:
        pairs = [(case.members, base.members), (case.mounts, base.mounts), (case.crowd, base.crowd)]
        assert sum(mine != theirs for mine, theirs in pairs) == 1


def test_others_never_below_zero() -> None:
    """
    Rounding of clock ticks does not show as a negative share.
    """
    assert "took 0.0 %" in others([-0.5])
    assert "at most 7 %" in others([1.0, 7.0, 2.0])
    assert others([]) == "not measured"


def test_others_warn_of_a_busy_machine() -> None:
    """
    Figures of a busy machine say so themselves.
    """
    assert "do not trust" in others([40.0, 50.0])
    assert "do not trust" not in others([1.0, 1.0, 50.0])


def test_what_a_worker_takes() -> None:
    """
    The parts that need no service: the memory of a process, and the cost of a decision.
    """
    whole, own = spares.memory(os.getpid())
    assert whole >= own > 1
    assert spares.decision(2, times=10) > 0
