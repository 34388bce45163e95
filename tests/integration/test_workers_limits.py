"""
Limits of a balancer with several processes, which hold for all of them together.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.crowd import Client, workers
from tests.integration.process import BalancerProcess, status, until
from tests.integration.scripted import Gate, ScriptedMember

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
workers = 2
GLOBAL
access-log = ACCESS
access-log-format = json
graceful-timeout = 5s
control = control.sock
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
LISTENER
[limit:few]
rate = 1/h
burst = BURST
[mount:/few]
to = status:204
limit = few
[mount:/none]
to = status:204
[mount:/]
to = balancer://shop/
[balancer:shop]
BALANCER
members = MEMBER
"""


def text_for(
    member: ScriptedMember, listener: str = "", balancer: str = "", rest: str = "", burst: int = 10
) -> str:
    """
    Return a configuration with some limits.
    """
    text = TEXT.replace("MEMBER", member.url).replace("GLOBAL", rest)
    text = text.replace("LISTENER", listener).replace("BALANCER", balancer)
    return text.replace("BURST", str(burst))


class Limited:
    """
    A balancer of two workers whose limits a test chooses.
    """

    def __init__(self, process: BalancerProcess) -> None:
        self.process = process

    def use(self, *arguments: str | int | ScriptedMember, **options: str | int) -> None:
        """
        Have it serve with some limits.
        """
        assert "reload done" in self.process.reload(text_for(*arguments, **options))  # type: ignore[arg-type]

    def used(self, of: str, option: str) -> dict[str, int]:
        """
        Return what is shown of a limit; zeros until workers have told of it.
        """
        with contextlib.closing(Control(self.process.folder / "control.sock")) as control:
            found = control.ask("GET", "/limits")["limits"]
        mine = (each for each in found if (each["of"], each["option"]) == (of, option))
        return next(mine, {"used": 0, "passed": 0, "refused": 0, "most": 0})

    @contextlib.contextmanager
    def clients(self, count: int = 8) -> Iterator[list[Client]]:
        """
        Keep so many connections, of which either worker has some.
        """
        with contextlib.ExitStack() as stack:
            made = [stack.enter_context(Client(self.process.port)) for _ in range(count)]
            assert {each.ask("/none") for each in made} == {204}
            assert len({each.owner(workers(self.process)) for each in made}) == 2
            yield made


@pytest.fixture(scope="module")
def shared(module_balancer: Starts) -> Iterator[Limited]:
    """
    Start the one that all tests share.
    """
    with ScriptedMember(lambda request: False) as member:
        yield Limited(module_balancer(text_for(member)))


@pytest.fixture
def member(gate: Gate) -> Iterator[ScriptedMember]:
    """
    Start a member that lets requests wait.
    """
    with ScriptedMember(gate.reply) as made:
        yield made


def statuses(clients: list[Client], gate: Gate, inside: int, refused: int) -> list[int]:
    """
    Ask a slow thing on each connection, let the member answer once so many are inside and so many
    were refused, and return what became of all.
    """
    for number, each in enumerate(clients):
        each.send(f"/slow?id={number}")
    gate.await_waiting(inside)
    sockets = [each.socket for each in clients]
    until(lambda: len(select(sockets, [], [], 0)[0]) >= refused, f"{refused} are refused")
    gate.open()
    return sorted(each.take() for each in clients)


def test_a_rate_is_one_of_all(shared: Limited, member: ScriptedMember) -> None:
    """
    However often a client connects anew, and on all its connections together: it gets what the
    rate gives, and both workers say so.
    """
    shared.use(member, burst=12)
    assert [status(shared.process, "/few") for _ in range(4)] == [204] * 4
    with shared.clients() as clients:
        found = Counter(each.ask("/few") for _ in range(3) for each in clients)
    assert found == {204: 8, 429: 16}
    assert {status(shared.process, "/few") for _ in range(4)} == {429}
    until(lambda: shared.used("limit few", "rate")["refused"] == 20, "the sums tell it")
    assert shared.used("limit few", "rate")["passed"] == 12
    assert shared.used("limit few", "rate")["used"] == 1


