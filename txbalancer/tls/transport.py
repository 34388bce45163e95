"""
TLS between a transport and the protocol above it.

Twisted's C{TLSMemoryBIOProtocol} does the same, and more than is needed here: it gathers
writes until the next turn of the loop, slices them by the record, and asks OpenSSL for
more after every read. With that gone a small exchange under TLS costs a third less
(ADR 0018).
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.tls.bindings import PIECE, said, shake, unread
from txbalancer.tls.facts import Facts
from txbalancer.tls.layered import Layered
from txbalancer.tls.records import Records

(SHAKING, OPEN, CLOSED) = range(3)

_SPARE = 2048
"""What a piece may grow by, and what OpenSSL has to say beside it."""
_AT_ONCE = 4 * PIECE
"""Bytes that are encrypted before they are sent."""
_CUT = Failure(ConnectionLost("TLS was not ended before the connection"))
_MOST_REPLIES = 256
"""Times that OpenSSL may answer by itself what the far end sends, as to demands for new keys."""


@implementer(IProtocol, IHalfCloseableProtocol, ITransport)
class TLSTransport(Layered):
    """
    One end of a TLS connection: a protocol for the transport below, a transport for the
    protocol above.

    @ivar facts: tells of the connection, once there is one.
    @ivar protocol: what is above; may be replaced, as on a socket of Twisted's.
    """

    __slots__ = (
        "_ended",
        "_reason",
        "_records",
        "_replies",
        "_state",
        "_write_over",
        "facts",
        "introduction",
        "protocol",
    )

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.transport: Any = None
        self.facts = Facts()
        self._tls: Any = None
        self._state = SHAKING
        self._records = Records()
        self._reason: Failure | None = None
        self._replies = 0
        self._ended = self._write_over = False

    # -- for the transport below

    def connectionMade(self) -> None:
        """
        Part of the interface; C{makeConnection} does it all.
        """

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport below, and let the protocol above take this one.
        """
        self.transport = transport
        introduction = getattr(transport, "introduction", None)
        if introduction is not None:
            self.introduction = introduction
        self.protocol.makeConnection(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Decrypt what arrived and pass it up, in one piece if it can be.
        """
        if self._state != OPEN:
            if self._state == SHAKING:
                self._shake(data)
            return
        if not self._records.single(data):
            self._read_on(data)
            return
        tls = self._tls
        tls.bio_write(data)
        try:
            plain = tls.recv(PIECE)
        except SSL.WantReadError:
            self._reply()
        except SSL.Error as error:
            self._over(error)
        else:
            self.protocol.dataReceived(plain)

    def _read_on(self, data: bytes) -> None:
        """
        Decrypt parts of records, or several, and pass what there is up in one piece.
        """
        pieces: list[bytes] = []
        # An exception that is kept would keep this frame, and so the data, for the collector.
        fault: SSL.Error | None = None
        receive, feed, view = self._tls.recv, self._tls.bio_write, memoryview(data)
        for place in range(0, len(data) or 1, PIECE):
            if data:
                feed(view[place : place + PIECE])
            try:
                while True:
                    pieces.append(receive(PIECE))
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                fault = error.with_traceback(None)
                break
        if pieces:
            self.protocol.dataReceived(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._state == OPEN:
            if fault is None:
                self._reply()
            else:
                self._over(fault)

    def _reply(self) -> None:
        """
        Send what OpenSSL has to say to what it read, within reason.
        """
        if self._flush():
            self._replies += 1
            if self._replies > _MOST_REPLIES:
                self._fail(SSL.Error([("", "", "too many demands for new keys")]))

    def _over(self, error: SSL.Error) -> None:
        """
        Act on the end of what can be read.
        """
        if isinstance(error, SSL.ZeroReturnError):
            self._end()
        else:
            self._fail(error)

    def _end(self) -> None:
        """
        The far end has said that it sends no more.
        """
        if self._ended:
            return
        self._ended = True
        above: Any = IHalfCloseableProtocol(self.protocol, None)
        if above is not None:
            above.readConnectionLost()
        else:
            self._reason = connectionDone
            self.loseConnection()

    def readConnectionLost(self) -> None:
        """
        The transport below has ended; without a word of TLS before, somebody may have cut it.
        """
        if self._ended or self._state == CLOSED:
            return
        if self._state == SHAKING:
            self._fail(SSL.SysCallError(-1, "Unexpected EOF"))
            return
        self._reason = _CUT
        self._state = CLOSED
        # The same that the reactor does where there is no half-close: nobody reads any more.
        lose = getattr(self.transport, "connectionLost", None)
        if lose is None:
            self.transport.loseConnection()
        else:
            lose(self._reason)

    def writeConnectionLost(self) -> None:
        """
        Our half-close went out.
        """
        above = IHalfCloseableProtocol(self.protocol, None)
        if above is not None:
            above.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the protocol above that all is over, and why.
        """
        self._state = CLOSED
        reason, self._reason = self._reason or reason, None
        protocol, self.protocol = self.protocol, None
        protocol.connectionLost(reason)

    # -- the handshake

    def _shake(self, data: bytes) -> None:
        tls = self._tls
        if data:
            self._records.single(data)
            tls.bio_write(data)
        try:
            over = shake(tls)
        except SSL.Error as error:
            self._fail(error)
            return
        if not over:
            self._flush()
            return
        # What ends the handshake goes with what is written first, or after a look at what
        # came behind it.
        self._state = OPEN
        self._shaken()
        if self._state == OPEN:
            if unread(tls):
                self._read_on(b"")
            else:
                self._flush()

    def _shaken(self) -> None:
        completed = getattr(self.protocol, "handshakeCompleted", None)
        if completed is not None:
            completed()

    def _fail(self, error: SSL.Error) -> None:
        """
        End a connection that TLS cannot go on with; the far end is told by an alert.
        """
        if self._state == CLOSED:
            return
        if self._reason is None:
            self._reason = Failure(error)
        self._state = CLOSED
        if self._tls is not None:
            self._flush()
        self.transport.loseConnection()

    def _flush(self) -> bool:
        """
        Send what OpenSSL has to say.

        @return: whether there was anything.
        """
        found = False
        while data := said(self._tls):
            self.transport.write(data)
            found = True
            if len(data) < PIECE:
                break
        return found

    # -- for the protocol above

    def write(self, data: bytes) -> None:
        """
        Encrypt and send.
        """
        if self._state != OPEN or self._write_over or not data:
            return
        size = len(data)
        tls = self._tls
        try:
            if size <= PIECE:
                tls.sendall(data)
                out = tls.bio_read(size + _SPARE)
                self.transport.write(out)
                if len(out) == size + _SPARE:
                    self._flush()
                return
            view = memoryview(data)
            for start in range(0, size, _AT_ONCE):
                pieces = []
                for place in range(start, min(size, start + _AT_ONCE), PIECE):
                    tls.sendall(view[place : place + PIECE])
                    pieces.append(tls.bio_read(PIECE + _SPARE))
                self.transport.write(b"".join(pieces))
            self._flush()
        except SSL.Error as error:
            self._fail(error)

    def writeSequence(self, data: Any) -> None:
        """
        Encrypt and send.
        """
        self.write(b"".join(data))

    def loseWriteConnection(self) -> None:
        """
        Send no more, but go on reading.
        """
        if self._say_end():
            self.transport.loseWriteConnection()

    def loseConnection(self) -> None:
        """
        Say the end and close, once all is sent; the far end's own word is not waited for.
        """
        if self._state == SHAKING:
            self.abortConnection()
            return
        self._say_end()
        self._state = CLOSED
        self.transport.loseConnection()

    def _say_end(self) -> bool:
        if self._state != OPEN or self._write_over:
            return False
        self._write_over = True
        try:
            self._tls.shutdown()
        except SSL.Error:
            # There is no one to tell any more.
            return False
        self._flush()
        return True

    def abortConnection(self) -> None:
        """
        Cut the connection.
        """
        self._state = CLOSED
        self.transport.abortConnection()

    def stopProducing(self) -> None:
        """
        Close.
        """
        self.loseConnection()
