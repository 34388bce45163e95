"""
Twisted's stream transports, acting at once.

Twisted queues every write and asks the reactor to call back when the socket is
writable: two C{epoll_ctl} calls and a turn of the loop per answer. Here a write
goes to the socket right away and only what it does not take is queued, which
saves a third of the cost of a small exchange; with nothing queued an end is an
end at once, too (ADR 0004).

An error on writing is kept for the read side: a member may answer and close
before it has read the whole request, and that answer must not be lost.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IListeningPort
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import connectionDone

from txbalancer.net.accept import Acceptor, Option

_NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
_KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE)
_QUEUED = 16384
"""Bytes in a queue behind which no more is wanted."""

_SCRATCH = memoryview(bytearray(1 << 20))
"""What is read goes here first; as large as the largest C{iobuffersize}."""


class EagerWrites:
    """
    Mix-in for L{tcp.Connection}s; goes before the transport class.

    @ivar progress: counts writes that took bytes after the socket had been full; whoever
        waits for a slow reader can tell from it whether there is any progress.
    @ivar held: whether somebody else writes in its place, so that an end has to wait for that.
    """

    progress = 0
    held = False
    _watched = _awaited = _failed = False

    # -- the reactor; it is asked only for what changes

    def startReading(self: Any) -> None:
        """
        Let the reactor watch for input.
        """
        if not self._watched:
            self._watched = True
            self.reactor.addReader(self)

    def stopReading(self: Any) -> None:
        """
        Let the reactor not watch for input.
        """
        if self._watched:
            self._watched = False
            self.reactor.removeReader(self)

    def startWriting(self: Any) -> None:
        """
        Let the reactor watch for room.
        """
        if not self._awaited:
            self._awaited = True
            self.reactor.addWriter(self)

    def stopWriting(self: Any) -> None:
        """
        Let the reactor not watch for room.
        """
        if self._awaited:
            self._awaited = False
            self.reactor.removeWriter(self)

    # -- reading

    def doRead(self: Any) -> Any:
        """
        Pass on what there is to read.

        What is read into an object of its own is allocated at the largest and cut down, and
        what lives on of it leaves holes in the heap, which grew for hours by them.
        """
        try:
            count = self.socket.recv_into(_SCRATCH, self.bufferSize)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if count:
            self.protocol.dataReceived(_SCRATCH[:count].tobytes())
            return None
        if self._failed:
            # The failed write has taken the connection's error: this is a reset.
            return CONNECTION_LOST
        # Nothing is left that closing could destroy, so that it need not be led up to.
        self._shouldShutdown = False
        tcp.Connection.readConnectionLost(self, connectionDone)
        # Mostly that was the end of the whole connection, and there is nothing left to stop.
        if self.connected:
            self.stopReading()
        return None

    def readConnectionLost(self: Any, reason: Any) -> None:
        """
        Pass on that the far end sends no more, which the reactor has found out by itself.
        """
        self._watched = False
        super().readConnectionLost(reason)  # type: ignore[misc]

    # -- writing

    def write(self: Any, data: bytes) -> None:
        """
        Send what the socket takes now, queue the rest.
        """
        if (
            self._tempDataLen
            or self.dataBuffer
            or not self.connected
            or self._writeDisconnected
            or not data
        ):
            super().write(data)  # type: ignore[misc]
            return
        try:
            sent = self.socket.send(data)
        except (BrokenPipeError, ConnectionResetError):
            if self._watched:
                self.give_up_writing()
                return
            # A queued write finds out: no protocol is told of an end while it writes.
            sent = 0
        except OSError:
            sent = 0
        if sent != len(data):
            super().write(data[sent:] if sent else data)  # type: ignore[misc]

    def _maybePauseProducer(self: Any) -> None:
        """
        Ask for no more once a little is queued, for then the socket is full: Twisted waits for
        as much as is read at once, and so has twice that for each client that does not read.
        """
        if (
            self._tempDataLen + len(self.dataBuffer) > _QUEUED
            and self.streamingProducer
            and self.producer is not None
        ):
            self.producerPaused = True
            self.producer.pauseProducing()

    def doWrite(self: Any) -> Any:
        """
        Go on with what was queued.
        """
        if not self.connected:
            # The end came with the same event, and was read first.
            return None
        before = self.offset, len(self.dataBuffer), self._tempDataLen
        result = super().doWrite()  # type: ignore[misc]
        if isinstance(result, Exception) and self._watched:
            self.give_up_writing()
            return None
        if before != (self.offset, len(self.dataBuffer), self._tempDataLen):
            self.progress += 1
        return result

    def give_up_writing(self: Any) -> None:
        """
        Write no more, and forget what was queued; there may still be something to read.
        """
        self._tempDataBuffer.clear()
        self._tempDataLen = 0
        self.dataBuffer, self.offset = b"", 0
        self._writeDisconnected = True
        self.stopWriting()
        if self._watched:
            self._failed = True
        else:
            self.abortConnection()

    # -- the end

    def loseWriteConnection(self: Any) -> None:
        """
        Send no more, once what was written is sent.
        """
        if (
            self._tempDataLen
            or self.dataBuffer
            or self.held
            or self.disconnecting
            or self._writeDisconnected
            or not self.connected
        ):
            super().loseWriteConnection()  # type: ignore[misc]
            return
        self._writeDisconnecting = self._writeDisconnected = True
        self._closeWriteConnection()

    def loseConnection(self: Any) -> None:
        """
        Close, once what was written is sent: C{connectionLost} may come before this returns.
        """
        if (
            self._tempDataLen
            or self.dataBuffer
            or self.held
            or self.disconnecting
            or self.producer is not None
            or not self.connected
        ):
            super().loseConnection()  # type: ignore[misc]
            return
        self.disconnecting = 1
        self.connectionLost(connectionDone)


class EagerTCP(EagerWrites):
    """
    Mix-in for TCP connections.
    """

    # Twisted's TLS, of which they ask first, is never begun on these.
    registerProducer = FileDescriptor.registerProducer
    unregisterProducer = FileDescriptor.unregisterProducer

    def connectionLost(self: Any, reason: Any) -> None:
        """
        Close the socket and tell the protocol, as Twisted does in more steps.
        """
        if self.disconnected:
            return
        self.disconnected, self.connected = 1, 0
        producer = self.producer
        if producer is not None:
            self.unregisterProducer()
            producer.stopProducing()
        forget = getattr(self.reactor, "forget", None)
        if forget is None:
            self.stopReading()
            self.stopWriting()
        elif self._watched or self._awaited:
            forget(self.fileno())
        self._closeSocket(not issubclass(reason.type, ConnectionAborted))
        protocol = self.protocol
        del self.protocol, self.socket, self.fileno
        protocol.connectionLost(reason)


class Accepted:
    """
    Mix-in for connections that an L{Acceptor} makes.

    @ivar peer: the client's address, if it was made before.
    @ivar acceptor: what accepted it; C{None} for Twisted's own port.
    @ivar inherited: options that the socket has from the listening one.
    """

    peer: Any = None
    acceptor: Acceptor | None = None
    inherited: Mapping[Option, int] = MappingProxyType({})

    def getPeer(self) -> Any:
        """
        Return the client's address.
        """
        return self.peer or super().getPeer()  # type: ignore[misc]


class EagerServer(Accepted, EagerTCP, tcp.Server):
    """
    A client's TCP connection.
    """

    def __init__(
        self, sock: Any, protocol: Any, client: Any, server: Any, sessionno: int, reactor: Any
    ) -> None:
        # All that Twisted's own constructors do, but for texts that nobody reads.
        self.reactor = reactor
        self._tempDataBuffer: list[bytes] = []
        self._tempDataLen = 0
        sock.setblocking(False)
        self.socket, self.fileno = sock, sock.fileno
        self.protocol, self.client, self.server = protocol, client, server
        self.sessionno, self.hostname = sessionno, client[0]
        if len(client) != 2:
            self._addressType = IPv6Address
        self.startReading()
        self.connected = 1

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Send small pieces at once, or not.
        """
        if self.inherited.get(_NO_DELAY) != enabled:
            super().setTcpNoDelay(enabled)
            self._teach(_NO_DELAY, enabled)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Let the system probe the far end, or not.
        """
        if self.inherited.get(_KEEP_ALIVE) != enabled:
            super().setTcpKeepAlive(enabled)
            self._teach(_KEEP_ALIVE, enabled)

    def _teach(self, option: Option, enabled: bool) -> None:
        """
        Have those that follow begin with an option that this one had to be given.
        """
        if self.acceptor is not None:
            self.acceptor.learn(option, enabled)

    def logPrefix(self) -> str:
        """
        Name the connection for logs.
        """
        return f"{type(self.protocol).__name__},{self.sessionno},{self.hostname}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} #{self.sessionno} of {self.hostname}>"


class EagerUNIXServer(Accepted, EagerWrites, unix.Server):
    """
    A client's connection through a unix socket.
    """


class EagerUNIXClient(EagerWrites, unix.Client):
    """
    A connection to a member through a unix socket.
    """

    def createInternetSocket(self) -> Any:
        """
        Take the socket that was made: Twisted would raise where there is none to be had.
        """
        return self.connector.made


class EagerUNIXConnector(unix.Connector):
    """
    Opens L{EagerUNIXClient}s.

    @ivar made: the socket to be connected.
    @ivar read_size: most bytes read at once; 0 = Twisted's 64 KiB.
    """

    made: socket.socket
    read_size = 0

    def _makeTransport(self) -> Any:
        made = EagerUNIXClient(self.address, self, self.reactor, self.checkPID)
        if self.read_size:
            made.bufferSize = self.read_size
        return made


def make_eager(port: IListeningPort) -> Acceptor | None:
    """
    Let a listening port make eager transports, if it is of a kind that can.

    @return: what accepts its connections, where that is not Twisted.

    L{tcp.Port.transport} is documented as replaceable; other reactors' ports stay as they are.
    """
    if not isinstance(port, tcp.Port):
        return None
    port.transport = EagerUNIXServer if isinstance(port, unix.Port) else EagerServer
    acceptor = Acceptor(port)
    port.doRead = acceptor.accept  # type: ignore[method-assign]
    return acceptor