def test_a_rate_outlives_workers_and_reloads(shared: Limited, member: ScriptedMember) -> None:
    """
    What is used up stays so for whoever takes a lost worker's place, and with another burst; with
    another number of keys all begin anew.
    """
    shared.use(member, rest="stop-delay = 0", burst=13)
    while status(shared.process, "/few") == 204:
        pass
    victim = next(iter(workers(shared.process).values()))
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in workers(shared.process).values(), "it is gone")
    until(lambda: _both_serve(shared.process), "another one serves in its place")
    with shared.clients() as clients:
        assert {each.ask("/few") for each in clients} == {429}
    shared.use(member, burst=15)
    assert [status(shared.process, "/few") for _ in range(4)] == [204, 204, 429, 429]
    text = text_for(member, burst=15).replace("rate = 1/h", "rate = 1/h\nkeys = 50")
    assert "reload done" in shared.process.reload(text)
    assert status(shared.process, "/few") == 204


def _both_serve(process: BalancerProcess) -> bool:
    with Client(process.port) as one, Client(process.port) as other:
        assert (one.ask("/none"), other.ask("/none")) == (204, 204)
        return len({each.owner(workers(process)) for each in (one, other)}) == 2


@pytest.mark.parametrize("where", ["balancer", "listener"])
def test_max_requests(shared: Limited, member: ScriptedMember, gate: Gate, where: str) -> None:
    """
    So many are in progress in both workers, so many wait, and all others are refused.
    """
    shared.use(member, **{where: "max-requests = 3\nqueue = 2"})
    with shared.clients() as clients:
        assert statuses(clients, gate, 3, 3) == [200] * 5 + [503] * 3
        assert {each.ask("/?id=1") for each in clients} == {200}
    name = {"balancer": "balancer shop", "listener": "listener web"}[where]
    until(lambda: shared.used(name, "max-requests")["refused"] == 3, "the sums tell it")
    assert shared.used(name, "max-requests")["most"] == 3


def test_requests_per_client(shared: Limited, member: ScriptedMember, gate: Gate) -> None:
    """
    A client may have so many in progress, whichever worker its connections are in; who has to wait
    is let in as soon as there is room in any.
    """
    shared.use(member, "requests-per-client = 2\nqueue = 3\nqueue-timeout = 60s")
    with shared.clients() as clients:
        assert statuses(clients, gate, 2, 3) == [200] * 5 + [503] * 3
        assert {each.ask("/?id=1") for each in clients} == {200}


def test_connections(shared: Limited, member: ScriptedMember) -> None:
    """
    Connections of a client, and of the whole service, are counted over both workers.
    """
    for options in ({"listener": "connections-per-client = 8"}, {"rest": "max-connections = 8"}):
        shared.use(member, **options)
        with shared.clients() as clients:
            for _ in range(4):
                with Client(shared.process.port) as other:
                    assert other.ask("/none") == 0
            clients[0].socket.close()
            until(lambda: status_of_new(shared.process) == 204, "there is room for one")


def status_of_new(process: BalancerProcess) -> int:
    """
    Return what a new client gets, 0 where it is not served.
    """
    with Client(process.port) as client:
        return client.ask("/none")


def test_a_lost_worker_leaves_its_places(
    shared: Limited, member: ScriptedMember, gate: Gate
) -> None:
    """
    What a worker had in progress when it is killed counts no more, and traffic goes on.
    """
    shared.use(member, "requests-per-client = 4", "max-requests = 4\nqueue = 0")
    with shared.clients() as clients:
        pids = workers(shared.process)
        victim = pids[clients[0].owner(pids)]
        its = [each for each in clients if pids[each.owner(pids)] == victim]
        assert len(its) >= 2
        for each in its[:2]:
            each.send("/slow?id=1")
        others = [each for each in clients if each not in its]
        for each in others[:2]:
            each.send("/slow?id=1")
        gate.await_waiting(4)
        assert others[2].ask("/?id=2") == 503
        os.kill(victim, signal.SIGKILL)
        until(lambda: others[2].ask("/?id=2") == 200, "there is room again")
        with Client(shared.process.port) as fresh:
            for each in (others[2], fresh):
                each.send("/slow?id=1")
            gate.await_waiting(6)
            with Client(shared.process.port) as late:
                assert late.ask("/?id=2") == 503
            gate.open()
            assert [each.take() for each in (*others[:3], fresh)] == [200] * 4
        until(lambda: shared.used("balancer shop", "max-requests")["used"] == 0, "nobody is left")
    assert "Traceback" not in Path(shared.process.folder / "output.log").read_text()
