"""
A balancer with several processes, of which one is lost: by a signal, a crash, for it hangs or has
nothing but errors.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.crowd import Client, at_work, conf, spare_of, workers
from tests.integration.load import ECHO, Load
from tests.integration.process import BalancerProcess, status, until
from tests.peers import Peers

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def loss(process: BalancerProcess, cause: str) -> Iterator[None]:
    """
    Expect that one worker is lost: its cause is an event, once, and in the log; the spare one has
    its place; nothing is left in progress, and what was counted is what the access log has.
    """
    until(lambda: len(workers(process)) == 3, "two are at work, and one is spare", 30.0)
    were = at_work(process)
    spare: int = until(lambda: spare_of(process), "a spare one is there", 30.0)
    until(lambda: _has_begun(process, spare), "the spare one has begun", 30.0)
    with contextlib.closing(Control(process.folder / "control.sock")) as control:
        before = _losses(control)
        yield
        until(lambda: spare in at_work(process), "the spare one has its place", 60.0)
        (text,) = until(lambda: _losses(control)[len(before) :], "the loss is an event")
        assert cause in text
        assert process.log().count(text.partition(": ")[2]) >= 1
        until(lambda: _settled(process, control), "the counters equal the log", 30.0)
    lost = were - (are := at_work(process))
    assert len(are) == 2
    # One that was not well ends what it has, and would be taken for a spare one meanwhile.
    until(lambda: lost.isdisjoint(workers(process).values()), "the lost one has ended")


def _losses(control: Control) -> list[str]:
    events = control.ask("GET", "/events")["events"]
    return [each["text"] for each in events if each["kind"] == "worker"]


def _settled(process: BalancerProcess, control: Control) -> bool:
    found = control.ask("GET", "/balancers/a")
    lines = sum(each["balancer"] == "a" for each in process.records())
    return (
        found["requests"]["in_flight"] == 0
        and not any(each["busy"] for each in found["members"])
        and found["requests"]["total"] == lines
    )


def test_a_killed_one_is_replaced(broken: BalancerProcess) -> None:
    """
    Under load a worker is killed: only requests that it was serving fail, each client's once at
    most; another takes its place, and the cause is told.
    """
    process = broken
    with loss(process, "it was ended by SIGKILL"), Load(process.port) as load:
        load.more()
        victim = next(iter(at_work(process)))
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in at_work(process) and len(at_work(process)) == 2, "another one")
        load.more(200)
    # Eight clients, of which the other worker has some.
    assert len(load.failures) < 8, load.failures
    assert all("Reset" in each or "Remote" in each or "Broken" in each for each in load.failures)
    assert f"(process {victim}) is lost: it was ended by SIGKILL" in process.log()


def test_replacement_is_fast(broken: BalancerProcess) -> None:
    """
    When a worker is killed whoever connects meanwhile waits and is served, and the spare one has
    its place at once.
    """
    process = broken
    spare: int = until(lambda: spare_of(process), "a spare one is there")
    # It has begun once it gives signs of life; its imports take most of that.
    until(lambda: _has_begun(process, spare), "the spare one has begun", 30.0)
    victim = next(iter(at_work(process)))
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    assert {status(process, "/none") for _ in range(8)} == {204}
    until(lambda: spare in at_work(process), "the spare one has its place")
    # A second is promised; the machine of a test may be busy.
    assert time.monotonic() - began < 5.0


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
def test_a_crash_says_where(broken: BalancerProcess, number: signal.Signals, words: str) -> None:
    """
    What a worker was doing when it crashed is in the log, and what ended it.
    """
    process = broken
    victim = next(iter(at_work(process)))
    until(lambda: _has_begun(process, victim), "it has begun", 30.0)
    os.kill(victim, number)
    until(lambda: f"was ended by {number.name}" in process.log(), "the cause is told")
    log = process.log()
    assert words in log
    assert "most recent call first" in log
    assert status(process, "/none") == 204
    until(lambda: len(at_work(process)) == 2, "another one has its place")


def test_a_hanging_one_is_replaced(broken: BalancerProcess) -> None:
    """
    A worker that hangs is found by its silence, tells where it is, and is replaced.
    """
    with loss(broken, "it gave no sign of life for"), Client(broken.port) as client:
        client.send("/hang")
        until(lambda: "gave no sign of life" in broken.log(), "its silence is noticed")
    assert "in choose" in broken.log()
    assert status(broken, "/well") == 200


def test_one_without_memory_is_replaced(broken: BalancerProcess) -> None:
    """
    A worker that gets no memory is replaced, but ends what it has.
    """
    with loss(broken, "it has no memory left (MemoryError)"), Client(broken.port) as client:
        client.ask("/memory")
    assert status(broken, "/well") == 200


def test_one_with_nothing_but_errors_is_replaced(broken: BalancerProcess) -> None:
    """
    A worker with more than a hundred unexpected errors in a second is replaced.
    """
    with loss(broken, "unexpected errors in a second, the last ValueError: odd"):
        assert status(broken, "/storm") == 200
    assert status(broken, "/well") == 200
    # Of six hundred not all are worth a traceback.
    assert broken.log().count("ValueError: odd") < 500


PLUGIN = """
import time
from twisted.logger import Logger
from twisted.plugin import IPlugin
from zope.interface import implementer
from txbalancer.interfaces import ILBMethod, ILBMethodFactory

log = Logger()

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
        for _ in range(600 if request.path == b"/storm" else 0):
            try:
                raise ValueError("odd")
            except ValueError:
                log.failure("it is odd")
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


@pytest.fixture(scope="module")
def broken(
    module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory, module_peers: Peers
) -> BalancerProcess:
    """
    Start one with a plugin that does what no plugin should.
    """
    path = tmp_path_factory.mktemp("broken")
    folder = path / "txbalancer" / "plugins"
    folder.mkdir(parents=True)
    (folder / "broken.py").write_text(PLUGIN)
    member = module_peers.nginx(f"location / {{ {ECHO.replace('NAME', 'one')} }}").url
    balancers = f"[balancer:a]\nlbmethod = broken\nmembers = {member}\n"
    process = module_balancer(
        conf(f"{balancers}[mount:/none]\nto = status:204\n[mount:/]\nto = balancer://a/\n"),
        start=False,
    )
    process.env["PYTHONPATH"] += f"{os.pathsep}{path}"
    return process.start()
