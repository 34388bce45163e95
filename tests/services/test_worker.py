"""
What a worker does when its supervisor says so.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import StringTransport
from twisted.protocols.amp import AMP

from tests.services.worlds import Reactor
from txbalancer.config import loads
from txbalancer.services.plugins import load_registry
from txbalancer.services.post import Post
from txbalancer.workers.handover import open_box
from txbalancer.workers.orders import Configure, Outset, Setup, Stop
from txbalancer.workers.parcels import Packed
from txbalancer.workers.sharing import Sharing
from txbalancer.workers.spread import Spread
from txbalancer.workers.table import BEAT, EDITION, Table, create_memory
from txbalancer.workers.word import Word

TEXT = """\
[txbalancer]
access-log = off
graceful-timeout = 3s
[listener:web]
endpoint = tcp:80
[mount:/]
to = status:204
"""


class Adopted:
    """
    A port of another process.
    """

    def __init__(self) -> None:
        self.open = True

    def stopListening(self) -> Deferred[None]:
        self.open = False
        return succeed(None)


class Loop(Reactor):
    """
    A reactor that can be stopped, and takes ports.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stops = 0
        self.ports: list[Adopted] = []
        self.running = True

    def stop(self) -> None:
        self.stops += 1

    def adoptStreamPort(self, number: int, family: int, factory: Any) -> Adopted:
        self.factory = factory
        self.ports.append(Adopted())
        return self.ports[-1]


class Worker:
    """
    A worker without a process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shared"
        self.folder.mkdir()
        self.memory = create_memory()
        self.table = Table(self.memory)
        self.table.use(1)
        self.box = open_box(str(self.folder), 1)
        self.reactor = Loop()
        spread = Spread(self.table, 1)
        self.sharing = Sharing(self.reactor, spread, str(self.folder), self.box)
        self.post = Post(self.reactor, self.sharing, self.table, 1)
        self.transport = StringTransport()
        self.post.makeConnection(self.transport)
        self.answers: list[Any] = []

    def order(self, command: Any, **arguments: Any) -> Any:
        """
        Tell it something, and return its answer.
        """
        supervisor, line = AMP(), StringTransport()
        supervisor.makeConnection(line)
        answers: list[Any] = []
        supervisor.callRemote(command, **arguments).addBoth(answers.append)
        self.post.dataReceived(line.value())
        supervisor.dataReceived(self.transport.value())
        self.transport.clear()
        return answers[0]

    def configure(self, text: str = TEXT, edition: int = 1) -> Any:
        """
        Have it serve by a configuration.
        """
        spec = Packed(loads(text, load_registry()).spec)
        outset = Outset(self.reactor.seconds(), {}, [], Word(), {}, {})
        setup = Setup(spec, edition, outset, 2, b"secret", str(self.folder))
        return self.order(Configure, setup=setup, sockets={(1, 0)})

    def give(self, index: int = 0) -> None:
        """
        Give it a socket.
        """
        with socket.socket() as given:
            number = os.dup(given.fileno())
        self.post.take_socket(1, index, "tcp:80", socket.AF_INET, number)

    @property
    def edition(self) -> int:
        """
        By which edition others see it serve.
        """
        return int(self.table.column(1)[EDITION])

    def close(self) -> None:
        """
        Close everything.
        """
        self.sharing.close()
        self.box.close()
        os.close(self.memory)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """
    Make one.
    """
    made = Worker(tmp_path)
    yield made
    made.close()


def test_it_lives(worker: Worker) -> None:
    """
    From the first moment on it gives signs of life, and nobody passes anything to it.
    """
    first = worker.table.column(1)[BEAT]
    assert first
    worker.reactor.advance(0.25)
    assert worker.table.column(1)[BEAT] > first
    assert worker.edition == 0


def test_a_sign_of_life_before_work(worker: Worker) -> None:
    """
    One is given before something is done that may take long.
    """
    first = worker.table.column(1)[BEAT]
    worker.order(Stop, others=True)
    assert worker.table.column(1)[BEAT] > first


def test_it_serves(worker: Worker) -> None:
    """
    Sockets are accepted from when it is told by what to serve, not before; then others know.
    """
    worker.give()
    assert worker.reactor.ports == []
    assert worker.configure() == {"fault": ""}
    assert [each.open for each in worker.reactor.ports] == [True]
    assert worker.reactor.factory.buildProtocol(None) is not None
    assert worker.edition == 1


def test_another_configuration(worker: Worker) -> None:
    """
    Its sockets stay with another configuration; more may be given, and taken away again.
    """
    worker.give()
    worker.configure()
    worker.give(2)
    assert worker.configure(TEXT.replace("204", "200"), 2) == {"fault": ""}
    assert [each.open for each in worker.reactor.ports] == [True, False]
    assert worker.edition == 2
    assert worker.configure(TEXT, 3) == {"fault": ""}
    assert [each.open for each in worker.reactor.ports] == [True, False]


def test_what_it_cannot_do(worker: Worker, tmp_path: Path) -> None:
    """
    A configuration that it cannot serve by is refused with the reason.
    """
    worker.give()
    answer = worker.configure(TEXT.replace("access-log = off", f"access-log = {tmp_path}/no/log"))
    assert f"{tmp_path}/no/log" in answer["fault"]
    assert worker.edition == 0


def test_an_idle_one_stops_at_once(worker: Worker) -> None:
    """
    When all stop, one without connections says its last and ends.
    """
    worker.give()
    worker.configure()
    assert worker.order(Stop, others=False) == {}
    assert worker.edition == 0
    assert [each.open for each in worker.reactor.ports] == [False]
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting
    assert worker.reactor.stops == 0
    worker.post.connectionLost()
    assert worker.reactor.stops == 1
    assert worker.folder.exists()


def test_one_that_leaves_waits_a_moment(worker: Worker) -> None:
    """
    While others go on it accepts no more, and waits a moment for requests on their way; a second
    order ends that.
    """
    worker.give()
    worker.configure()
    worker.order(Stop, others=True)
    assert [each.open for each in worker.reactor.ports] == [False]
    assert worker.edition == 0
    worker.reactor.advance(0.5)
    assert not worker.transport.disconnecting
    worker.order(Stop, others=True)
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting


def test_one_that_was_never_used(worker: Worker) -> None:
    """
    One that has nothing to do yet ends at once.
    """
    worker.order(Stop, others=True)
    assert worker.transport.disconnecting


def test_the_supervisor_is_gone(worker: Worker) -> None:
    """
    Without its supervisor it ends what it has, which is nothing, and clears away what only the
    supervisor would have.
    """
    worker.give()
    worker.configure()
    worker.post.connectionLost()
    worker.reactor.advance(0.1)
    assert worker.reactor.stops == 1
    assert not worker.folder.exists()
