"""
A balancer with several processes: how they live, end and share connections.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.crowd import Client, cpu, is_there, workers
from tests.integration.load import ECHO, Load
from tests.integration.process import BalancerProcess, status, until
from tests.integration.scripted import Gate, ScriptedMember
from tests.peers import Peers

pytestmark = pytest.mark.integration

HEAD = """\
[txbalancer]
workers = COUNT
worker-timeout = 1s
access-log = ACCESS
access-log-format = json
graceful-timeout = 5s
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
"""
STATUS = "[mount:/]\nto = status:204\n"


def conf(text: str = STATUS, count: int = 2) -> str:
    """
    Return a configuration with so many workers.
    """
    return HEAD.replace("COUNT", str(count)) + text


def spare_of(process: BalancerProcess) -> int:
    """
    Return the process that waits to take a place, once it is there.
    """
    with contextlib.suppress(StopIteration):
        return next(pid for pid in workers(process).values() if pid not in at_work(process))
    return 0


def at_work(process: BalancerProcess) -> set[int]:
    """
    Return the processes that the manager's API says are workers.
    """
    control = Control(process.folder / "control.sock")
    with contextlib.closing(control):
        found = control.ask("GET", "/workers")
    return {each["pid"] for each in found["workers"] if each["number"]}


@contextlib.contextmanager
def clients(process: BalancerProcess, count: int) -> Iterator[list[Client]]:
    """
    Keep so many connections, each of which has had an answer.
    """
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(Client(process.port)) for _ in range(count)]
        assert {each.ask() for each in made} == {204}
        yield made


@pytest.mark.parametrize("count", [2, 4])
def test_kept_connections_are_spread(balancer: Starts, count: int) -> None:
    """
    Sixty-four connections that are kept are divided within a fifth, and so is what they cost.
    """
    process = balancer(conf(count=count))
    with clients(process, 64) as made:
        pids = workers(process)
        owners = Counter(each.owner(pids) for each in made)
        assert sum(owners.values()) == 64
        assert len(owners) == count
        assert max(owners.values()) <= 1.2 * min(owners.values())
        before = {column: cpu(pids[column]) for column in owners}
        deadline = time.monotonic() + 0.6
        while time.monotonic() < deadline:
            for each in made:
                each.send()
            assert {each.take() for each in made} == {204}
        spent = [cpu(pids[column]) - before[column] for column in owners]
        # Clock ticks of 10 ms are all that the system tells.
        assert max(spent) <= 1.2 * min(spent) + 0.04


def test_one_socket_for_all(balancer: Starts) -> None:
    """
    Workers that share one socket share the connections evenly, too.
    """
    process = balancer(conf("[listener:local]\nendpoint = unix:local.sock\n" + STATUS), start=True)
    made = []
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            each = stack.enter_context(socket.socket(socket.AF_UNIX))
            each.settimeout(15.0)
            each.connect(str(process.folder / "local.sock"))
            each.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert each.recv(1000).startswith(b"HTTP/1.1 204")
            made.append(each)
        control = Control(process.folder / "control.sock")
        with contextlib.closing(control):
            until(
                lambda: _even(
                    [
                        each["connections"]
                        for each in control.ask("GET", "/workers")["workers"]
                        if each["number"]
                    ],
                    32,
                ),
                "the workers have as many connections each",
            )


def _even(counts: list[int], total: int) -> bool:
    return sum(counts) == total and max(counts) - min(counts) <= 2


def test_a_killed_one_is_replaced(balancer: Starts, peers: Peers) -> None:
    """
    Under load a worker is killed: requests fail on its own connections only, each of its clients
    once at most, another takes its place within a second, and the cause is told.
    """
    member = peers.nginx(f"location / {{ {ECHO.replace('NAME', 'a')} }}")
    process = balancer(
        conf(f"[balancer:a]\nmembers = {member.url}\n[mount:/]\nto = balancer://a/\n")
    )
    with Load(process.port) as load:
        load.more()
        before = workers(process)
        victim = next(iter(at_work(process)))
        served = sum(1 for _ in before)
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in at_work(process) and len(at_work(process)) == 2, "another one")
        load.more(400)
    # Eight clients; those of the other worker see nothing.
    assert len(load.failures) <= 8 - 1, load.failures
    assert all("Reset" in each or "Remote" in each or "Broken" in each for each in load.failures)
    assert served >= 2
    assert f"(process {victim}) is lost: it was ended by SIGKILL" in process.log()
    assert process.terminate() == 0


def test_replacement_is_fast(balancer: Starts) -> None:
    """
    With both workers killed one after the other somebody serves again within a second, and
    whoever connects meanwhile waits and is served.
    """
    process = balancer(conf())
    for _ in range(2):
        spare: int = until(lambda: spare_of(process), "a spare one is there")
        # A spare has begun once it gives signs of life; its imports take most of that.
        until(lambda: _has_begun(process, spare), "the spare one has begun")
        victim = next(iter(at_work(process)))
        began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        codes = {status(process) for _ in range(8)}
        until(lambda: spare in at_work(process), "the spare one has its place")
        assert time.monotonic() - began < 5.0
        assert codes == {204}
    assert process.log().count("is lost") == 2


def _has_begun(process: BalancerProcess, pid: int) -> bool:
    """
    Tell whether a worker has read its files in: it ignores what a terminal sends.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return bool(int(line.split()[1], 16) & 1 << (signal.SIGHUP - 1))
    return False


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGSEGV, "Segmentation fault"), (signal.SIGABRT, "Aborted")],
)
def test_a_crash_says_where(balancer: Starts, number: signal.Signals, words: str) -> None:
    """
    What a worker was doing when it crashed is in the log, and what ended it.
    """
    process = balancer(conf())
    victim = next(iter(at_work(process)))
    os.kill(victim, number)
    until(lambda: f"was ended by {number.name}" in process.log(), "the cause is told")
    log = process.log()
    assert words in log
    assert "most recent call first" in log
    assert status(process) == 204


