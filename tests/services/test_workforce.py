"""
The processes of a service, without any.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txbalancer.core.specs import GlobalSpec, ListenerSpec, ServiceSpec
from txbalancer.services import workforce as workforces
from txbalancer.services.workforce import Workforce
from txbalancer.workers.handover import receive
from txbalancer.workers.orders import Configure
from txbalancer.workers.table import EDITION


class Fake:
    """
    A worker without a process, which serves once the test says so.
    """

    def __init__(self, reactor: Any, now: Any, column: int, cells: Any, *rest: Any) -> None:
        self.number, self.column, self.pid, self.last_pid = 0, column, column, column
        self.at_work = 0.0
        self.cells, self.has, self.rates = cells, set[Any](), dict[str, Any]()
        self.ended: Deferred[str] = Deferred()
        self.told: list[Deferred[Any]] = []

    def start(self) -> None: ...

    def expect(self, seconds: float) -> None: ...

    def give_time(self, seconds: float) -> None: ...

    def kill(self, why: str) -> None: ...

    def silence(self) -> float:
        return 0.0

    def call(self, command: Any, **arguments: Any) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        if command is Configure:
            self.told.append(answer)
        return answer

    def serve(self) -> None:
        """
        Do as it was told.
        """
        self.cells[EDITION] = 1
        self.told.pop(0).callback({"fault": ""})

    def end(self) -> None:
        """
        End as nobody wanted.
        """
        self.ended.callback("it was ended by SIGKILL")


class Loop(Clock):
    """
    A reactor that has readers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.remove(reader)


@pytest.fixture
def loop() -> Loop:
    """
    Make a reactor.
    """
    return Loop()


@pytest.fixture
def workforce(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workforce]:
    """
    Make one of two workers, which are told to serve.
    """
    monkeypatch.setattr(workforces, "Child", Fake)
    setup: Any = lambda edition: None  # noqa: E731
    made = Workforce(loop, loop.seconds, setup, dict, lambda child: None, lambda child, cause: None)
    listener = ListenerSpec("web", endpoint=("tcp:0:interface=127.0.0.1",))
    made.open([listener], 2)
    made.make_folder()
    made.start(ServiceSpec(GlobalSpec(workers=2, worker_timeout=5.0)))
    yield made
    made.close()


def waiting(workforce: Workforce, number: int) -> int:
    """
    Take who waits in the socket of a worker, and return how many that were.
    """
    (held,) = workforce.outside
    ((_, _, file),) = held.of(number, 2)
    with socket.socket(fileno=os.dup(file)) as listening:
        for count in range(100):
            try:
                listening.accept()[0].close()
            except BlockingIOError:
                return count
    return 100


def passed(workforce: Workforce, column: int) -> int:
    """
    Take what is in the box of a process, and return how much that was.
    """
    with socket.socket(fileno=os.dup(workforce.places.files(column)[1])) as box:
        found = list(receive(box))
    for _, number in found:
        os.close(number)
    return len(found)


@contextlib.contextmanager
def clients(workforce: Workforce, count: int) -> Iterator[None]:
    """
    Have so many connect.
    """
    (held,) = workforce.outside
    with socket.socket(fileno=os.dup(held.numbers[0])) as listening:
        address = listening.getsockname()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(address, 5.0))
        yield


def work(loop: Loop) -> None:
    """
    Let the supervisor look at who waits for it.
    """
    for each in list(loop.readers):
        each.doRead()


def test_others_have_the_clients_of_one_that_is_not_there(workforce: Workforce, loop: Loop) -> None:
    """
    From the loss of a worker until the next one serves, who comes to its socket is passed to the
    others; a full box lets them wait for a moment.
    """
    first, second = fakes(workforce)
    first.serve()
    second.serve()
    assert loop.readers == []
    second.end()
    with clients(workforce, 60):
        mine = waiting(workforce, 1)
        got = 0
        for _ in range(100):
            work(loop)
            got += passed(workforce, first.column)
            loop.advance(0.01)
        assert (mine + got, waiting(workforce, 2)) == (60, 0)
        assert got
    (third,) = (each for each in fakes(workforce) if each.number == 2)
    third.serve()
    assert loop.readers == []


def test_nobody_is_there(workforce: Workforce, loop: Loop) -> None:
    """
    Clients wait in their sockets for workers that have not begun yet, and for those that are lost
    while nobody else serves; nobody looks after what another process has got.
    """
    first, second = fakes(workforce)
    first.serve()
    assert loop.readers == []
    second.serve()
    for each in (first, second):
        each.end()
        each.cells[EDITION] = 0
    assert len(loop.readers) == 2
    with clients(workforce, 20):
        work(loop)
        assert len(loop.readers) < 2
        assert waiting(workforce, 1) + waiting(workforce, 2) == 20
    loop.advance(0.01)
    assert len(loop.readers) == 2
    workforce.give_away()
    assert loop.readers == []


def fakes(workforce: Workforce) -> list[Any]:
    """
    Return the workers.
    """
    return list(workforce.crew)
