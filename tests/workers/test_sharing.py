"""
Ports of workers that accept connections for each other.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor, tcp
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock

from txbalancer.net.adopt import SharedUNIXPort, adopt_port
from txbalancer.net.eager import make_eager
from txbalancer.net.turnstile import Turnstile
from txbalancer.workers.handover import open_box
from txbalancer.workers.sharing import Sharing
from txbalancer.workers.spread import Spread
from txbalancer.workers.table import OPEN, Table, create_memory

pytestmark = pytest.mark.integration
KEY = 7


class Worker(ServerFactory):
    """
    One of several in this process, read by the test and not by the reactor.

    @ivar made: the protocols of its connections.
    """

    noisy = False

    def __init__(self, table: Table, number: int, folder: Path) -> None:
        self.number, self.table = number, table
        self.box = open_box(str(folder), number)
        table.use(number)
        self.sharing = Sharing(reactor, Spread(table, number), str(folder), self.box)
        self.sharing.serve(1, {KEY})
        self.made: list[Protocol] = []
        self.port: Any = None

    def listen(self, listening: socket.socket) -> None:
        """
        Accept from a socket.
        """
        number, family = listening.fileno(), listening.family
        self.port = adopt_port(reactor, number, family, self)
        self.port.stopReading()
        make_eager(self.port)
        self.sharing.share(self.port, KEY)

    def buildProtocol(self, addr: Any) -> Protocol:
        """
        Serve nothing.
        """
        self.made.append(Protocol())
        return self.made[-1]

    def accept(self) -> None:
        """
        Accept what is there, and take what was passed on.
        """
        for _ in range(8):
            self.port.doRead()

    def take(self) -> None:
        """
        Take what was passed on.
        """
        self.sharing._inbox.doRead()

    @property
    def open(self) -> int:
        """
        How many connections others see it have.
        """
        return int(self.table.column(self.number)[OPEN])

    def close(self) -> None:
        """
        Close everything.
        """
        for each in self.made:
            if each.transport is not None:
                each.transport.loseConnection()
        if self.port is not None:
            self.port.connectionLost(None)
        self.sharing.close()
        self.box.close()


class Crowd:
    """
    Two workers, a listening socket that only the first accepts from, and clients.
    """

    def __init__(self, folder: Path, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.memory = create_memory()
        self.table = Table(self.memory)
        self.listening = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        unix = family == socket.AF_UNIX
        self.listening.bind(str(folder / "socket") if unix else ("127.0.0.1", 0))
        self.listening.listen(64)
        self.workers = [Worker(self.table, number, folder) for number in (1, 2)]
        for each in self.workers:
            each.listen(self.listening)
        self.clients: list[socket.socket] = []

    def connect(self, count: int) -> None:
        """
        Connect so many times.
        """
        for _ in range(count):
            client = socket.socket(self.listening.family)
            client.settimeout(5.0)
            client.connect(self.listening.getsockname())
            self.clients.append(client)

    def counts(self) -> list[int]:
        """
        Return how many connections each worker has.
        """
        return [each.open for each in self.workers]

    def close(self) -> None:
        """
        Close everything.
        """
        for client in self.clients:
            client.close()
        for worker in self.workers:
            worker.close()
        self.listening.close()
        os.close(self.memory)


@pytest.fixture(params=[socket.AF_INET, socket.AF_UNIX], ids=["tcp", "unix"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    """
    Make one.
    """
    made = Crowd(tmp_path, request.param)
    yield made
    made.close()


def test_every_other_one_is_passed_on(crowd: Crowd) -> None:
    """
    What one worker accepts is divided, arrives whole, and is served where it was passed to.
    """
    one, two = crowd.workers
    crowd.connect(10)
    for client in crowd.clients:
        client.sendall(b"early")
    one.accept()
    assert crowd.counts() == [5, 0]
    two.take()
    assert crowd.counts() == [5, 5]
    assert [len(one.made), len(two.made)] == [5, 5]
    got: list[bytes] = []
    for each in two.made:
        each.dataReceived = got.append  # type: ignore[method-assign]
        each.transport.doRead()  # type: ignore[union-attr]
    assert got == [b"early"] * 5


def test_what_comes_where_memory_is_short(crowd: Crowd) -> None:
    """
    Others serve all that comes to a worker that is short of memory, and pass nothing to it. Where
    they are so, too, what comes waits until either has room again.
    """
    one, two = crowd.workers
    clock, turnstiles = Clock(), []
    for each in crowd.workers:
        turnstile = Turnstile(clock)
        turnstile.divert, turnstile.on_closed = each.sharing.diverts, each.sharing.spread.short
        each.sharing._ports[each.port].turnstile = turnstile
        turnstile.add(each.port)
        turnstiles.append(turnstile)
    first, second = turnstiles
    first.close()
    crowd.connect(5)
    one.port.doRead()
    two.take()
    assert crowd.counts() == [0, 5]
    crowd.connect(1)
    two.port.doRead()
    assert crowd.counts() == [0, 6]
    second.close()
    crowd.connect(2)
    one.port.doRead()
    two.port.doRead()
    assert one.port not in reactor.getReaders()  # type: ignore[attr-defined]
    assert crowd.counts() == [0, 6]
    second.open()
    clock.advance(0.25)
    assert one.port in reactor.getReaders()  # type: ignore[attr-defined]
    one.port.doRead()
    two.take()
    assert crowd.counts() == [0, 8]
    first.open()
    crowd.connect(1)
    one.accept()
    assert crowd.counts() == [1, 8]
    for each in crowd.workers:
        each.port.stopReading()


def test_the_end_counts_once(crowd: Crowd) -> None:
    """
    However a connection ends it is one less, and then others are passed on no more.
    """
    one, two = crowd.workers
    crowd.connect(4)
    one.accept()
    two.take()
    for each in list(two.made):
        each.transport.loseConnection()  # type: ignore[union-attr]
        each.transport.loseConnection()  # type: ignore[union-attr]
    assert crowd.counts() == [2, 0]
    for each in list(one.made):
        each.transport.loseConnection()  # type: ignore[union-attr]
    assert crowd.counts() == [0, 0]


def test_nobody_is_there_to_take_it(crowd: Crowd) -> None:
    """
    Where the other one has no box any more, or does not serve, all are served here.
    """
    one, two = crowd.workers
    two.sharing.serve(0, set())
    crowd.connect(3)
    one.accept()
    assert crowd.counts() == [3, 0]
    two.sharing.serve(1, {KEY})
    os.unlink(two.box.getsockname())
    crowd.connect(3)
    one.accept()
    assert crowd.counts() == [6, 0]
    assert crowd.table.coming(2) == 0


def test_an_endpoint_that_is_not_known(crowd: Crowd) -> None:
    """
    A connection for an endpoint that the receiver has no more is closed; one whose client is
    gone is nothing.
    """
    one, two = crowd.workers
    two.sharing.serve(1, set())
    crowd.connect(2)
    one.accept()
    two.take()
    assert crowd.counts() == [1, 0]
    assert sorted(_is_open(each) for each in crowd.clients) == [False, True]


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


def test_a_shared_unix_socket_outlives_who_accepts(tmp_path: Path) -> None:
    """
    When one process accepts no more from a unix socket, its path, its mode and who else accepts
    from it stay.
    """
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as listening:
        listening.bind(str(path))
        listening.listen(5)
        path.chmod(0o600)
        factory = ServerFactory()
        factory.noisy = False
        port: Any = adopt_port(reactor, listening.fileno(), listening.family, factory)
        assert isinstance(port, SharedUNIXPort)
        assert path.stat().st_mode & 0o777 == 0o600
        port.stopReading()
        port.connectionLost(None)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            accepted, _ = listening.accept()
            accepted.close()


def test_ports_of_other_reactors_are_left_alone(crowd: Crowd) -> None:
    """
    What is no port of Twisted's own accepts as it does.
    """
    port = object()
    crowd.workers[0].sharing.share(port, 8)
    assert not isinstance(port, tcp.Port)
