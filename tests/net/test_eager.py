"""
Eager transports against real sockets: nothing lost, nothing out of order.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs

from txbalancer.net.accept import hold_unsent
from txbalancer.net.connect import connect_tcp, connect_unix
from txbalancer.net.dial import EagerClient
from txbalancer.net.eager import EagerServer, EagerUNIXClient, EagerUNIXServer, make_eager

pytestmark = pytest.mark.integration


class Recorder(Protocol):
    """
    Notes what comes, and the end.
    """

    def __init__(self) -> None:
        self.data = b""
        self.made: Deferred[Any] = Deferred()
        self.lost: Deferred[str] = Deferred()

    def connectionMade(self) -> None:
        self.made.callback(self)

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any) -> None:
        self.lost.callback(reason.type.__name__)


class Producer:
    """
    Knows whether more is wanted.
    """

    paused = False

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False


class Pair:
    """
    An eager server transport on 127.0.0.1, and a plain blocking socket as its far end.
    """

    def __init__(self) -> None:
        self.recorder = Recorder()
        factory = ServerFactory()
        factory.noisy = False
        factory.buildProtocol = lambda address: self.recorder
        self.port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        make_eager(self.port)
        self.port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        self.far = socket.create_connection(("127.0.0.1", self.port.getHost().port))

    async def read(self, size: int) -> bytes:
        """
        Read from the far end while the reactor runs.
        """
        self.far.setblocking(False)
        data = b""
        while len(data) < size:
            try:
                piece = self.far.recv(65536)
            except BlockingIOError:
                await deferLater(reactor, 0.001)
                continue
            if not piece:
                break
            data += piece
        return data

    def reset(self) -> None:
        """
        Have the far end reset the connection.
        """
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.far.close()

    async def close(self) -> None:
        """
        End both ends.
        """
        self.far.close()
        self.recorder.transport.abortConnection()
        await self.recorder.lost
        await self.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_write_is_on_its_way_at_once() -> None:
    """
    What the socket takes is sent before write returns; the reactor is not involved.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    assert type(transport) is EagerServer
    transport.write(b"hello")
    assert pair.far.recv(100) == b"hello"
    assert transport not in reactor.getWriters()
    transport.write(b"")
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_what_a_full_socket_does_not_take_follows_in_order() -> None:
    """
    Partial writes are queued and later writes stay behind them; progress is counted.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    pieces = [bytes((number,)) * 300_000 for number in range(40)]
    for piece in pieces:
        transport.write(piece)
    assert transport in reactor.getWriters()
    before = transport.progress
    assert await pair.read(12_000_000) == b"".join(pieces)
    assert transport.progress > before
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_what_was_sent_before_a_reset_can_still_be_read() -> None:
    """
    A write that fails does not end the connection before the far end's last words are read.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    pair.far.sendall(b"last words" * 20_000)
    pair.far.close()
    # The first write is answered by a reset, the second fails on it; neither has been read.
    transport.write(b"x")
    await deferLater(reactor, 0)
    transport.write(b"y")
    await pair.recorder.lost
    assert pair.recorder.data == b"last words" * 20_000
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_write_that_fails_is_not_waited_for() -> None:
    """
    After a write that a reset made fail the reactor is not asked for room; the end is a reset's,
    once it is read.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    pair.reset()
    transport.write(b"x")
    assert transport not in reactor.getWriters()
    transport.write(b"y")
    assert await pair.recorder.lost == "ConnectionLost"
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_write_that_fails_while_nobody_reads_ends_the_connection() -> None:
    """
    Whoever does not read hears of a reset from the write, but not before that returns.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    transport.pauseProducing()
    pair.reset()
    transport.write(b"x")
    assert not pair.recorder.lost.called
    await pair.recorder.lost
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_an_end_that_comes_with_room_for_a_queue_is_no_fault() -> None:
    """
    One event tells of the end and of room: after the end nothing is written, nor logged.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    transport.write(b"x" * 8_000_000)
    assert transport in reactor.getWriters()
    pair.far.shutdown(socket.SHUT_WR)
    pair.far.setblocking(False)
    with capturedLogs() as logged:
        try:
            while True:
                pair.far.recv(1 << 20)
        except BlockingIOError:
            pass
        await pair.recorder.lost
        await deferLater(reactor, 0)
    assert logged == []
    pair.far.close()
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_closing_sends_the_queue_first() -> None:
    """
    loseConnection waits for what was written; writes after the end go nowhere.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    transport.write(b"x" * 8_000_000)
    transport.loseConnection()
    assert len(await pair.read(9_000_000)) == 8_000_000
    await pair.recorder.lost
    transport.write(b"more")
    pair.far.close()
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_half_close_comes_behind_the_data() -> None:
    """
    loseWriteConnection ends this direction only, after what was written.
    """
    pair = Pair()
    await pair.recorder.made
    pair.recorder.transport.write(b"x" * 8_000_000)
    pair.recorder.transport.loseWriteConnection()
    assert len(await pair.read(9_000_000)) == 8_000_000
    pair.recorder.transport.write(b"too late")
    pair.far.send(b"still here")
    await deferLater(reactor, 0.05)
    assert pair.recorder.data == b"still here"
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_ends_come_at_once_where_nothing_is_queued() -> None:
    """
    Neither a half-close nor a close waits for the reactor, and closing tells the protocol.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    pair.far.setblocking(False)
    transport.loseWriteConnection()
    assert pair.far.recv(1) == b""
    transport.loseWriteConnection()
    assert transport in reactor.getReaders()
    transport.loseConnection()
    assert pair.recorder.lost.called
    assert transport not in reactor.getReaders()
    assert not hasattr(transport, "socket")
    transport.loseConnection()
    pair.far.close()
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_an_end_waits_for_who_writes_in_the_transport_s_place() -> None:
    """
    While a transport is held, what is under way does not show in its queue.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    transport.held = True
    transport.loseWriteConnection()
    assert transport in reactor.getWriters()
    transport.loseConnection()
    assert not pair.recorder.lost.called
    await pair.recorder.lost
    assert pair.far.recv(1) == b""
    pair.far.close()
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_unread_input_does_not_hide_the_end() -> None:
    """
    Whoever sends more than is read still reads the end before the reset.
    """
    pair = Pair()
    await pair.recorder.made
    transport = pair.recorder.transport
    transport.pauseProducing()
    pair.far.sendall(b"more")
    transport.write(b"answer")
    transport.loseConnection()
    assert pair.far.recv(100) == b"answer"
    assert pair.far.recv(100) == b""
    pair.far.close()
    await pair.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_clients_are_eager_over_tcp_and_unix_sockets(tmp_path) -> None:
    """
    Both kinds of connections to members write at once, and so do both kinds of ports.
    """
    path = str(tmp_path / "a.sock")
    for unix in (False, True):
        server, client = Recorder(), Recorder()
        listening, connecting = ServerFactory(), ClientFactory()
        listening.noisy = connecting.noisy = False
        listening.buildProtocol = lambda address, found=server: found
        connecting.buildProtocol = lambda address, found=client: found
        if unix:
            port = await UNIXServerEndpoint(reactor, path).listen(listening)
            make_eager(port)
            connect_unix(reactor, path, connecting, 5)
        else:
            port = reactor.listenTCP(0, listening, interface="127.0.0.1")
            make_eager(port)
            connect_tcp(reactor, "127.0.0.1", port.getHost().port, connecting, 5)
        await client.made
        await server.made
        kinds = (EagerUNIXClient, EagerUNIXServer) if unix else (EagerClient, EagerServer)
        assert (type(client.transport), type(server.transport)) == kinds
        client.transport.write(b"to the server")
        server.transport.write(b"to the client")
        client.transport.loseConnection()
        await server.lost
        await client.lost
        assert server.data == b"to the server"
        await port.stopListening()


