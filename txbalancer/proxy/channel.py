"""
The client side of HTTP/1: reads requests, writes answers in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.errors import ClientGone, ClientTimeout, Stopped
from txbalancer.http1.framing import chunk, last_chunk
from txbalancer.http1.heads import NO_BODY
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.hsts import with_hsts
from txbalancer.proxy.request_reader import RequestReader

if TYPE_CHECKING:
    from txbalancer.proxy.site import Site

_LINGER = 5.0
"""Seconds for which a client may still send after an answer that ends the connection."""


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class ClientChannel(RequestReader):
    """
    One connection of a client: one exchange at a time, the next in the buffer.
    """

    __slots__ = (
        "_advancing",
        "_chunked_answer",
    )

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.transport: Any = None
        self._progress = -1
        self._advancing = self._chunked_answer = False

    # -- the connection

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport and wait for a request; too many connections wait for their turn.
        """
        self.take_over(transport)
        no_delay = getattr(transport, "setTcpNoDelay", None)
        if no_delay is not None:
            no_delay(True)
        self.peer = self.site.peer(transport)
        self.site.opened(self)

    def take_over(self, transport: Any) -> None:
        """
        Take a transport that a L{Doorway<txbalancer.proxy.doorway.Doorway>} may have had.
        """
        self.transport = transport
        transport.registerProducer(self, True)

    def welcome(self) -> None:
        """
        Begin to wait for the first request.
        """
        self.deadline = self.site.now() + self.site.spec.head_timeout

    def hold(self) -> None:
        """
        Do not read until L{release}: the listener has too many connections.
        """
        # Something may have been read already, behind a PROXY header.
        self._blocked = True
        self.transport.pauseProducing()

    def release(self) -> None:
        """
        Take part after all.
        """
        self._blocked = False
        self.welcome()
        self.transport.resumeProducing()
        self._advance()

    @property
    def secure(self) -> bool:
        """
        Whether the client is under TLS.
        """
        return self.site.secure

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
            if self._lingering or not self._blocked:
                self._shut()
        elif self._receiving:
            self._broke_off()

    def drain(self) -> None:
        """
        Take no further request: close now if idle, else after the answer.
        """
        if self.exchange is None:
            self._shut()
        else:
            self._closing = True

    def retire(self) -> None:
        """
        Nothing to do: the next answer closes, as the site allows no more requests.
        """

    def abort(self) -> None:
        """
        Cut the connection, so that the client can tell that its answer is not complete.
        """
        self._closing = True
        self._receiving = False
        self.exchange = None
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def cut(self) -> None:
        """
        End the connection now, whatever is in progress.
        """
        if self.tunnel is not None:
            # In an orderly way: what was said last still arrives.
            self.tunnel.end("stopped")
            return
        if self.exchange is not None:
            self.exchange.client_gone(Stopped("the service stopped"))
        self.abort()

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
        if (
            self._closing
            or self._receiving
            or ended
            or head is None
            or not head.keep_alive
            or self._requests >= self.site.most_requests
        ):
            self._closing = True
            lines.append(b"Connection: close")
        elif not minor:
            lines.append(b"Connection: keep-alive")
        if self.site.hsts:
            with_hsts(lines, self.site.hsts, self.peer.secure)
        self._chunked_answer = chunked
        if chunked:
            data = chunk(data) + last_chunk(trailers) if done else chunk(data)
        self.transport.write(b"\r\n".join((start, *lines, b"", data)))

    def write_body(self, data: bytes) -> None:
        """
        Write a piece of the answer's body.
        """
        self.transport.write(chunk(data) if self._chunked_answer else data)

    def sink(self) -> Any:
        """
        Return the transport, if bytes of the answer's body go to it as they are; else C{None}.
        """
        return None if self._chunked_answer else self.transport

    def end_body(self, trailers: Sequence[bytes]) -> None:
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
            elif self._beginning is not None:
                self._refuse(ClientTimeout("no complete request head in time"))
            else:
                self._shut()
        elif self._blocked:
            exchange.client_gone(ClientTimeout("the client does not read its answer"))
            self.abort()
        elif self._receiving:
            exchange.client_error(ClientTimeout("no more of the request's body in time"))
