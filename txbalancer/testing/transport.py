"""
A connection in memory, of which the test is the far end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """
    Both ends of a connection: a protocol calls the methods in camelCase, as on a socket
    of Twisted's, and the test is the far end and calls those in snake_case.

    @ivar protocol: who is told what arrives; may be replaced, as on a socket of Twisted's.
    @ivar room: bytes that the far end's system takes; more stays queued here.
    @ivar reading: whether the protocol wants to be given data.
    @ivar ended: C{""}, C{"closed"} or C{"aborted"}: what the protocol did to the connection.
    @ivar half_closed: whether the protocol ended its direction.
    @ivar progress: as of L{txbalancer.net.eager.EagerWrites}.
    @cvar at_once: whether an end with nothing left to send is told before the call that asked for
        it returns, as eager transports do; else in the next turn, as Twisted's own do.
    """

    most_queued = 65536
    progress = 0
    disconnecting = False
    at_once = False

    def __init__(self, reactor: Any, protocol: Any, peer: Any) -> None:
        self.room = float("inf")
        self.reading = True
        self.ended = ""
        self.half_closed = self.lost = False
        self._reactor, self.protocol, self._peer = reactor, protocol, peer
        self._taken = b""
        self._queued = b""
        self._inbox: deque[Callable[[], None]] = deque()
        self._delivering = self._full = self._half_closing = False
        self._producer: Any = None
        protocol.makeConnection(self)

    # what the protocol does

    def write(self, data: bytes) -> None:
        """
        Send to the far end; over C{most_queued} bytes the producer has to pause.
        """
        if self.lost or self.half_closed or self._half_closing or self.ended == "aborted":
            return
        self._queued += data
        self._flush()
        if self._producer is not None and not self._full and len(self._queued) > self.most_queued:
            self._full = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        self._producer = producer
        if self.lost:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        self._producer = None
        self._full = False

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if not self.disconnecting:
            self.reading = True
            self._reactor.callLater(0, self._deliver)

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        idle = not self._queued and self._producer is None and not self.disconnecting
        self._end("closed")
        self._soon(idle)

    def abortConnection(self) -> None:
        self._end("aborted")
        self._queued = b""
        self._reactor.callLater(0, self._lose, Failure(error.ConnectionAborted()))

    def loseWriteConnection(self) -> None:
        idle = not self._queued and not self._half_closing and not self.disconnecting
        self._half_closing = True
        self._soon(idle)

    def _soon(self, idle: bool) -> None:
        """
        Come to the end that was asked for.

        @param idle: whether nothing has to come before.
        """
        if self.at_once and idle:
            self._flush()
        else:
            self._reactor.callLater(0, self._flush)

    def getPeer(self) -> Any:
        return self._peer

    def getHost(self) -> Any:
        return IPv4Address("TCP", "192.0.2.254", 80)

    def _end(self, how: str) -> None:
        self.ended = self.ended or how
        self.disconnecting = True
        self.reading = False

    def _flush(self) -> None:
        size = int(min(len(self._queued), self.room))
        if size:
            self._taken += self._queued[:size]
            self._queued = self._queued[size:]
            self.room -= size
        if self._queued or self.lost:
            return
        if self._full:
            self._full = False
            self._producer.resumeProducing()
        elif self.ended == "closed":
            self._lose(connectionDone)
        elif self._half_closing and not self.half_closed:
            self.half_closed = True
            IHalfCloseableProtocol(self.protocol).writeConnectionLost()

    def _lose(self, reason: Failure) -> None:
        if not self.lost:
            self.lost = True
            self.reading = False
            if self._producer is not None:
                self._producer.stopProducing()
            self.protocol.connectionLost(reason)

    # what the far end does

    def send(self, data: bytes) -> None:
        """
        Send bytes; they arrive when the protocol reads.
        """
        self._inbox.append(lambda: self.protocol.dataReceived(data))
        self.settle()

    def end(self) -> None:
        """
        Half-close: send the end of the stream, and still read.
        """
        self._inbox.append(self._arrive_end)
        self.settle()

    def reset(self) -> None:
        """
        Break the connection.
        """
        self._inbox.append(lambda: self._lose(Failure(error.ConnectionLost())))
        if self._queued:
            # Whoever writes hears of it even if it does not read.
            self._lose(Failure(error.ConnectionLost()))
        self.settle()

    def taken(self) -> bytes:
        """
        Return what arrived since this was last asked.
        """
        taken, self._taken = self._taken, b""
        return taken

    def take(self, size: float = float("inf")) -> None:
        """
        Read more, after C{room} was less than enough.
        """
        self.room += size
        before = len(self._queued)
        self._flush()
        self.progress += len(self._queued) < before
        self.settle()

    def settle(self) -> None:
        """
        Let happen what is due.
        """
        self._deliver()
        self._reactor.advance(0)

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._inbox and self.reading and not self.lost:
                self._inbox.popleft()()
        finally:
            self._delivering = False

    def _arrive_end(self) -> None:
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self._lose(connectionDone)
