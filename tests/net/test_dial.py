"""
Connections to members: there at once, later, or never.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from errno import EALREADY, EINPROGRESS
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from txbalancer.net import dial
from txbalancer.net.dial import EagerClient

pytestmark = pytest.mark.integration

LOST = Failure(error.ConnectionLost())


class Reactor(Clock):
    """
    A clock that notes who waits for what.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard


class Dialled(ClientFactory):
    """
    Notes what became of a connection.
    """

    def __init__(self) -> None:
        self.made: list[Protocol] = []
        self.failed: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:
        """
        Note the protocol.
        """
        self.made.append(Protocol())
        return self.made[-1]

    def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
        """
        Note why.
        """
        self.failed.append(reason.type)


class Slow(socket.socket):
    """
    A socket of which it is not known at once what becomes of it.
    """

    ready = False

    def connect_ex(self, address: Any) -> int:
        """
        Begin for real, and be under way until C{ready}.
        """
        code = super().connect_ex(address)
        return code if self.ready else EALREADY if code != EINPROGRESS else EINPROGRESS


@pytest.fixture
def member() -> Iterator[socket.socket]:
    """
    Something that listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def begin(far: socket.socket, timeout: float = 5.0) -> tuple[Reactor, Dialled, EagerClient]:
    """
    Begin to connect.
    """
    reactor, factory = Reactor(), Dialled()
    client = EagerClient(reactor, *far.getsockname()[:2], factory)
    client.connect(timeout, 0)
    return reactor, factory, client


def unused() -> tuple[str, int]:
    """
    An address at which nobody listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as made:
        address: tuple[str, int] = made.getsockname()
        return address


def test_a_member_on_this_machine_is_connected_at_once(member: socket.socket) -> None:
    """
    There is neither a delayed call nor a turn of the loop, and both ends are known.
    """
    reactor, factory, client = begin(member)
    assert factory.made[0].transport is client
    assert reactor.readers == {client}
    assert not reactor.writers
    assert not reactor.getDelayedCalls()
    assert client.getPeer().port == member.getsockname()[1]
    assert f":{client.getPeer().port}" in client.logPrefix()
    with member.accept()[0] as accepted:
        assert client.getHost().port == accepted.getpeername()[1]
        client.loseConnection()
        assert accepted.recv(1) == b""
    assert not reactor.readers


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_members_of_ipv6_are_connected_to() -> None:
    """
    An address with colons is one of IPv6.
    """
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as member:
        _, _, client = begin(member)
        assert client.getPeer().host == client.getHost().host == "::1"
        client.loseConnection()


def test_a_refusal_is_told_later() -> None:
    """
    Whoever connects is never told of a failure before the call returns.
    """
    reactor, factory = Reactor(), Dialled()
    EagerClient(reactor, *unused(), factory).connect(5, 0)
    assert not factory.failed
    reactor.advance(0)
    assert factory.failed == [error.ConnectionRefusedError]
    assert not factory.made


def test_a_lack_of_sockets_is_told_later(
    member: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Too many open files are a failed connection like any other.
    """

    def none(*kinds: Any) -> Any:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(dial.socket, "socket", none)
    reactor, factory, _ = begin(member)
    assert not factory.failed
    reactor.advance(0)
    assert factory.failed == [error.ConnectBindError]


def test_what_takes_longer_is_waited_for(
    member: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The reactor tells when the connection is there; news that was meant for another is none.
    """
    monkeypatch.setattr(dial.socket, "socket", Slow)
    reactor, factory, client = begin(member)
    assert reactor.writers == {client}
    client.doWrite()
    assert not factory.made
    client.socket.ready = True
    client.doWrite()
    assert factory.made[0].transport is client
    assert (reactor.readers, reactor.writers) == ({client}, set())
    assert not reactor.getDelayedCalls()
    client.write(b"hello")
    with member.accept()[0] as accepted:
        assert accepted.recv(5) == b"hello"
    client.loseConnection()


def test_what_takes_too_long_is_given_up(
    member: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After the time allowed the socket is closed and the factory told.
    """
    monkeypatch.setattr(dial.socket, "socket", Slow)
    reactor, factory, client = begin(member, timeout=3)
    reactor.advance(2.9)
    assert not factory.failed
    reactor.advance(0.2)
    assert factory.failed == [error.TimeoutError]
    assert not hasattr(client, "socket")
    assert not reactor.writers


def test_a_busy_loop_is_not_the_members_fault(
    member: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is there when the time is over is taken, though the reactor has not told of it.
    """
    monkeypatch.setattr(dial.socket, "socket", Slow)
    reactor, factory, client = begin(member, timeout=3)
    client.socket.ready = True
    reactor.advance(5)
    assert not factory.failed
    assert factory.made[0].transport is client
    client.loseConnection()


def test_a_failure_that_the_reactor_finds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When the reactor drops the descriptor while it connects, the cause is asked for.
    """
    monkeypatch.setattr(dial.socket, "socket", Slow)
    reactor, factory = Reactor(), Dialled()
    client = EagerClient(reactor, *unused(), factory)
    client.connect(5, 0)
    monkeypatch.setattr(Slow, "connect_ex", lambda self, address: 111)
    client.connectionLost(LOST)
    assert factory.failed == [error.ConnectionRefusedError]
    assert not reactor.getDelayedCalls()


def test_a_reactor_that_stops_gives_up_what_is_under_way(
    member: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A connection that may yet come about is closed when the reactor drops it.
    """
    monkeypatch.setattr(dial.socket, "socket", Slow)
    reactor, factory, client = begin(member)
    client.connectionLost(LOST)
    assert factory.failed == [error.ConnectionLost]
    assert not reactor.getDelayedCalls()


def test_a_protocol_that_cannot_be_made_is_a_failed_connection(member: socket.socket) -> None:
    """
    The factory is told of its own fault, so that nobody waits for ever.
    """

    def broken(address: Any) -> Any:
        raise ValueError("broken")

    reactor, factory = Reactor(), Dialled()
    factory.buildProtocol = broken  # type: ignore[method-assign]
    client = EagerClient(reactor, *member.getsockname(), factory)
    with capturedLogs() as logs:
        client.connect(5, 0)
        reactor.advance(0)
    assert factory.failed == [ValueError]
    assert len(logs) == 1
    assert not hasattr(client, "socket")