def test_a_hanging_one_is_replaced(balancer: Starts, broken: BalancerProcess) -> None:
    """
    A worker that hangs is found by its silence, tells where it is, and is replaced.
    """
    with Client(broken.port) as client:
        client.send("/hang")
        until(lambda: "gave no sign of life" in broken.log(), "its silence is noticed")
    until(lambda: len(at_work(broken)) == 2, "another has its place")
    assert "in choose" in broken.log()
    assert status(broken, "/well") == 204


def test_one_without_memory_is_replaced(broken: BalancerProcess) -> None:
    """
    A worker that gets no memory is replaced, but ends what it has.
    """
    before = at_work(broken)
    with Client(broken.port) as client:
        client.ask("/memory")
    until(lambda: "it has no memory left (MemoryError)" in broken.log(), "the cause is told")
    until(lambda: len(at_work(broken) - before) == 1, "another has its place")
    assert status(broken, "/well") == 204


def test_one_with_nothing_but_errors_is_replaced(broken: BalancerProcess) -> None:
    """
    A worker with more than a hundred unexpected errors in a second is replaced.
    """
    before = at_work(broken)
    until(
        lambda: _storm(broken) or "unexpected errors in a second" in broken.log(),
        "the storm is noticed",
    )
    until(lambda: len(at_work(broken) - before) >= 1, "another has its place")
    assert status(broken, "/well") == 204


def _storm(process: BalancerProcess) -> None:
    with Client(process.port) as client:
        for _ in range(300):
            if not client.ask("/storm"):
                return


PLUGIN = """
import time
from twisted.plugin import IPlugin
from zope.interface import implementer
from txbalancer.interfaces import ILBMethod, ILBMethodFactory

@implementer(ILBMethod)
class Broken:
    def build(self, members, ledger, random):
        self.members, self.ledger = members, ledger
    def choose(self, request):
        if request.path == b"/hang":
            while True:
                time.sleep(1)
        if request.path == b"/memory":
            raise MemoryError
        if request.path == b"/storm":
            raise ValueError("odd")
        self.ledger.charge_election(self.members[0])
        return self.members[0]
    def released(self, member):
        pass
    def reset(self, members):
        pass

@implementer(IPlugin, ILBMethodFactory)
class Factory:
    name = "broken"
    needs = frozenset({"http"})
    def __call__(self, spec):
        return Broken()

broken = Factory()
"""


@pytest.fixture
def broken(balancer: Starts, tmp_path: Path, peers: Peers) -> BalancerProcess:
    """
    Start one with a plugin that does what no plugin should.
    """
    folder = tmp_path / "txbalancer" / "plugins"
    folder.mkdir(parents=True)
    (folder / "broken.py").write_text(PLUGIN)
    member = peers.nginx("location / { return 204; }")
    process = balancer(
        conf(
            f"[balancer:a]\nlbmethod = broken\nmembers = {member.url}\n[mount:/]\nto = balancer://a/\n"
        ),
        start=False,
    )
    process.env["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    return process.start()


def test_the_end_of_the_supervisor(balancer: Starts, gate: Gate) -> None:
    """
    When the supervisor is killed its workers finish what they have, and leave.
    """
    with ScriptedMember(gate.reply) as member:
        process = balancer(
            conf(f"[balancer:a]\nmembers = {member.url}\n[mount:/]\nto = balancer://a/\n")
        )
        pids = workers(process)
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(ask(f"http://127.0.0.1:{process.port}/?id=1").status)
        )
        asking.start()
        gate.await_waiting(1)
        process.signal(signal.SIGKILL)
        process.wait()
        gate.open()
        asking.join(10.0)
        assert answers == [200]
        until(lambda: not any(map(is_there, pids.values())), "all workers have ended")


