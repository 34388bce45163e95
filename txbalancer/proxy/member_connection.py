"""
The member side of HTTP/1: one connection, which sends requests and reads answers.
"""

from __future__ import annotations

import select
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
    ConnectFailed,
    ConnectTimeout,
    MemberClosed,
    PingTimeout,
    ResponseTimeout,
    TLSFailed,
    Truncated,
)
from txbalancer.http1.framing import chunk, last_chunk
from txbalancer.http1.heads import CHUNKED, NO_BODY
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.answer_reader import (
    ASKING,
    CLOSED,
    HEAD,
    IDLE,
    OPENING,
    REST,
    TUNNEL,
    AnswerReader,
)

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.manner import Manner
    from txbalancer.proxy.pool import MemberPool


@implementer(IProtocol, IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class MemberConnection(AnswerReader):
    """
    A connection to a member, carrying one exchange at a time.

    @ivar opening: what opened the connection; the pool knows by it who waits.
    @ivar stuck: whether the member does not take what is sent.
    """

    __slots__ = (
        "_chunked_request",
        "_held",
        "_held_end",
        "_poll",
        "opening",
        "stuck",
    )

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        super().__init__(pool)
        self.opening = opening
        self.transport: Any = None
        self._poll: Any = None
        self._chunked_request = self.stuck = False
        self._held: list[bytes] | None = None
        self._held_end: list[bytes] | None = None
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
        if self._state == OPENING:
            self._ready()

    def _ready(self) -> None:
        self._state = IDLE
        spec = self.pool.spec
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket) and hasattr(select, "poll"):
            poller = select.poll()
            poller.register(handle.fileno(), select.POLLIN)
            self._poll = poller.poll
        if not spec.socket and hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(spec.keepalive)
        self.deadline = NEVER
        self.pool.opened(self)

    @property
    def secure(self) -> bool:
        """
        Whether the member is under TLS.
        """
        return self.pool.secure

    def fresh(self) -> bool:
        """
        Tell whether an idle connection can carry another request: open, and silent (APACHE W53).

        The reactor watches idle connections; this is for what came since its last look. Under
        TLS records may come that are not for us, so there it is not asked.
        """
        return self._state == IDLE and not (self._poll is not None and self._poll(0))

    def close(self, polite: bool = False) -> None:
        """
        Close without another exchange; what is still under way is given up.

        @param polite: nothing is under way, so end with FIN rather than RST.
        """
        self.exchange = None
        if self._state != CLOSED:
            polite = polite or self._state == IDLE
            self._state = CLOSED
            self.pool.closed(self)
            if self.transport is not None:
                self.transport.unregisterProducer()
                if polite:
                    # What is still to be written must not wait for the member for ever.
                    self.deadline = self.pool.now() + self.pool.timeout
                    self._progress = -1
                    self.transport.loseConnection()
                else:
                    self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the exchange what the end of the connection means for it.
        """
        self.pool.runtime.deadlines.discard(self)
        if self._state == CLOSED:
            return
        self._ended(reason.check(ConnectionDone) is not None, reason.getErrorMessage())

    def readConnectionLost(self) -> None:
        """
        The member sends no more. In a tunnel only this direction is over.
        """
        if self._state == TUNNEL and self.tunnel is not None:
            self.tunnel.member_eof()
        elif self._state != CLOSED:
            self._ended(True, "the member closed the connection")

    def _ended(self, clean: bool, text: str) -> None:
        state, exchange, tunnel = self._state, self.exchange, self.tunnel
        if state == OPENING:
            self._opening_failed(TLSFailed(f"{self.pool.spec.url}: TLS: {text}"))
            return
        self.close()
        if tunnel is not None:
            tunnel.member_gone()
        elif exchange is None:
            return
        elif state in (HEAD, ASKING):
            exchange.attempt_failed(MemberClosed(text), untouched=not self._buffer)
        elif state == REST and clean:
            exchange.response_end([])
        else:
            exchange.response_broken(Truncated(text))

    def _opening_failed(self, error: ConnectFailed) -> None:
        self._state = CLOSED
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
        manner: Manner | None,
    ) -> int:
        """
        Send the head of a request.

        @param lines: header lines, Host first; those that frame the body are added here.
        @param body: its length, L{NO_BODY} or L{CHUNKED}.
        @param expects: whether the body waits for the member's 100 (Continue).
        @param manner: how to write it, unless as usual.
        @return: the size of the head in bytes.
        """
        pool = self.pool
        self.exchange = exchange
        self._method = method
        self._state = HEAD
        self._interim = 0
        self._chunked_request = body == CHUNKED
        if body != NO_BODY:
            lines.append(
                b"Transfer-Encoding: chunked" if body < 0 else b"Content-Length: %d" % body
            )
        self.request_sent = sent = body in (NO_BODY, 0)
        self.deadline = pool.now() + pool.timeout if sent or expects else NEVER
        if manner is None:
            lines.append(pool.upgrade_ending if exchange.upgrade else pool.ending)
            head = b"%b %b HTTP/1.1\r\n%b" % (method, target, b"\r\n".join(lines))
        else:
            self.last = True
            lines.append(pool.upgrade_ending if exchange.upgrade else manner.ending)
            head = b"%b %b %b\r\n%b" % (method, target, manner.version, b"\r\n".join(lines))
        self.transport.write(head)
        return len(head)

    def ask(self) -> None:
        """
        Hold back the body of the request just begun until the member wants it (APACHE W54).
        """
        self.asks = True
        self._state = ASKING
        self._held = []
        self.deadline = self.pool.now() + self.pool.spec.ping

    def go_ahead(self) -> None:
        """
        Send the body that was held back.
        """
        held, end = self._held or (), self._held_end
        self.asks = False
        self._held = self._held_end = None
        self.deadline = NEVER
        for piece in held:
            self.write_body(piece)
        if end is not None:
            self.end_body(end)
        if self.exchange is not None:
            self.exchange.asked()

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the request's body.
        """
        if self._held is not None:
            if self.asks:
                self._held.append(data)
            return
        if not self.stuck:
            self.deadline = NEVER
        self.transport.write(chunk(data) if self._chunked_request else data)

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Send the end of the request's body; from now on the member's silence counts.
        """
        if self._held is not None:
            self._held_end = trailers
            return
        if self._chunked_request:
            self.transport.write(last_chunk(trailers))
        self.request_sent = True
        if not self.paused and self._state != TUNNEL:
            self.deadline = self.pool.now() + self.pool.timeout

    # -- flow and time

    def pause(self) -> None:
        """
        Stop reading the member: the client does not keep up.
        """
        self.paused = True
        self.deadline = NEVER
        self.transport.pauseProducing()

    def resume(self) -> None:
        """
        Go on reading the member.
        """
        self.paused = False
        if self._state != IDLE:
            self.deadline = self.pool.now() + self.pool.timeout
        self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """
        The member does not take the request as fast as it comes.
        """
        self.stuck = True
        self._progress = -1
        self.deadline = self.pool.now() + self.pool.timeout
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

    def expired(self, now: float) -> None:
        """
        Act on the member's silence.
        """
        state, exchange = self._state, self.exchange
        if (self.stuck or state == CLOSED) and self._moving():
            self.deadline = now + self.pool.spec.timeout
            return
        self.deadline = NEVER
        if state == CLOSED:
            self.transport.abortConnection()
            return
        if state == IDLE:
            self.pool.aged(self, now)
            return
        if state == OPENING:
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
        elif state == ASKING:
            text = f"{self.pool.spec.url}: silent for {self.pool.spec.ping:g} s (ping)"
            exchange.attempt_failed(PingTimeout(text))
        elif state == HEAD:
            text = f"no answer within {self.pool.spec.timeout:g} s"
            exchange.attempt_failed(ResponseTimeout(text), untouched=False)
        else:
            exchange.response_broken(ResponseTimeout("no more of the answer in time"))