def test_other_ports_stay_as_they_are() -> None:
    """
    What is no TCP or unix port of Twisted's is left alone.
    """
    port = object()
    make_eager(port)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_reads_and_buffers_have_the_sizes_asked_for(kind: str, tmp_path: Path) -> None:
    """
    The receive buffer is set before the connection is made, and no read is larger than asked.
    """
    far = socket.socket(socket.AF_INET if kind == "tcp" else socket.AF_UNIX)
    far.bind(("127.0.0.1", 0) if kind == "tcp" else str(tmp_path / "s"))
    far.listen()
    recorder = Recorder()
    sizes: list[int] = []
    recorder.dataReceived = lambda data: sizes.append(len(data))  # type: ignore[method-assign]
    factory = ClientFactory()
    factory.noisy = False
    factory.buildProtocol = lambda address: recorder  # type: ignore[method-assign,assignment]
    if kind == "tcp":
        connect_tcp(reactor, *far.getsockname(), factory, 5, 65536, 1000)
    else:
        connect_unix(reactor, far.getsockname(), factory, 5, 1000)
    await recorder.made
    handle = recorder.transport.getHandle()
    if kind == "tcp":
        # Linux doubles it for its own records.
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) in (65536, 131072)
    accepted, _ = far.accept()
    accepted.sendall(b"x" * 3500)
    accepted.close()
    await recorder.lost
    assert sum(sizes) == 3500
    assert max(sizes) == 1000
    far.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not inherit the limit")
@pytest_twisted.ensureDeferred
async def test_little_waits_for_a_client_that_reads_nothing() -> None:
    """
    The system holds no more for it than what it has asked for and the limit; a little more is
    queued before whoever has more is paused, and all of it arrives.
    """
    pair = Pair()
    hold_unsent(pair.port, 20000)
    far = socket.socket()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    first = pair.recorder
    await first.made
    pair.recorder = Recorder()
    far.connect(("127.0.0.1", pair.port.getHost().port))
    await pair.recorder.made
    producer = Producer()
    transport = pair.recorder.transport
    transport.registerProducer(producer, True)
    written = 0
    while not producer.paused:
        transport.write(bytes(4000))
        written += 4000
    queued = transport._tempDataLen + len(transport.dataBuffer)
    assert 16384 < queued <= 16384 + 4000
    assert written - queued < 100_000
    pair.far.close()
    await first.lost
    pair.far = far
    assert await pair.read(written) == bytes(written)
    assert not producer.paused
    transport.unregisterProducer()
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_a_port_without_tcp_is_left_as_it_is(tmp_path: Path) -> None:
    """
    What waits for clients of unix sockets has another limit, of the system.
    """
    factory = ServerFactory()
    factory.noisy = False
    port = await UNIXServerEndpoint(reactor, str(tmp_path / "web.sock")).listen(factory)
    hold_unsent(port, 20000)
    await port.stopListening()
