"""
Accepting: what is inherited, what fails, and whose turn it is.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor, tcp, unix
from twisted.internet.address import UNIXAddress
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from txbalancer.net.accept import Acceptor
from txbalancer.net.eager import EagerUNIXServer, make_eager
from txbalancer.net.turnstile import PAUSE, Turnstile

pytestmark = pytest.mark.integration

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY)


class Listening(ServerFactory):
    """
    A port of its own, read by the test and not by the reactor.
    """

    noisy = False

    def __init__(self, interface: str = "127.0.0.1") -> None:
        self.made: list[Any] = []
        self.protocol_of = lambda address: Protocol()
        self.addresses: list[Any] = []
        self.port = tcp.Port(0, self, interface=interface, reactor=reactor)
        self.port.startListening()
        make_eager(self.port)
        self.port.stopReading()
        self.clients: list[socket.socket] = []

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make what the test wants.
        """
        self.addresses.append(addr)
        made = self.protocol_of(addr)
        self.made.append(made)
        return made

    def connect(self, count: int = 1) -> None:
        """
        Connect so many times; nobody has accepted them yet.
        """
        address = self.port.socket.getsockname()
        for _ in range(count):
            self.clients.append(socket.create_connection(address[:2]))

    def close(self) -> None:
        """
        Close everything.
        """
        for each in self.made:
            if each is not None and each.transport is not None:
                each.transport.loseConnection()
        for client in self.clients:
            client.close()
        self.port.socket.close()
        self.port.connected = False


@pytest.fixture
def listening() -> Iterator[Listening]:
    """
    A port on 127.0.0.1.
    """
    made = Listening()
    yield made
    made.close()


def test_all_that_wait_are_accepted_in_few_turns(listening: Listening) -> None:
    """
    As long as all that are asked for are there, more are asked for at once.
    """
    listening.connect(15)
    counts = []
    for _ in range(4):
        listening.port.doRead()
        counts.append(len(listening.made))
    assert counts == [1, 3, 7, 15]
    listening.port.doRead()
    listening.connect()
    listening.port.doRead()
    assert len(listening.made) == 16


def test_transports_know_both_ends(listening: Listening) -> None:
    """
    The factory and the transport tell the client's address, the transport its own too.
    """
    listening.connect()
    listening.port.doRead()
    host, port = listening.clients[0].getsockname()
    transport = listening.made[0].transport
    assert (transport.getPeer().host, transport.getPeer().port) == (host, port)
    assert listening.addresses == [transport.getPeer()]
    assert transport.getHost().port == listening.port.getHost().port
    assert "127.0.0.1" in repr(transport)
    assert "Protocol,0,127.0.0.1" in transport.logPrefix()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_addresses_of_ipv6_are_told() -> None:
    """
    A port of IPv6 tells addresses of IPv6.
    """
    listening = Listening("::1")
    try:
        listening.connect()
        listening.port.doRead()
        assert listening.made[0].transport.getPeer().host == "::1"
    finally:
        listening.close()


def test_options_are_set_once_and_inherited(listening: Listening) -> None:
    """
    What one connection is given, those have that come when none is left from before.
    """
    listening.connect(3)
    listening.port.doRead()
    first = listening.made[0].transport
    first.setTcpNoDelay(True)
    first.setTcpKeepAlive(True)
    listening.port.doRead()
    # These were waiting already: they have nothing from the listening socket.
    second, third = (each.transport for each in listening.made[1:])
    assert second.inherited == {}
    second.setTcpNoDelay(True)
    assert [each.getTcpNoDelay() for each in (first, second, third)] == [1, 1, 0]
    listening.port.doRead()
    listening.connect()
    listening.port.doRead()
    last = listening.made[3].transport
    assert last.getTcpNoDelay()
    assert last.getTcpKeepAlive()
    last.setTcpNoDelay(False)
    assert not last.getTcpNoDelay()


def test_a_port_that_is_closed_learns_nothing(listening: Listening) -> None:
    """
    A connection that outlives its port is given its options itself.
    """
    listening.connect()
    listening.port.doRead()
    listening.port.connected = False
    transport = listening.made[0].transport
    transport.setTcpNoDelay(True)
    assert transport.getTcpNoDelay()
    assert not listening.port.socket.getsockopt(*NO_DELAY)


class Refusing(Protocol):
    """
    Cannot deal with its connection.
    """

    def makeConnection(self, transport: Any) -> None:
        """
        Fail.
        """
        super().makeConnection(transport)
        raise ValueError("broken")