def test_a_stop_waits_and_a_second_one_cuts(balancer: Starts, gate: Gate) -> None:
    """
    A stop lets requests in progress finish; nobody is served any more meanwhile; a second signal
    ends them.
    """
    with ScriptedMember(gate.reply) as member:
        process = balancer(
            conf(f"[balancer:a]\nmembers = {member.url}\n[mount:/]\nto = balancer://a/\n")
        )
        pids = workers(process)
        with Client(process.port) as client:
            client.send("/?id=1")
            gate.await_waiting(1)
            process.signal(signal.SIGTERM)
            until(lambda: "STOPPING" in process.told().decode(), "it stops")
            assert process.process is not None
            assert process.process.poll() is None
            process.signal(signal.SIGTERM)
            assert client.take() in (0, 502, 503)
        assert process.wait() == 0
        until(lambda: not any(map(is_there, pids.values())), "all workers have ended")
    assert "Traceback" not in process.log()
    assert "is lost" not in process.log()


def test_more_and_fewer_under_load(balancer: Starts, peers: Peers) -> None:
    """
    The number of workers is changed by reloads while clients come and go: none is refused, none
    waits in vain.
    """
    member = peers.nginx(f"location / {{ {ECHO.replace('NAME', 'a')} }}")
    text = f"[balancer:a]\nmembers = {member.url}\n[mount:/]\nto = balancer://a/\n"
    process = balancer(conf(text))
    over, failures = threading.Event(), []

    def come_and_go() -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                found = ask(f"http://127.0.0.1:{process.port}/?id={number}").status
            except OSError as error:
                failures.append(repr(error))
            else:
                if found != 200:
                    failures.append(str(found))

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for each in threads:
        each.start()
    try:
        with Load(process.port) as load:
            for count in (3, 1, 2):
                assert "reload done" in process.reload(conf(text, count))
                load.more()
                until(lambda count=count: len(at_work(process)) == count, f"{count} workers")
    finally:
        over.set()
        for each in threads:
            each.join(15.0)
    # A keep-alive connection of a worker that leaves ends between answers.
    assert [each for each in load.failures if "Remote" not in each and "Reset" not in each] == []
    assert failures == []


def test_refused_reloads(balancer: Starts) -> None:
    """
    What one process must refuse is refused for all: no workers at all, a certificate that is not
    there.
    """
    process = balancer(conf())
    pids = at_work(process)
    said = process.reload(conf(count=0))
    assert "only by a restart" in said
    secure = "[listener:tls]\nendpoint = tcp:0\ntls-certificate = missing.pem\n"
    assert "missing.pem" in process.reload(conf(secure + STATUS))
    assert status(process) == 204
    assert at_work(process) == pids


def test_one_process_stays_one(balancer: Starts) -> None:
    """
    From one process to several it takes a restart, which the refusal says.
    """
    process = balancer(STATUS)
    assert "only by a restart" in process.reload(conf())
    assert status(process) == 204


def test_the_log_has_no_noise(balancer: Starts) -> None:
    """
    Starting, reloading and stopping is told once, not by every process.
    """
    process = balancer(conf())
    process.reload(conf("[mount:/new]\nto = status:200\n" + STATUS))
    assert process.terminate() == 0
    log = process.log()
    assert log.count("serving 1 listener") == 1
    for noise in ("established", "starting on", "Traceback", "worker 1:", "spare worker"):
        assert noise not in log, log


def test_orders_reach_all_soon(balancer: Starts, peers: Peers) -> None:
    """
    A change through the API is in force in both workers as soon as it is answered.
    """
    one, two = (
        peers.nginx(f"location / {{ {ECHO.replace('NAME', each)} }}") for each in ("one", "two")
    )
    process = balancer(
        conf(
            f"[balancer:a]\nmembers =\n    {one.url} route=one\n    {two.url} route=two\n"
            "[mount:/]\nto = balancer://a/\n"
        )
    )
    with contextlib.closing(Control(process.folder / "control.sock")) as control:
        spent = []
        for _ in range(10):
            for gone, stays in (("one", b"two"), ("two", b"one")):
                began = time.monotonic()
                control.ask("PATCH", f"/balancers/a/members/{gone}", {"disabled": True})
                spent.append(time.monotonic() - began)
                bodies = {
                    ask(f"http://127.0.0.1:{process.port}/?id=1").body.split()[1]
                    for _ in "12345678"
                }
                assert bodies == {stays}
                control.ask("PATCH", f"/balancers/a/members/{gone}", {"disabled": False})
        # Fifty milliseconds are asked for; the machine of a test may be busy.
        assert sorted(spent)[len(spent) // 2] < 0.5
