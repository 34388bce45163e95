"""
The member side of HTTP/1: one connection, which sends requests and reads answers.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    IPushProducer,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.errors import (
    BadResponse,
    ConnectFailed,
    ConnectTimeout,
    MemberClosed,
    MemberError,
    ResponseTimeout,
    TLSFailed,
    Truncated,
)
from txbalancer.http1.framing import ChunkedReader, chunk, last_chunk
from txbalancer.http1.heads import CHUNKED, NO_BODY, UNTIL_CLOSE, ResponseHead, parse_response
from txbalancer.net.deadlines import NEVER

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.pool import MemberPool
    from txbalancer.proxy.tunnel import Tunnel

_MOST_INTERIM = 10
"""Interim answers to one request before it is given up; Apache's number (APACHE 5, table)."""

_IPPROTO_TCP = socket.IPPROTO_TCP
_TCP_INFO = getattr(socket, "TCP_INFO", 0)
_ESTABLISHED = b"\x01"
"""First byte of C{struct tcp_info} while neither end has closed."""

(_OPENING, _IDLE, _HEAD, _BODY, _CHUNKS, _REST, _TUNNEL, _CLOSED) = range(8)


@implementer(IProtocol, IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class MemberConnection:
    """
    A connection to a member, carrying one exchange at a time.

    @ivar exchange: the exchange that has the connection, or C{None}.
    @ivar deadline: when the member's silence becomes a failure; see L{Deadlines}.
    @ivar reused: whether an earlier exchange went over this connection.
    @ivar stuck: whether the member does not take what is sent.
    @ivar request_sent: whether the request is complete on its way.
    """

    __slots__ = (
        "_buffer",
        "_check",
        "_chunked_request",
        "_chunks",
        "_interim",
        "_left",
        "_method",
        "_paused",
        "_progress",
        "_state",
        "deadline",
        "exchange",
        "keep",
        "opening",
        "pool",
        "request_sent",
        "reused",
        "stuck",
        "transport",
        "tunnel",
    )

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        """
        @param opening: what opened the connection; the pool knows by it who waits.
        """
        self.pool = pool
        self.opening = opening
        self.transport: Any = None
        self.exchange: Exchange | None = None
        self.tunnel: Tunnel | None = None
        self.deadline = NEVER
        self.reused = False
        self.keep = False
        self.request_sent = False
        self._state = _OPENING
        self._buffer = b""
        self._check: Any = None
        self._chunks: ChunkedReader | None = None
        self._chunked_request = False
        self._left = 0
        self._interim = 0
        self._method = b""
        self._paused = False
        self.stuck = False
        self._progress = -1

    # -- opening and closing

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport; a TLS connection is ready only after its handshake.
        """
        self.transport = transport
        transport.registerProducer(self, True)
        self.pool.runtime.deadlines.add(self)
        if self.pool.secure:
            self.deadline = self.pool.runtime.now() + self.pool.spec.connectiontimeout
        else:
            self._ready()

    def handshakeCompleted(self) -> None:
        """
        Offer the connection for use, now that the member's certificate is verified.
        """
        if self._state == _OPENING:
            self._ready()

    def _ready(self) -> None:
        self._state = _IDLE
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket) and not self.pool.spec.socket:
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.pool.spec.keepalive:
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if _TCP_INFO and not self.pool.secure:
                self._check = handle.getsockopt
        self.deadline = NEVER
        self.pool.opened(self)

    def fresh(self) -> bool:
        """
        Tell whether an idle connection can carry another request (APACHE item W53).

        The reactor watches idle connections, so this is for a close since its last look: the
        kernel knows of it, and asking costs less than half of a peek at the data.
        """
        if self._state != _IDLE:
            return False
        if self._check is not None:
            established: bool = self._check(_IPPROTO_TCP, _TCP_INFO, 1) == _ESTABLISHED
            return established
        return self.pool.secure or self._quiet()

    def _quiet(self) -> bool:
        """
        Tell, where the kernel cannot, whether there is neither data nor an end to be read.

        Under TLS records may be pending without data for us, so there it is not asked.
        """
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if not isinstance(handle, socket.socket):
            return True
        try:
            handle.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self, polite: bool = False) -> None:
        """
        Close without another exchange; what is still under way is given up.

        @param polite: nothing is under way, so end with FIN rather than RST.
        """
        self.exchange = None
        if self._state != _CLOSED:
            polite = polite or self._state == _IDLE
            self._state = _CLOSED
            self.pool.closed(self)
            if self.transport is not None:
                self.transport.unregisterProducer()
                if polite:
                    # What is still to be written must not wait for the member for ever.
                    self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
                    self._progress = -1
                    self.transport.loseConnection()
                else:
                    self.transport.abortConnection()

    def connectionMade(self) -> None:
        """
        Part of the interface; L{makeConnection} did it all.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the exchange what the end of the connection means for it.
        """
        self.pool.runtime.deadlines.discard(self)
        if self._state == _CLOSED:
            return
        self._ended(reason.check(ConnectionDone) is not None, reason.getErrorMessage())

    def readConnectionLost(self) -> None:
        """
        The member sends no more. In a tunnel only this direction is over.
        """
        if self._state == _TUNNEL and self.tunnel is not None:
            self.tunnel.member_eof()
        elif self._state != _CLOSED:
            self._ended(True, "the member closed the connection")

    def writeConnectionLost(self) -> None:
        """
        Our half-close went out; nothing to do.
        """

    def _ended(self, clean: bool, text: str) -> None:
        state, exchange, tunnel = self._state, self.exchange, self.tunnel
        if state == _OPENING:
            self._opening_failed(TLSFailed(f"{self.pool.spec.url}: TLS: {text}"))
            return
        self.close()
        if tunnel is not None:
            tunnel.member_gone()
        elif exchange is None:
            return
        elif state == _HEAD:
            exchange.attempt_failed(MemberClosed(text), untouched=not self._buffer)
        elif state == _REST and clean:
            exchange.response_end([])
        else:
            exchange.response_broken(Truncated(text))

    def _opening_failed(self, error: ConnectFailed) -> None:
        self._state = _CLOSED
        self.transport.unregisterProducer()
        self.transport.abortConnection()
        self.pool.opening_failed(self.opening, error)

    # -- the request

    def begin(
        self,
        exchange: Exchange,
        method: bytes,
        target: bytes,
        lines: list[bytes],
        body: int,
        expects: bool,
    ) -> int:
        """
        Send the head of a request.

        @param lines: header lines, Host first; those that frame the body are added here.
        @param body: its length, L{NO_BODY} or L{CHUNKED}.
        @param expects: whether the body waits for the member's 100 (Continue).
        @return: the size of the head in bytes.
        """
        self.exchange = exchange
        self._method = method
        self._state = _HEAD
        self._interim = 0
        self._chunked_request = False
        if body >= 0:
            lines.append(b"Content-Length: %d" % body)
        elif body == CHUNKED:
            lines.append(b"Transfer-Encoding: chunked")
            self._chunked_request = True
        if self.pool.spec.disablereuse:
            lines.append(b"Connection: close")
        lines.append(b"\r\n")
        self.request_sent = body <= 0 and body != CHUNKED
        if self.request_sent or expects:
            self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
        else:
            self.deadline = NEVER
        head = b"%b %b HTTP/1.1\r\n%b" % (method, target, b"\r\n".join(lines))
        self.transport.write(head)
        return len(head)

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the request's body.
        """
        if not self.stuck:
            self.deadline = NEVER
        self.transport.write(chunk(data) if self._chunked_request else data)

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Send the end of the request's body; from now on the member's silence counts.
        """
        if self._chunked_request:
            self.transport.write(last_chunk(trailers))
        self.request_sent = True
        if not self._paused:
            self.deadline = self.pool.runtime.now() + self.pool.spec.timeout

    # -- the answer

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the member says.
        """
        state = self._state
        if state == _HEAD:
            self._head(self._buffer + data if self._buffer else data)
        elif state == _BODY:
            self._body(data)
        elif state in (_CHUNKS, _REST):
            self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
            self._unsized(data)
        elif state == _TUNNEL and self.tunnel is not None:
            self.tunnel.from_member(data)
        elif state == _IDLE:
            # Nothing was asked: whatever this is, it must not answer the next request.
            self.close()

    def _head(self, data: bytes) -> None:
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                if len(data) > self.pool.limits.head:
                    self._refuse(BadResponse(f"a head over {self.pool.limits.head} bytes"))
                elif data[:1] != b"H" or (b"\n" in data and b"\r\n" not in data):
                    self._refuse(BadResponse("no HTTP/1 answer"))
                return
            try:
                head = parse_response(data[:end], self.pool.limits)
                if head.status < 200:
                    self._check_interim(head)
            except BadResponse as error:
                self._refuse(error)
                return
            data = data[end + 4 :]
            if head.status >= 200:
                break
            if head.status == 101:
                self._switched(head, data)
                return
            if self.exchange is not None:
                self.exchange.interim(head)
            if self.exchange is None:
                return
            if not data:
                self._buffer = b""
                return
        self._buffer = b""
        self._final(head, data)

    def _final(self, head: ResponseHead, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        body = head.body(self._method)
        self.keep = head.keep_alive and body != UNTIL_CLOSE
        try:
            if body == CHUNKED:
                self._chunks = ChunkedReader(BadResponse)
                data, rest = self._chunks.feed(data)
                done = self._chunks.done
                self._state = _CHUNKS
            elif body == UNTIL_CLOSE:
                rest, done = b"", False
                self._state = _REST
            else:
                length = 0 if body == NO_BODY else body
                rest = data[length:]
                if rest:
                    data = data[:length]
                done = len(data) == length
                self._left = length - len(data)
                self._state = _BODY
        except BadResponse as error:
            self._refuse(error)
            return
        if not done:
            self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
            exchange.response(head, body, data, False, [])
        else:
            trailers = self._chunks.trailers if self._chunks is not None else []
            self._done(rest)
            exchange.response(head, body, data, True, trailers)

    def _body(self, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        left = self._left - len(data)
        if left > 0:
            self._left = left
            self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
            exchange.response_data(data)
            return
        rest = b""
        if left < 0:
            data, rest = data[:left], data[left:]
        self._done(rest)
        exchange.response_data(data)
        exchange.response_end([])

    def _unsized(self, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        if self._state == _REST:
            exchange.response_data(data)
            return
        chunks = self._chunks
        assert chunks is not None
        try:
            data, rest = chunks.feed(data)
        except BadResponse as error:
            self.close()
            exchange.response_broken(error)
            return
        if chunks.done:
            self._done(rest)
        if data:
            exchange.response_data(data)
        if chunks.done:
            exchange.response_end(chunks.trailers)

    def _done(self, rest: bytes) -> None:
        """
        The answer is complete: keep the connection for another exchange, or close it.
        """
        self._chunks = None
        if rest or not self.keep or not self.request_sent or self.pool.spec.disablereuse:
            self.close(polite=self.request_sent)
            return
        self.exchange = None
        self._state = _IDLE
        self.reused = True
        if self._paused:
            self.resume()
        self.pool.put(self)

    def _check_interim(self, head: ResponseHead) -> None:
        self._interim += 1
        if self._interim >= _MOST_INTERIM:
            raise BadResponse(f"{self._interim} interim answers")
        if head.length >= 0 or head.chunked:
            raise BadResponse("an interim answer with a body")

    def _switched(self, head: ResponseHead, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        wanted, got = exchange.upgrade, head.noted.get(b"upgrade", b"")
        if not wanted or wanted.lower() != got.lower():
            self._refuse(BadResponse(f"changed to protocol {got!r}, which was not asked for"))
            return
        self._state = _TUNNEL
        self.deadline = NEVER
        self._buffer = b""
        exchange.switched(head, self, data)

    def _refuse(self, error: MemberError) -> None:
        """
        Give up an answer whose head cannot be used; nothing of it is passed on.
        """
        exchange = self.exchange
        self.close()
        if exchange is not None:
            exchange.attempt_failed(error, untouched=False)

    def half_close(self) -> None:
        """
        Send no more, but go on reading. TLS has no such thing: there the end is the end.
        """
        if self.pool.secure:
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    # -- flow and time

    def pause(self) -> None:
        """
        Stop reading the member: the client does not keep up.
        """
        self._paused = True
        self.deadline = NEVER
        self.transport.pauseProducing()

    def resume(self) -> None:
        """
        Go on reading the member.
        """
        self._paused = False
        if self._state != _IDLE:
            self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
        self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """
        The member does not take the request as fast as it comes.
        """
        self.stuck = True
        self._progress = -1
        self.deadline = self.pool.runtime.now() + self.pool.spec.timeout
        if self.tunnel is not None:
            self.tunnel.member_blocked()
        elif self.exchange is not None:
            self.exchange.member_blocked()

    def resumeProducing(self) -> None:
        """
        The member took what was waiting.
        """
        self.stuck = False
        if not self.request_sent:
            self.deadline = NEVER
        if self.tunnel is not None:
            self.deadline = NEVER
            self.tunnel.member_unblocked()
        elif self.exchange is not None:
            self.exchange.member_unblocked()

    def stopProducing(self) -> None:
        """
        The transport is gone; L{connectionLost} follows.
        """

    def expired(self, now: float) -> None:
        """
        Act on the member's silence.
        """
        state, exchange = self._state, self.exchange
        if (self.stuck or state == _CLOSED) and self._moving():
            self.deadline = now + self.pool.spec.timeout
            return
        self.deadline = NEVER
        if state == _CLOSED:
            self.transport.abortConnection()
            return
        if state == _IDLE:
            self.pool.aged(self, now)
            return
        if state == _OPENING:
            text = (
                f"{self.pool.spec.url}: no TLS handshake in {self.pool.spec.connectiontimeout:g} s"
            )
            self._opening_failed(ConnectTimeout(text))
            return
        tunnel = self.tunnel
        self.close()
        if tunnel is not None:
            tunnel.member_gone()
        elif exchange is None:
            return
        elif state == _HEAD:
            text = f"no answer within {self.pool.spec.timeout:g} s"
            exchange.attempt_failed(ResponseTimeout(text), untouched=False)
        else:
            exchange.response_broken(ResponseTimeout("no more of the answer in time"))

    def _moving(self) -> bool:
        """
        Tell whether the member took bytes since this was last asked.
        """
        transport = getattr(self.transport, "transport", self.transport)
        progress = getattr(transport, "progress", 0)
        moved: bool = progress != self._progress
        self._progress = progress
        return moved