def test_one_that_cannot_be_begun_harms_no_other(listening: Listening) -> None:
    """
    A factory or protocol that raises is logged, none of them closes; the port goes on.
    """
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            failures.append(event)

    def broken(address: Any) -> Any:
        raise ValueError("broken")

    kinds: list[Any] = [broken, lambda address: Refusing(), lambda address: None]
    listening.protocol_of = lambda address: kinds.pop(0)(address)
    listening.connect(3)
    globalLogPublisher.addObserver(observe)
    try:
        listening.port.doRead()
        listening.port.doRead()
    finally:
        globalLogPublisher.removeObserver(observe)
    assert len(failures) == 2
    assert not kinds
    assert listening.clients[0].recv(1) == b""
    assert listening.clients[2].recv(1) == b""
    listening.made[0].transport.connectionLost(connectionDone)
    assert listening.clients[1].recv(1) == b""


def test_a_port_that_is_closed_meanwhile_accepts_no_more(listening: Listening) -> None:
    """
    Who closes the port within a turn is not surprised by further connections.
    """
    listening.connect(4)
    listening.port.doRead()
    listening.port.disconnecting = True
    listening.port.doRead()
    assert len(listening.made) == 2


def test_a_descriptor_that_is_kept_for_others_is_closed(listening: Listening) -> None:
    """
    And the port rests, so that the next client waits where it costs nothing.
    """
    clock = Clock()
    acceptor = listening.port.doRead.__self__
    acceptor.turnstile, acceptor.ceiling = Turnstile(clock), 0
    acceptor.turnstile.add(listening.port)
    listening.connect(3)
    listening.port.startReading()
    listening.port.doRead()
    assert listening.made == []
    assert acceptor.turnstile.full == 1
    assert listening.clients[0].recv(1) == b""
    assert listening.port not in reactor.getReaders()  # type: ignore[attr-defined]
    acceptor.ceiling = sys.maxsize
    clock.advance(PAUSE)
    listening.port.stopReading()
    listening.port.doRead()
    listening.port.doRead()
    assert len(listening.made) == 2


def test_a_unix_port_without_room_rests_and_comes_back(tmp_path: Path) -> None:
    """
    It is let in and made to rest as one of TCP; what waits is served afterwards.
    """
    clock, factory = Clock(), ServerFactory()
    made: list[Protocol] = []

    def build(address: Any) -> Protocol:
        made.append(Protocol())
        return made[-1]

    factory.noisy, factory.buildProtocol = False, build  # type: ignore[method-assign,assignment]
    path = str(tmp_path / "web.sock")
    port = unix.Port(path.encode(), factory, reactor=reactor)
    port.startListening()
    acceptor = make_eager(port)
    assert acceptor is not None
    acceptor.turnstile, acceptor.ceiling = Turnstile(clock), 0
    with ExitStack() as opened:
        clients = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2)]
        for each in clients:
            each.connect(path)
        port.doRead()
        assert clients[0].recv(1) == b""
        assert port not in reactor.getReaders()  # type: ignore[attr-defined]
        acceptor.ceiling = sys.maxsize
        clock.advance(PAUSE)
        assert port in reactor.getReaders()  # type: ignore[attr-defined]
        port.doRead()
        assert isinstance(made[0].transport, EagerUNIXServer)
        assert made[0].transport.getPeer() == UNIXAddress("")
        made[0].transport.loseConnection()
        port.stopReading()
        port.connectionLost(connectionDone)


def test_too_many_open_files_let_a_port_rest() -> None:
    """
    Where there is a turnstile, nobody is closed for what there is no descriptor.
    """

    class Exhausted:
        def _accept(self) -> Any:
            raise OSError(errno.EMFILE, "too many open files")

    class Port:
        socket, addressFamily = Exhausted(), socket.AF_INET
        reading = True

        def stopReading(self) -> None:
            self.reading = False

    port = Port()
    acceptor = Acceptor(port)
    acceptor.turnstile = Turnstile(Clock())
    acceptor.accept()
    assert not port.reading
    assert acceptor.turnstile.full == 1


def test_errors_are_left_to_twisted() -> None:
    """
    Too many open files and the like are what Twisted's own ports are prepared for.
    """

    class Broken:
        def _accept(self) -> Any:
            raise OSError(errno.EMFILE, "too many open files")

    class Port:
        socket, addressFamily = Broken(), socket.AF_INET
        asked = 0

        def doRead(self) -> None:
            self.asked += 1

    port = Port()
    Acceptor(port).accept()
    assert port.asked == 1
