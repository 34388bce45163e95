"""
What connections to members that carry one exchange at a time have in common, whatever
they speak: closing, flow and silence.
"""

from __future__ import annotations

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
    MemberClosed,
    MemberError,
    PingTimeout,
    ResponseTimeout,
    Truncated,
)
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.outgoing import Outgoing
from txbalancer.proxy.pressure import block, unblock
from txbalancer.tls.causes import cause_of

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.manner import Manner
    from txbalancer.proxy.pool import MemberPool
    from txbalancer.proxy.tunnel import Tunnel

(OPENING, IDLE, HEAD, BODY, CHUNKS, REST, TUNNEL, CLOSED, ASKING) = range(9)
"""
States of a connection to a member: in TLS's handshake; without an exchange; waiting for or
within a head; within a body of known length, of chunks, until the end; after a 101; gone;
waiting for a head, or for 100 (Continue) without which the body is not sent.
"""


@implementer(IProtocol, IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class MemberLink(Outgoing):
    """
    A connection to a member, carrying one exchange at a time.

    @cvar carries_client: whether the protocol itself tells the member who its client is, and
        what that calls the service, so that no X-Forwarded-For and the like is added.
    @cvar continues: whether the member can say 100 (Continue).
    @ivar exchange: the exchange that has the connection, or C{None}.
    @ivar tunnel: where bytes go after a 101.
    @ivar keep: whether the member keeps the connection open after this answer.
    @ivar last: whether the exchange is the connection's last, whatever the member says.
    @ivar paused: whether reading is paused, for the client does not keep up.
    @ivar request_sent: whether the request is complete on its way.
    @ivar reused: whether an earlier exchange went over this connection.
    @ivar asks: whether the body waits for the member to say that it is there (APACHE W54).
    @ivar stuck: whether the member does not take what is sent.
    """

    carries_client = False
    continues = True

    __slots__ = (
        "_buffer",
        "_state",
        "asks",
        "exchange",
        "keep",
        "last",
        "paused",
        "request_sent",
        "reused",
        "stuck",
        "tunnel",
    )

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        super().__init__(pool, opening)
        self.exchange: Exchange | None = None
        self.tunnel: Tunnel | None = None
        self.keep = self.last = self.paused = self.request_sent = self.reused = self.asks = False
        self.stuck = False
        self._state = OPENING
        self._buffer = b""

    # -- opening and closing

    def handshakeCompleted(self) -> None:
        """
        Offer the connection for use, now that the member's certificate is verified.
        """
        if self._state == OPENING:
            self._ready()

    def _ready(self) -> None:
        self._state = IDLE
        self._prepare()
        self.pool.opened(self)

    def fresh(self) -> bool:
        """
        Tell whether an idle connection can carry another request: open, and silent (APACHE W53).

        The reactor watches idle connections; this is for what came since its last look. Under
        TLS records may come that are not for us, so there it is not asked.
        """
        return self._state == IDLE and not (self._poll or self._poller())(0)

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
        text = cause_of(reason) if self._state == OPENING else reason.getErrorMessage()
        self._ended(reason.check(ConnectionDone) is not None, text)

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
            self._handshake_failed(text)
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
            self._broken_off(exchange, Truncated(text))

    def _broken_off(self, exchange: Exchange, error: MemberError) -> None:
        """
        Tell an exchange that no more will come of an answer that has begun.
        """
        exchange.response_broken(error)

    def _opening_failed(self, error: ConnectFailed) -> None:
        self._state = CLOSED
        super()._opening_failed(error)

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

        @param lines: header lines, Host first; those that frame the body are not among them.
        @param body: its length, L{NO_BODY<txbalancer.http1.heads.NO_BODY>} or C{CHUNKED}.
        @param expects: whether the client waits for 100 (Continue).
        @param manner: how to write it, unless as usual.
        @return: the size of the head in bytes.
        """
        raise NotImplementedError

    def ask(self) -> None:
        """
        Hold back the body of the request just begun until the member wants it (APACHE W54).
        """
        raise NotImplementedError

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the request's body.
        """
        raise NotImplementedError

    def sink(self) -> Any:
        """
        Return the transport, if bytes of the request's body go to it as they are; else C{None}.
        """
        return None

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Send the end of the request's body; from now on the member's silence counts.
        """
        raise NotImplementedError

    # -- the answer

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the member says.
        """
        raise NotImplementedError

    def _refuse(self, error: MemberError) -> None:
        """
        Give up an answer whose head cannot be used; nothing of it is passed on.
        """
        exchange = self.exchange
        self.close()
        if exchange is not None:
            exchange.attempt_failed(error, untouched=False)

    def _over(self) -> None:
        """
        The answer is complete: keep the connection for another exchange, or close it.
        """
        last = self.last or self.pool.single_use
        if last or not self.keep or not self.request_sent:
            self.close(polite=self.request_sent)
            return
        self.exchange = None
        self._state = IDLE
        self.reused = True
        if self.paused:
            self.resume()
        connection: Any = self
        self.pool.put(connection)

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
        self._progress = -1
        block(self)

    def resumeProducing(self) -> None:
        """
        The member took what was waiting.
        """
        unblock(self)

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
            self._handshake_timed_out()
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
            self._broken_off(exchange, ResponseTimeout("no more of the answer in time"))
