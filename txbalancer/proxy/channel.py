"""
The client side of HTTP/1: reads requests, writes answers in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.core.request import Peer
from txbalancer.errors import ClientError, ClientGone, ClientTimeout, Stopped
from txbalancer.http1.framing import ChunkedReader, chunk, last_chunk
from txbalancer.http1.heads import CHUNKED, NO_BODY, RequestHead, parse_request
from txbalancer.net.deadlines import NEVER

if TYPE_CHECKING:
    from txbalancer.proxy.served import Served
    from txbalancer.proxy.site import Site
    from txbalancer.proxy.tunnel import Tunnel

_PIPELINE = 65536
"""Bytes of further requests that are read while one is in progress."""

_LINGER = 5.0
"""Seconds for which a client may still send after an answer that ends the connection."""


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class ClientChannel:
    """
    One connection of a client: one exchange at a time, the next in the buffer.

    @ivar exchange: what is in progress, or C{None} between requests.
    @ivar ended: whether the client has ended its side.
    @ivar deadline: when the client must have made progress; see L{Deadlines}.
    """

    __slots__ = (
        "_advancing",
        "_blocked",
        "_body_began",
        "_body_size",
        "_buffer",
        "_chunked_answer",
        "_chunks",
        "_closing",
        "_left",
        "_lingering",
        "_partial_head",
        "_progress",
        "_receiving",
        "_requests",
        "_skipped",
        "deadline",
        "ended",
        "exchange",
        "head",
        "paused",
        "peer",
        "site",
        "transport",
        "tunnel",
    )

    def __init__(self, site: Site) -> None:
        self.site = site
        self.transport: Any = None
        self.exchange: Served | None = None
        self.tunnel: Tunnel | None = None
        self.head: RequestHead | None = None
        self.peer: Peer
        self.deadline = NEVER
        self._buffer = b""
        self._chunks: ChunkedReader | None = None
        self._left = 0
        self._requests = 0
        self._skipped = 0
        self._body_began = 0.0
        self._body_size = 0
        self._progress = -1
        self._receiving = self._closing = self.ended = self._lingering = False
        self.paused = self._blocked = self._advancing = self._chunked_answer = False
        self._partial_head = False

    # -- the connection

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport and wait for a request; too many connections wait for their turn.
        """
        self.transport = transport
        transport.registerProducer(self, True)
        no_delay = getattr(transport, "setTcpNoDelay", None)
        if no_delay is not None:
            no_delay(True)
        self.peer = self.site.peer(transport)
        self.site.opened(self)

    def welcome(self) -> None:
        """
        Begin to wait for the first request.
        """
        self.deadline = self.site.now() + self.site.spec.head_timeout

    def hold(self) -> None:
        """
        Do not read until L{release}: the listener has too many connections.
        """
        self.transport.pauseProducing()

    def release(self) -> None:
        """
        Take part after all.
        """
        self.welcome()
        self.transport.resumeProducing()

    def connectionMade(self) -> None:
        """
        Part of the interface; L{makeConnection} did it all.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        The client is gone, and with it whatever was in progress.
        """
        self.site.closed(self)
        self._closing = True
        if self.tunnel is not None:
            self.tunnel.client_gone()
        elif self.exchange is not None:
            self.exchange.client_gone(ClientGone("the client closed the connection"))

    def readConnectionLost(self) -> None:
        """
        The client sends no more, but may still read the answer.
        """
        self.ended = True
        if self.tunnel is not None:
            self.tunnel.client_eof()
        elif self.exchange is None or self._lingering:
            self._shut()
        elif self._receiving:
            self.exchange.client_gone(ClientGone("the client ended within its request"))
            self._shut()

    def writeConnectionLost(self) -> None:
        """
        Our half-close went out; nothing to do.
        """

    def drain(self) -> None:
        """
        Take no further request: close now if idle, else after the answer.
        """
        if self.exchange is None:
            self._shut()
        else:
            self._closing = True

    def abort(self) -> None:
        """
        Cut the connection, so that the client can tell that its answer is not complete.
        """
        self._closing = True
        self.exchange = None
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def cut(self) -> None:
        """
        End the connection now, whatever is in progress.
        """
        if self.tunnel is not None:
            self.tunnel.idle()
        elif self.exchange is not None:
            self.exchange.client_gone(Stopped("the service stopped"))
        self.abort()

    def _shut(self) -> None:
        self._closing = True
        # What is still to be written must not wait for the client for ever.
        self.deadline = self.site.now() + self.site.spec.write_timeout
        self._progress = -1
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # -- requests

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the client sends: a head, a body, the next request, or raw bytes of a tunnel.
        """
        if self._receiving:
            self._body(data)
        elif self.exchange is None and (self._lingering or not self._blocked):
            if self._lingering:
                self._skip(len(data))
            elif self._buffer:
                data = self._buffer + data
                self._buffer = b""
                self._head(data)
            else:
                self._head(data)
        elif self.tunnel is not None:
            self.tunnel.from_client(data)
        else:
            self._buffer += data
            if len(self._buffer) > _PIPELINE and not self.paused:
                self.pause()

    def _head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        limits = self.site.limits
        if end < 0 or end > limits.head:
            self._partial(data, end)
            return
        try:
            head = parse_request(data[:end], limits)
        except ClientError as error:
            if data[:2] == b"\r\n" and data[2:3] != b"\r":
                # RFC 9112 2.2: an empty line before a request may be ignored; one is enough.
                self._head(data[2:])
                return
            self._refuse(error)
            return
        self.head = head
        head.peer = self.peer
        self._requests += 1
        self._partial_head = False
        self.deadline = NEVER
        data = data[end + 4 :]
        body = head.body
        if body == NO_BODY or body == 0:
            if data:
                self._buffer = data
            self.site.begin(self, head)
            return
        self._receiving = True
        if body == CHUNKED:
            self._chunks = ChunkedReader(ClientError)
        else:
            self._left = body
        if head.expects:
            # It may wait for 100 (Continue), so its clock starts with that or with a byte.
            self._body_began = NEVER
        else:
            self._await_body()
        self.site.begin(self, head)
        if data and self._receiving:
            self._body(data)

    def _partial(self, data: bytes, end: int) -> None:
        """
        Keep the beginning of a head, or see that it can never become one.
        """
        limits = self.site.limits
        if len(data) > limits.head:
            self._refuse(ClientError(f"a head over {limits.head} bytes", 431))
        elif b"\r\n" not in data and len(data) > limits.url + 100:
            self._refuse(ClientError(f"a target longer than {limits.url} bytes", 414))
        elif b"\n" in data and data.count(b"\n") != data.count(b"\r\n"):
            self._refuse(ClientError("a line that does not end in CRLF"))
        elif not data[:1].isalpha() and data[:2] not in (b"\r", b"\r\n"):
            self._refuse(ClientError("no HTTP request (TLS on a plain listener?)"))
        elif self.ended:
            self._shut()
        else:
            if not self._partial_head and self._requests:
                # The clock of a later head starts with its first byte.
                self.deadline = self.site.now() + self.site.spec.head_timeout
            self._partial_head = True
            self._buffer = data

    def _body(self, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        now = self.site.now()
        spec = self.site.spec
        if self._body_began == NEVER:
            self._await_body()
        self.deadline = now + spec.body_timeout
        self._body_size += len(data)
        spent = now - self._body_began
        if spent > spec.body_timeout and self._body_size < spec.body_min_rate * spent:
            rate = f"under {spec.body_min_rate} bytes a second"
            exchange.client_error(ClientTimeout(f"a request body that comes at {rate}"))
            return
        chunks = self._chunks
        if chunks is None:
            left = self._left - len(data)
            if left > 0:
                self._left = left
                exchange.request_data(data)
                return
            if left:
                self._buffer = data[left:]
                data = data[:left]
            self._receiving = False
            trailers: list[bytes] = []
        else:
            try:
                data, rest = chunks.feed(data)
            except ClientError as error:
                exchange.client_error(error)
                return
            if not chunks.done:
                if data:
                    exchange.request_data(data)
                return
            self._buffer = rest
            self._receiving = False
            self._chunks = None
            trailers = chunks.trailers
        self.deadline = NEVER
        if data:
            exchange.request_data(data)
        if self.exchange is exchange:
            exchange.request_end(trailers)

    def _await_body(self) -> None:
        """
        Start the clock of a request's body: for silence, and for a rate that is too low.
        """
        self._body_began = self.site.now()
        self._body_size = 0
        self.deadline = self._body_began + self.site.spec.body_timeout

    def _refuse(self, error: ClientError) -> None:
        """
        Answer a request that cannot even be read.
        """
        self.deadline = NEVER
        # Whatever more the client sends must not keep it from reading why.
        self._closing = self._receiving = True
        self.site.refuse(self, error)

    # -- answers

    def interim(self, start: bytes, lines: list[bytes]) -> None:
        """
        Pass on a 1xx answer, which an HTTP/1.0 client would not understand.
        """
        if self.head is not None and self.head.minor:
            self.transport.write(b"\r\n".join((start, *lines, b"", b"")))
        if self._receiving and not self.paused:
            self._await_body()

    def respond(
        self,
        start: bytes,
        lines: list[bytes],
        body: int,
        data: bytes,
        done: bool,
        trailers: Sequence[bytes] = (),
    ) -> None:
        """
        Write the head of an answer and what is there of its body.

        @param start: status line without the version's number being right: it is made HTTP/1.1.
        @param lines: header lines without framing; the list is used up.
        @param body: length, L{NO_BODY}, C{CHUNKED} or C{UNTIL_CLOSE}.
        @param done: whether C{data} is all of the body.
        """
        head = self.head
        minor = 1 if head is None else head.minor
        chunked = False
        if body >= 0:
            lines.append(b"Content-Length: %d" % body)
        elif body != NO_BODY:
            if minor:
                lines.append(b"Transfer-Encoding: chunked")
                chunked = True
            else:
                self._closing = True
        ended = self.ended and not self._buffer
        if self._closing or self._receiving or ended or not self._stays(head):
            self._closing = True
            lines.append(b"Connection: close")
        elif not minor:
            lines.append(b"Connection: keep-alive")
        self._chunked_answer = chunked
        if chunked:
            data = chunk(data) + last_chunk(list(trailers)) if done else chunk(data)
        self.transport.write(b"\r\n".join((start, *lines, b"", data)))

    def _stays(self, head: RequestHead | None) -> bool:
        spec = self.site.spec
        return (
            head is not None
            and head.keep_alive
            and not self.site.draining
            and not (spec.keepalive_requests and self._requests >= spec.keepalive_requests)
            and spec.keepalive_timeout > 0
        )

    def write_body(self, data: bytes) -> None:
        """
        Write a piece of the answer's body.
        """
        self.transport.write(chunk(data) if self._chunked_answer else data)

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Write the end of the answer's body.
        """
        if self._chunked_answer:
            self.transport.write(last_chunk(trailers))

    def finished(self) -> None:
        """
        The exchange is over: go on with the next request, or close.
        """
        self.exchange = self.head = None
        if self._closing:
            self._end()
            return
        if self._blocked:
            # Nobody reads the answers: take no further request until somebody does.
            return
        if self.paused:
            self.resume()
        if self._buffer:
            self._advance()
        elif self.ended:
            self._shut()
        else:
            self.deadline = self.site.now() + self.site.spec.keepalive_timeout

    def switch(self, start: bytes, lines: list[bytes]) -> bytes:
        """
        Write the head of a 101; from here on the connection belongs to a tunnel.

        @return: what the client sent already behind its request.
        """
        self._closing = True
        rest, self._buffer = self._buffer, b""
        self.transport.write(b"\r\n".join((start, *lines, b"", b"")))
        if self.paused:
            self.resume()
        return rest

    def _advance(self) -> None:
        """
        Begin with requests that were read already, without recursion for each.
        """
        if self._advancing:
            return
        self._advancing = True
        try:
            while self.exchange is None and self._buffer and not self._closing:
                data, self._buffer = self._buffer, b""
                before = self._requests
                self._head(data)
                if self._requests == before or self._blocked:
                    break
        finally:
            self._advancing = False

    def _end(self) -> None:
        """
        Close after an answer; a client that still sends must be able to read it first.

        Closing a socket with unread input resets it, and the reset can destroy the answer
        on its way. Source: RFC 9112 9.6.
        """
        if self.ended or not (self._receiving or self._buffer):
            self._shut()
            return
        self._receiving = False
        self._lingering = True
        self._buffer = b""
        if self.paused:
            self.resume()
        self.deadline = self.site.now() + _LINGER
        self._moving()
        self.half_close()

    def half_close(self) -> None:
        """
        Send no more, but go on reading. TLS has no such thing: there the end is the end.
        """
        if self.site.secure:
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def _skip(self, size: int) -> None:
        self._skipped += size
        if self._skipped > 64 * _PIPELINE:
            self._shut()

    # -- flow and time

    def pause(self) -> None:
        """
        Stop reading the client.
        """
        self.paused = True
        if self._receiving:
            self.deadline = NEVER
        self.transport.pauseProducing()

    def resume(self) -> None:
        """
        Go on reading the client.
        """
        self.paused = False
        if self._receiving:
            self._await_body()
        self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """
        The client does not read as fast as the answer comes.
        """
        self._blocked = True
        self._progress = -1
        self.deadline = self.site.now() + self.site.spec.write_timeout
        if self.tunnel is not None:
            self.tunnel.client_blocked()
        elif self.exchange is not None:
            self.exchange.client_blocked()

    def resumeProducing(self) -> None:
        """
        The client has read what was waiting.
        """
        self._blocked = False
        self.deadline = NEVER
        if self.tunnel is not None:
            self.tunnel.client_unblocked()
        elif self.exchange is not None:
            self.exchange.client_unblocked()
        elif not self._closing:
            self.finished()

    def stopProducing(self) -> None:
        """
        The transport is gone; L{connectionLost} follows.
        """

    def expired(self, now: float) -> None:
        """
        Act on a client that makes no progress.
        """
        exchange = self.exchange
        if (self._blocked or (self._closing and exchange is None)) and self._moving():
            self.deadline = now + self.site.spec.write_timeout
            return
        self.deadline = NEVER
        if self.tunnel is not None:
            self.tunnel.idle()
        elif exchange is None:
            if self._blocked or self._closing:
                self.abort()
            elif self._buffer:
                self._refuse(ClientTimeout("no complete request head in time"))
            else:
                self._shut()
        elif self._blocked:
            exchange.client_gone(ClientTimeout("the client does not read its answer"))
            self.abort()
        elif self._receiving:
            exchange.client_error(ClientTimeout("no more of the request's body in time"))

    def _moving(self) -> bool:
        transport = getattr(self.transport, "transport", self.transport)
        progress = getattr(transport, "progress", 0)
        moved: bool = progress != self._progress
        self._progress = progress
        return moved
