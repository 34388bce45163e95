"""
The reading half of a stream to a member: an answer, its body, its trailers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from txbalancer.errors import BadResponse, MemberClosed, MemberError, StreamRefused, Truncated
from txbalancer.http1.heads import CHUNKED, NO_BODY, UNTIL_CLOSE, ResponseHead
from txbalancer.http2.faults import CANCEL, PROTOCOL_ERROR, REFUSED_STREAM, name_of
from txbalancer.http2.heads import read_response, read_trailers
from txbalancer.http2.tables import Field
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.carrier import Carrier
from txbalancer.proxy.h2.written import ANSWERS, seal

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.h2.member_connection import H2MemberConnection
    from txbalancer.proxy.h2.pool import H2Pool
    from txbalancer.proxy.tunnel import Tunnel

_MOST_INTERIM = 10
NO_TRAILERS: Sequence[bytes] = ()


class AnswerStream(Carrier):
    """
    Turns what a member sends on a stream into an answer for an exchange.

    @ivar link: the connection.
    @ivar request_sent: whether the request is complete on its way.
    @ivar reused: whether the connection had carried a request before.
    """

    __slots__ = (
        "_answer",
        "_begun",
        "_interim",
        "_left",
        "_method",
        "_waits",
        "link",
        "pool",
        "request_sent",
        "reused",
    )

    def __init__(self, link: H2MemberConnection, reused: bool) -> None:
        super().__init__(link.connection, link.connection.next)
        self.link = link
        self.pool: H2Pool = link.pool
        self.reused = reused
        self.exchange: Exchange | None = None
        self.tunnel: Tunnel | None = None
        self.deadline = NEVER
        self.paused = self.request_sent = self._begun = self._waits = False
        self._answer: tuple[ResponseHead, int] | None = None
        self._held: list[bytes] = []
        self._trailers: Sequence[bytes] | None = None
        self._interim = 0
        self._left = -1
        self._method = b""

    # -- from the connection

    def received_fields(self, fields: list[Field], ended: bool) -> None:
        """
        Take a head, an interim one, or trailers.
        """
        secrets = self.connection.secrets
        if secrets:
            seal(ANSWERS, secrets)
        if self.exchange is None:
            return
        try:
            if self._begun:
                if not ended:
                    raise BadResponse("two heads")
                self._trailers = read_trailers(fields, BadResponse, self.pool.limits)
                self._check_end()
                self._deliver()
                return
            head = read_response(fields, self.pool.limits)
            if head.status < 200:
                self._take_interim(head, ended)
            else:
                self._take_head(head, ended)
        except BadResponse as error:
            self.fail(error)

    def _take_interim(self, head: ResponseHead, ended: bool) -> None:
        self._interim += 1
        if ended or self._interim >= _MOST_INTERIM:
            raise BadResponse("too many interim answers, or one that ends")
        assert self.exchange is not None
        self.heard()
        self.exchange.interim(head)

    def _take_head(self, head: ResponseHead, ended: bool) -> None:
        self._begun = True
        body = head.body(self._method)
        if body == UNTIL_CLOSE:
            body = 0 if ended else CHUNKED
        self._left = body if body >= 0 else -1
        if body == NO_BODY:
            self._left = 0
        self.heard()
        self._answer = head, body
        if ended:
            self._trailers = NO_TRAILERS
            self._check_end()
            self._deliver()
        elif not self._waits:
            # What comes of the body in the same read goes on with the head.
            self._waits = True
            self.link.late.append(self)

    def received_data(self, data: bytes, ended: bool) -> None:
        """
        Take a piece of the body.
        """
        if self.tunnel is None and (self.exchange is None or not self._begun):
            self.consumed(len(data))
            if self.exchange is not None:
                self.fail(BadResponse("a body before its head"))
            return
        if data:
            # Who sends empty frames does not answer any further.
            self.heard()
            self._held.append(data)
        try:
            if self._left >= 0:
                self._left -= len(data)
                if self._left < 0:
                    raise BadResponse("a body longer than announced")
            if ended:
                self._trailers = NO_TRAILERS
                self._check_end()
        except BadResponse as error:
            self.fail(error)
            return
        self._deliver()

    def _check_end(self) -> None:
        if self._left > 0:
            raise BadResponse("a body shorter than announced")

    def heard(self) -> None:
        """
        Note a sign of life.
        """
        if self.deadline != NEVER and self.request_sent:
            self.deadline = self.pool.now() + self.pool.timeout

    def catch_up(self) -> None:
        """
        Pass on a head whose body has not come with it.
        """
        self._waits = False
        if self._answer is not None:
            self._deliver()

    def _deliver(self) -> None:
        """
        Pass on what is held.
        """
        if self.tunnel is not None:
            self._deliver_raw()
            return
        exchange = self.exchange
        if exchange is None or self.paused:
            return
        held = self._held
        data = b"".join(held)
        held.clear()
        done = self._trailers is not None
        trailers = self._trailers or NO_TRAILERS
        answer, self._answer = self._answer, None
        if done:
            self.finish()
        if answer is not None:
            head, body = answer
            exchange.response(head, body, data, done, trailers)
        elif data:
            exchange.response_data(data)
        if data:
            self.consumed(len(data))
        if done and answer is None:
            exchange.response_end(trailers)

    def _deliver_raw(self) -> None:
        assert self.tunnel is not None
        data = b"".join(self._held)
        self._held.clear()
        if data:
            self.tunnel.from_member(data)
            self.consumed(len(data))
        if self._trailers is not None:
            self._trailers = None
            self.tunnel.member_eof()

    def finish(self) -> None:
        """
        The answer is complete.
        """
        raise NotImplementedError

    # -- the end

    def broke_off(self, code: int) -> None:
        """
        The member reset the stream, or has not taken it.
        """
        if code == REFUSED_STREAM and not self._begun and not self._interim:
            self.lost(StreamRefused(f"{self.pool.spec.url}: the stream was refused"))
        elif self._begun or code in (CANCEL, PROTOCOL_ERROR):
            self.lost(Truncated(f"the stream was reset: {name_of(code)}"))
        else:
            self.lost(MemberClosed(f"the stream was reset: {name_of(code)}"))

    def fail(self, error: MemberError) -> None:
        """
        Reset the stream for what the member did.
        """
        if self.number in self.connection.streams:
            self.reset(PROTOCOL_ERROR)
        self.lost(error)

    def lost(self, error: MemberError) -> None:
        """
        Tell the exchange that there will be no more.
        """
        exchange, tunnel = self.exchange, self.tunnel
        untouched = not self._interim and not self._begun
        delivered = self._answer is None and self._begun
        whole = self._left == 0 and not self._held
        self.let_go()
        if tunnel is not None:
            tunnel.member_gone()
        elif exchange is None:
            return
        elif delivered and whole:
            # The client has all of it, and may have asked for more: only its end was not said.
            exchange.response_end(NO_TRAILERS)
        elif delivered:
            exchange.response_broken(error)
        else:
            exchange.attempt_failed(error, untouched=untouched)

    def let_go(self) -> None:
        """
        Have nothing to do with the exchange any more.
        """
        raise NotImplementedError
