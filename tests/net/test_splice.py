"""
Bulk between real sockets: the same bytes, order, ends and back-pressure, with splice and without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import threading
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from txbalancer.net.connect import connect_tcp
from txbalancer.net.eager import make_eager
from txbalancer.net.pipes import Pipe, Pipes
from txbalancer.net.splice import AVAILABLE, Pump, can_splice

pytestmark = pytest.mark.integration


class Sink(Protocol):
    """
    The proxy's connection to the reader: pauses whoever writes.
    """

    source: Any = None

    def __init__(self) -> None:
        self.made: Deferred[Any] = Deferred()
        self.lost: Deferred[str] = Deferred()
        self.pauses = 0

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self.made.callback(self)

    def pauseProducing(self) -> None:
        self.pauses += 1
        self.source.pauseProducing()

    def resumeProducing(self) -> None:
        self.source.resumeProducing()

    def stopProducing(self) -> None:
        """
        It is over anyway.
        """

    def connectionLost(self, reason: Any) -> None:
        self.lost.callback(reason.type.__name__)


class Source(Protocol):
    """
    The proxy's connection to the writer: passes on what comes up here.
    """

    sink: Any = None

    def __init__(self) -> None:
        self.made: Deferred[Any] = Deferred()
        self.lost: Deferred[str] = Deferred()
        self.size = 0

    def connectionMade(self) -> None:
        self.made.callback(self)

    def dataReceived(self, data: bytes) -> None:
        self.size += len(data)
        self.sink.write(data)

    def connectionLost(self, reason: Any) -> None:
        self.lost.callback(reason.type.__name__)
        if reason.type.__name__ == "ConnectionDone":
            self.sink.loseConnection()


class Bridge:
    """
    A writer, a reader, and two eager transports with a pump between them.

    @ivar moved: bytes that the pump took.
    """

    def __init__(self, pipes: Pipes) -> None:
        self.pipes = pipes
        self.moved = 0

    async def open(self) -> None:
        self.source, self.sink = Source(), Sink()
        factory = ServerFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _: self.source
        self.port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        make_eager(self.port)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        outgoing = ClientFactory()
        outgoing.noisy = False
        outgoing.buildProtocol = lambda _: self.sink
        connect_tcp(reactor, "127.0.0.1", listening.getsockname()[1], outgoing, 5)
        await self.sink.made
        self.reader = listening.accept()[0]
        listening.close()
        self.writer = socket.create_connection(("127.0.0.1", self.port.getHost().port))
        await self.source.made
        self.source.sink = self.sink.transport
        self.sink.source = self.source.transport
        self.pump = Pump(self.source.transport, self.sink.transport, self._count, self.pipes)

    def _count(self, size: int) -> None:
        self.moved += size

    async def close(self) -> None:
        for each in (self.writer, self.reader):
            each.close()
        for each in (self.source, self.sink):
            each.transport.abortConnection()
            if not each.lost.called:
                await each.lost
        await self.port.stopListening()


@pytest.fixture(params=["splice", "copies"])
def pipes(request: pytest.FixtureRequest) -> Pipes:
    """
    Pipes, and none at all, with which everything has to come up here.
    """
    if request.param == "splice" and not AVAILABLE:
        pytest.skip("no splice here")
    return Pipes() if request.param == "splice" else Pipes(most=0)


def bridged(test: Any) -> Any:
    """
    Run a test with a bridge that is open.
    """

    async def run(pipes: Pipes) -> None:
        bridge = Bridge(pipes)
        await bridge.open()
        try:
            await test(bridge)
        finally:
            await bridge.close()
        assert pipes.used == 0

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return pytest_twisted.ensureDeferred(run)


def digest(reader: socket.socket, delay: float = 0.0) -> tuple[int, str]:
    """
    Read to the end; return size and hash.
    """
    size, found = 0, hashlib.sha256()
    event = threading.Event()
    while piece := reader.recv(100_000):
        size += len(piece)
        found.update(piece)
        if delay:
            event.wait(delay)
    return size, found.hexdigest()


@bridged
async def test_every_byte_arrives(bridge: Bridge) -> None:
    """
    Bulk arrives whole and in order, and its end after it.
    """
    data = os.urandom(1 << 20)
    bridge.pump.start()

    def write() -> None:
        for _ in range(24):
            bridge.writer.sendall(data)
        bridge.writer.shutdown(socket.SHUT_WR)

    reading = deferToThread(digest, bridge.reader)
    await deferToThread(write)
    assert await reading == (24 << 20, hashlib.sha256(data * 24).hexdigest())
    assert bridge.moved + bridge.source.size == 24 << 20
    if bridge.pipes.most:
        assert bridge.moved > 20 << 20
    assert not bridge.pump.running or not bridge.pipes.most


@bridged
async def test_a_slow_reader_slows_the_writer(bridge: Bridge) -> None:
    """
    What is under way is bounded, and nothing of it is lost.
    """
    data = os.urandom(1 << 20)
    bridge.writer.setblocking(False)
    bridge.pump.start()
    sent = stuck = 0
    while stuck < 20:
        try:
            sent += bridge.writer.send(data[sent % len(data) :])
            stuck = 0
        except BlockingIOError:
            stuck += 1
            await deferLater(reactor, 0.005)
    # Most of it is in buffers of the system, which grow as they like.
    assert sent < 64 << 20
    assert bridge.sink.pauses
    bridge.writer.shutdown(socket.SHUT_WR)
    whole = (data * (sent // len(data) + 1))[:sent]
    assert await deferToThread(digest, bridge.reader) == (
        sent,
        hashlib.sha256(whole).hexdigest(),
    )


@bridged
async def test_what_is_written_meanwhile_comes_after(bridge: Bridge) -> None:
    """
    A write to a sink whose pipe is not empty queues behind it; closing waits for both.
    """
    bridge.pump.start()
    bridge.writer.setblocking(False)
    sent = 0
    while not bridge.sink.pauses:
        with contextlib.suppress(BlockingIOError):
            sent += bridge.writer.send(b"a" * 65536)
        await deferLater(reactor, 0.001)
    bridge.pump.stop()
    bridge.sink.transport.write(b"the end")
    bridge.sink.transport.unregisterProducer()
    bridge.sink.transport.loseConnection()
    size, found = await deferToThread(digest, bridge.reader)
    taken = bridge.moved + bridge.source.size
    assert size == taken + 7
    assert found == hashlib.sha256(b"a" * taken + b"the end").hexdigest()


@bridged
async def test_a_limit_is_kept(bridge: Bridge) -> None:
    """
    No byte beyond is taken; whoever waits for it is told once, and what follows comes up here.
    """
    if not bridge.pipes.most:
        return
    told: list[int] = []
    bridge.pump.start(1_000_000, lambda: told.append(bridge.moved))
    bridge.writer.sendall(b"a" * 1_000_000 + b"next")
    while bridge.source.size < 4:
        await deferLater(reactor, 0.001)
    assert told == [1_000_000]
    assert bridge.source.size == 4
    assert not bridge.pump.running


@bridged
async def test_what_comes_up_here_ends_it(bridge: Bridge) -> None:
    """
    Bytes that nobody counts here, for want of a pipe, are not followed by any that are taken.
    """
    bridge.pipes.used += bridge.pipes.most
    bridge.pump.start(1_000_000)
    bridge.writer.sendall(b"a" * 1000)
    while bridge.source.size < 1000:
        await deferLater(reactor, 0.001)
    bridge.pipes.used -= bridge.pipes.most
    bridge.writer.sendall(b"next")
    while bridge.moved + bridge.source.size < 1004:
        await deferLater(reactor, 0.001)
    assert (bridge.moved, bridge.pump.running) == (0, False)


@bridged
async def test_what_is_queued_ends_it(bridge: Bridge) -> None:
    """
    The same where something is to be written before.
    """
    bridge.pump.start(1_000_000)
    FileDescriptor.write(bridge.sink.transport, b"before")
    bridge.source.transport.doRead()
    assert not bridge.pump.running


@bridged
async def test_short_words_come_up_again(bridge: Bridge) -> None:
    """
    A direction that carries little for a while does so without pipes.
    """
    bridge.pump.start()
    for count in range(12):
        bridge.writer.sendall(b"x")
        while bridge.moved + bridge.source.size <= count:
            await deferLater(reactor, 0.001)
    if bridge.pipes.most:
        assert bridge.source.size == 4
        assert not bridge.pump.running


@bridged
async def test_a_reset_is_no_end(bridge: Bridge) -> None:
    """
    A writer that breaks off can be told from one that is done.
    """
    bridge.pump.start()
    bridge.writer.sendall(b"x" * 200_000)
    bridge.writer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    while bridge.moved + bridge.source.size < 200_000:
        await deferLater(reactor, 0.001)
    bridge.writer.close()
    assert await bridge.source.lost == "ConnectionLost"


@bridged
async def test_a_reader_that_leaves(bridge: Bridge) -> None:
    """
    Its transport hears of it, whatever was in the pipe.
    """
    bridge.pump.start()
    bridge.writer.setblocking(False)
    while not bridge.sink.pauses:
        with contextlib.suppress(BlockingIOError):
            bridge.writer.send(b"a" * 65536)
        await deferLater(reactor, 0.001)
    bridge.reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    bridge.reader.close()
    assert await bridge.sink.lost == "ConnectionLost"


def test_pipes_are_bounded() -> None:
    """
    No more than so many are in use; those that are free are used again, few of them kept.
    """
    pipes = Pipes(most=3, kept=1)
    found = [pipes.take() for _ in range(4)]
    assert found[3] is None
    first, second, third = (each for each in found if each is not None)
    assert first.size >= 65536
    pipes.drop(first)
    pipes.give(second)
    pipes.give(third)
    assert pipes.used == 0
    assert pipes.take() == second
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(third.reader)
    pipes.drop(second)


def test_a_system_that_gives_no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Neither no pipe nor one that is too small is used.
    """

    def none(flags: int) -> tuple[int, int]:
        raise OSError("too many open files")

    def small(fd: int, command: int, size: int = 0) -> int:
        if size:
            raise PermissionError("over pipe-user-pages-soft")
        return 4096

    monkeypatch.setattr("fcntl.fcntl", small)
    pipes = Pipes()
    assert pipes.take() is None
    monkeypatch.setattr("txbalancer.net.pipes.os.pipe2", none)
    assert pipes.take() is None
    assert pipes.used == 0


def test_only_plain_sockets_can_splice() -> None:
    """
    Nothing goes around TLS or a transport of another kind.
    """
    assert not can_splice(object())


def test_a_pipe_knows_its_ends() -> None:
    """
    Closing a pipe closes both.
    """
    pipe = Pipe(*os.pipe(), 65536)
    pipe.close()
    for end in (pipe.reader, pipe.writer):
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(end)


def test_where_there_can_be_a_pump() -> None:
    """
    Not without pipes, and not where bytes cannot go on as they are.
    """
    assert Pump.between(object(), object(), print, Pipes()) is None
    assert Pump.between(object(), None, print, Pipes(most=0)) is None


def test_pipes_can_be_forbidden() -> None:
    """
    And allowed again.
    """
    pipes = Pipes()
    pipes.allow(False)
    assert pipes.take() is None
    pipes.allow(True)
    taken = pipes.take()
    assert taken is not None
    pipes.give(taken)
