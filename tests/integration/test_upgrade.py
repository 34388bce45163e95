"""
A new process takes the place of the one that serves.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.load import ECHO, Load
from tests.integration.process import MOUNT, BalancerProcess, environment, status, until
from tests.integration.test_daemon import daemon, until_ended
from tests.integration.websocket import EchoMember
from tests.peers import Peers, free_port

pytestmark = pytest.mark.integration

HEAD = """\
[txbalancer]
access-log = ACCESS
access-log-format = json
graceful-timeout = {graceful}
workers = {workers}
state = state.json
[listener:web]
endpoint =
    tcp:PORT:interface=127.0.0.1
    unix:web.sock:mode=600
"""
PAGES = """
[mount:/metrics]
to = metrics:
[mount:/fixed]
to = status:204
"""


def configuration(members: str = "", workers: int = 0, graceful: str = "5s") -> str:
    """
    Return a configuration with a balancer, if there are members.
    """
    text = HEAD.format(workers=workers, graceful=graceful) + PAGES
    if members:
        text += f"[balancer:shop]\nmembers =\n    {members}\n[mount:/]\nto = balancer://shop/\n"
    return text


def counters(process: BalancerProcess) -> dict[str, float]:
    """
    Return every counter of the metrics, by name and labels.
    """
    text = ask(f"http://127.0.0.1:{process.port}/metrics").body.decode()
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        if family.type in ("counter", "histogram", "summary")
        for sample in family.samples
        # Those of a process, or of a worker as such, begin with it.
        if sample.name.startswith("txbalancer_")
        and not sample.name.startswith("txbalancer_worker_")
        and not sample.name.endswith("_created")
    }


def control(process: BalancerProcess, method: str, target: str, body: object = None):
    """
    Ask the API on the socket for commands, by a connection of its own.
    """
    with closing(Control(process.folder / "control.sock")) as client:
        return client.ask(method, f"{target}", body)


def command(process: BalancerProcess, *words: str) -> subprocess.CompletedProcess[str]:
    """
    Run C{txbalancer}.
    """
    return subprocess.run(
        [sys.executable, "-m", "txbalancer", *words, "--socket", "control.sock"],
        cwd=process.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.peers
def test_upgrades_under_load(balancer: Starts, peers: Peers) -> None:
    """
    Some processes in a row take over while clients ask all the time: no request fails, and all
    are counted at last.
    """
    member = peers.nginx(ECHO.replace("NAME", "a"))
    process = balancer(configuration(f"http://127.0.0.1:{member.port}"))
    with Load(process.port) as load:
        for _ in range(3):
            process.upgrade()
            load.more(20)
    assert load.failures == []
    former = process.upgrade()
    assert former.wait(10) == 0
    name = "txbalancer_member_requests_total[('balancer', 'shop'), ('code', '2xx')"
    until(
        lambda: sum(n for key, n in counters(process).items() if name in key) == load.answers,
        "all requests are counted",
    )
    assert "Traceback" not in process.log()


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_known_goes_over(balancer: Starts, workers: int) -> None:
    """
    What somebody changed, the events and the counters go on; the unix sockets have the rights
    that they had, and are removed at the end; the state file is the new process' to write.
    """
    members = "http://127.0.0.1:1 route=a\n    http://127.0.0.1:2 route=b"
    process = balancer(configuration(members, workers))
    url = "http%3A%2F%2F127.0.0.1%3A2"
    control(process, "PATCH", f"/balancers/shop/members/{url}", {"drain": True})
    assert status(process) == 503
    events = control(process, "GET", "/events")
    before = counters(process)
    former = process.upgrade()
    assert former.wait(10) == 0
    found = control(process, "GET", f"/balancers/shop/members/{url}")
    assert "drain" in found["status"]["text"]
    after = counters(process)
    assert {name: value for name, value in before.items() if after.get(name, -1) < value} == {}
    later = control(process, "GET", "/events")
    assert later["events"][: len(events["events"])] == events["events"]
    assert [each["number"] for each in later["events"]] == list(range(1, later["last"] + 1))
    sockets = [process.folder / name for name in ("web.sock", "control.sock")]
    assert [oct(each.stat().st_mode & 0o777) for each in sockets] == ["0o600", "0o600"]
    control(process, "PATCH", f"/balancers/shop/members/{url}", {"drain": False})
    assert '"flags"' in (process.folder / "state.json").read_text()
    assert process.terminate() == 0
    assert [each.exists() for each in sockets] == [False, False]
    assert "Traceback" not in process.log()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[listener:web]\nendpoint = nonsense\n", "is no endpoint"),
        (
            f"[txbalancer]\naccess-log = /nowhere/a.log\n[listener:web]\nendpoint = tcp:0\n{MOUNT}",
            "/nowhere/a.log: No such file",
        ),
    ],
)
def test_a_new_version_that_fails_changes_nothing(balancer: Starts, text: str, said: str) -> None:
    """
    The command tells the cause and ends with 1, the log has it, and the process goes on: it
    takes changes, and the next upgrade.
    """
    process = balancer(configuration())
    good = process.config.read_text()
    process.config.write_text(text)
    done = command(process, "upgrade")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert said in process.log()
    assert status(process, "/fixed") == 204
    assert b"RELOADING=1" in process.told()
    assert b"STATUS=upgrade failed" in process.told()
    process.config.write_text(good)
    done = command(process, "upgrade", "--wait")
    assert (done.returncode, done.stderr) == (0, "")
    former = process.await_heir()
    assert former.poll() is not None
    assert f"process {process.pid}, version" in done.stdout
    assert status(process, "/fixed") == 204


def test_one_upgrade_at_a_time(balancer: Starts) -> None:
    """
    A second one is refused while the first is in progress, and a process that does not serve in
    time is ended.
    """
    text = configuration().replace("[txbalancer]", "[txbalancer]\nupgrade-timeout = 2")
    process = balancer(text, start=False)
    plug = "import os, time\nif 'TXBALANCER_FORMER' in os.environ: time.sleep(60)\n"
    (process.folder / "sitecustomize.py").write_text(plug)
    process.env["PYTHONPATH"] += f"{os.pathsep}{process.folder}"
    process.start()
    process.signal(signal.SIGUSR2)
    until(lambda: "a new process starts" in process.log(), "the upgrade begins")
    with closing(Control(process.folder / "control.sock")) as client:
        # A program would take as long to start as the new process has to serve.
        client.request("POST", "/api/v1/upgrade", b"{}", {"Content-Type": "application/json"})
        answer = client.getresponse()
        assert answer.status >= 400
        assert b"an upgrade is in progress" in answer.read()
    until(lambda: "did not serve within upgrade-timeout, 2 s" in process.log(), "it is given up")
    assert status(process, "/fixed") == 204


@pytest.mark.parametrize(
    ("workers", "plug", "said"),
    [
        (
            0,
            "sys.modules['txbalancer.services.takeover'] = None",
            "import of txbalancer.services.takeover halted",
        ),
        (
            0,
            "import txbalancer.services.former as former\n"
            "former.Former.state = lambda self: os._exit(7)",
            "it ended with exit code 7",
        ),
        (
            1,
            "import txbalancer.services.takeover as takeover\n"
            "takeover.Takeover.finish = lambda self, service: os._exit(8)",
            "it ended with exit code 8",
        ),
    ],
)
def test_a_new_version_that_crashes_changes_nothing(
    balancer: Starts, plug: str, said: str, workers: int
) -> None:
    """
    An import error, an end with all sockets in its hands, and one in the moment before it serves:
    the old process serves on and can be upgraded again.
    """
    process = balancer(configuration(workers=workers), start=False)
    lines = plug.replace("\n", "\n    ")
    (process.folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'TXBALANCER_FORMER' in os.environ and not os.path.exists('well'):\n"
        f"    {lines}\n"
    )
    process.env["PYTHONPATH"] += f"{os.pathsep}{process.folder}"
    process.start()
    done = command(process, "upgrade")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert said in process.log()
    assert {status(process, "/fixed") for _ in range(4)} == {204}
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", process.told())
    assert process.told().startswith(b"READY=1\nSTATUS=upgrade failed: ")
    (process.folder / "well").touch()
    process.upgrade()
    assert status(process, "/fixed") == 204


def test_a_websocket_goes_on_in_the_old_process(balancer: Starts) -> None:
    """
    A tunnel stays until graceful-timeout, and new ones are the new process'.
    """
    with EchoMember() as member:
        text = configuration(f"http://127.0.0.1:{member.port} upgrade=websocket", graceful="2s")
        process = balancer(text)
        address = f"ws://127.0.0.1:{process.port}/ws"
        with connect(address, proxy=None, ping_interval=None) as client:
            client.send("a")
            assert client.recv(5) == "a"
            former = process.upgrade()
            client.send("b")
            assert client.recv(5) == "b"
            with connect(address, proxy=None) as other:
                other.send("c")
                assert other.recv(5) == "c"
            with pytest.raises(ConnectionClosed):
                client.recv(timeout=15)
        assert former.wait(10) == 0
        assert process.terminate() == 0


def test_the_pid_file_names_the_new_process(balancer: Starts) -> None:
    """
    In the background, too: the pid file is replaced, and removed by the last process.
    """
    process = balancer(configuration(), start=False)
    done, pidfile = daemon(process)
    first = int(pidfile.read_text())
    assert done.returncode == 0, done.stdout
    os.kill(first, signal.SIGUSR2)
    try:
        until(lambda: pidfile.exists() and int(pidfile.read_text()) != first, "a new pid", 30.0)
        second = int(pidfile.read_text())
        assert until_ended(first)
        assert status(process, "/fixed") == 204
        assert int(pidfile.read_text()) == second
    finally:
        os.kill(int(pidfile.read_text()), signal.SIGTERM)
    assert until_ended(second)
    assert not pidfile.exists()
    assert "Traceback" not in (process.folder / "daemon.log").read_text()


@pytest.mark.parametrize("workers", [0, 1])
def test_datagrams_of_a_client_stay_with_their_member(balancer: Starts, workers: int) -> None:
    """
    A client of UDP keeps its member, and answers under way still arrive.
    """
    port = free_port()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        for each in (one, two, client):
            each.settimeout(10)
        members = "\n    ".join(f"udp://127.0.0.1:{each.getsockname()[1]}" for each in (one, two))
        text = (
            configuration(workers=workers)
            + f"[listener:u]\nmode = udp\nendpoint = udp:{port}:interface=127.0.0.1\n"
            f"to = balancer://u\n[balancer:u]\nmembers =\n    {members}\n"
        )
        process = balancer(text)
        client.connect(("127.0.0.1", port))
        client.send(b"first")
        data, back = one.recvfrom(100)
        assert data == b"first"
        former = process.upgrade()
        one.sendto(b"late answer", back)
        assert client.recv(100) == b"late answer"
        client.send(b"second")
        data, again = one.recvfrom(100)
        assert (data, again != back) == (b"second", True)
        one.sendto(b"answer", again)
        assert client.recv(100) == b"answer"
        assert former.wait(15) == 0


@pytest.mark.peers
def test_numbers_of_workers_may_change(balancer: Starts, peers: Peers) -> None:
    """
    From one process to several, to fewer, to other ones and back to one, under load: no request
    fails, and all are counted at last.
    """
    member = f"http://127.0.0.1:{peers.nginx(ECHO.replace('NAME', 'a')).port}"
    process = balancer(configuration(member))
    with Load(process.port) as load:
        for count in (2, 1, 1, 0):
            process.write(configuration(member, count))
            process.upgrade()
            load.more(20)
    assert load.failures == []
    name = "txbalancer_member_requests_total[('balancer', 'shop'), ('code', '2xx')"
    until(
        lambda: sum(n for key, n in counters(process).items() if name in key) == load.answers,
        "all requests are counted",
        20.0,
    )
    assert (process.folder / "web.sock").exists()
    assert process.terminate() == 0
    assert not (process.folder / "web.sock").exists()
    assert "Traceback" not in process.log()
