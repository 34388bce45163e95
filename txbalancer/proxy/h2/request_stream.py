"""
The reading half of a client's stream: a request, its body, its trailers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.core.request import Peer
from txbalancer.errors import ClientError, ClientTimeout
from txbalancer.http1.heads import NO_BODY, RequestHead
from txbalancer.http2.faults import Malformed
from txbalancer.http2.heads import read_request, read_trailers
from txbalancer.http2.tables import Field
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.carrier import Carrier
from txbalancer.proxy.h2.websocket import Handshake
from txbalancer.proxy.h2.written import REQUESTS, seal

if TYPE_CHECKING:
    from txbalancer.proxy.h2.channel import H2Channel
    from txbalancer.proxy.served import Served
    from txbalancer.proxy.tunnel import Tunnel


class RequestStream(Carrier):
    """
    Turns what comes on a stream into an exchange.

    @ivar channel: the connection that it is on.
    @ivar head: the head of the request.
    """

    __slots__ = (
        "_blocked",
        "_body_began",
        "_body_left",
        "_body_size",
        "_handshake",
        "_receiving",
        "_skippable",
        "_watched",
        "channel",
        "head",
    )

    def __init__(self, channel: H2Channel, number: int) -> None:
        super().__init__(channel.connection, number)
        self.channel = channel
        self.exchange: Served | None = None
        self.tunnel: Tunnel | None = None
        self.head: RequestHead | None = None
        self.deadline = NEVER
        self.paused = self._blocked = self._receiving = self._watched = False
        self._held: list[bytes] = []
        self._trailers: list[bytes] | None = None
        self._handshake: Handshake | None = None
        self._body_left = -1
        self._body_size = self._skippable = 0
        self._body_began = NEVER

    @property
    def peer(self) -> Peer:
        """
        The client's end of the connection.
        """
        return self.channel.peer

    @property
    def ended(self) -> bool:
        """
        Whether the client has sent all.
        """
        return self.received_end

    def received_fields(self, fields: list[Field], ended: bool) -> None:
        """
        Begin the exchange, or take the trailers.
        """
        secrets = self.connection.secrets
        if secrets:
            seal(REQUESTS, secrets)
        if self.head is not None:
            self._take_trailers(fields, ended)
            return
        site = self.channel.site
        try:
            head = read_request(fields, ended, site.limits)
            if head.upgrade:
                self._handshake = Handshake(head)
        except ClientError as error:
            self._refuse(error)
            return
        self.head = head
        head.peer = self.channel.peer
        channel: Any = self
        if not ended:
            self._body_left = head.body
            self._receiving = head.body != NO_BODY
            if self._receiving and not head.expects:
                # One that expects 100 (Continue) may wait: its clock starts with that.
                self._await_body()
        site.begin(channel, head)

    def _refuse(self, error: ClientError) -> None:
        """
        Record a request that cannot be taken; what is malformed is not answered.
        """
        if isinstance(error, Malformed):
            self.connection.malformed(self)
        channel: Any = self
        self.channel.site.refuse(channel, error)

    def received_data(self, data: bytes, ended: bool) -> None:
        """
        Pass on a piece of the body, or hold it as long as it is not wanted.
        """
        if self.exchange is None:
            self.consumed(len(data))
            if self._skippable:
                self._skip(len(data))
            return
        if self._receiving and self._check_body(len(data), ended):
            return
        if ended:
            self._trailers = []
        if data:
            self._held.append(data)
        if not self.paused and (self._receiving or self.tunnel is not None):
            self._deliver()

    def _skip(self, size: int) -> None:
        """
        Drop more of a request that was answered, up to a bound.
        """
        self._skippable = max(0, self._skippable - size)
        if self.received_end:
            self._skippable = 0
            self._rest()
        elif not self._skippable:
            self.reset()
            self._rest()
            self.channel.flush()

    def _check_body(self, size: int, ended: bool) -> bool:
        """
        Hold the body to its length and to the listener's times; tell whether it is refused.
        """
        left = self._body_left
        if left >= 0:
            left -= size
            self._body_left = left
            if left < 0 or (ended and left):
                self._break_rule("a body of another length than announced")
                return True
        site = self.channel.site
        now = self.connection.now
        if self._body_began == NEVER:
            self._await_body()
        self._body_size += size
        spent = now - self._body_began
        spec = site.spec
        self._watch(now + spec.body_timeout)
        if spent > spec.body_timeout and self._body_size < spec.body_min_rate * spent:
            rate = f"under {spec.body_min_rate} bytes a second"
            assert self.exchange is not None
            self.exchange.client_error(ClientTimeout(f"a request body that comes at {rate}"))
            return True
        return False

    def _break_rule(self, text: str) -> None:
        self.connection.malformed(self)
        self.lost(Malformed(text))

    def _take_trailers(self, fields: list[Field], ended: bool) -> None:
        if self.exchange is None:
            return
        try:
            if not ended or self._body_left > 0:
                raise Malformed("trailers before the end of the body")
            self._trailers = read_trailers(fields, Malformed, self.channel.site.limits)
        except Malformed as error:
            self._break_rule(str(error))
            return
        if not self.paused:
            self._deliver()

    def _deliver(self) -> None:
        """
        Pass on what is held.
        """
        exchange = self.exchange
        while self._held and not self.paused and self.exchange is exchange:
            data = self._held.pop(0)
            if self.tunnel is not None:
                self.tunnel.from_client(data)
            elif exchange is not None:
                exchange.request_data(data)
            self.consumed(len(data))
        if self._held or self._trailers is None or self.exchange is not exchange:
            return
        trailers, self._trailers = self._trailers, None
        self._receiving = False
        if self.tunnel is not None:
            self.tunnel.client_eof()
        elif exchange is not None:
            self.deadline = NEVER
            exchange.request_end(trailers)

    def _await_body(self) -> None:
        """
        Start the clock of the body: for silence, and for a rate that is too low.
        """
        self._body_began = now = self.channel.site.now()
        self._body_size = 0
        self._watch(now + self.channel.site.spec.body_timeout)

    def pause(self) -> None:
        """
        Hold what comes of the body; the client's window is not renewed meanwhile.
        """
        self.paused = True
        if self._receiving:
            self.deadline = NEVER

    def resume(self) -> None:
        """
        Go on with the body.
        """
        self.paused = False
        if self._receiving and self._trailers is None:
            self._await_body()
        self._deliver()
        self.channel.flush()

    def _watch(self, deadline: float) -> None:
        self.deadline = deadline
        if not self._watched:
            self._watched = True
            self.channel.site.runtime.deadlines.add(self)

    def _rest(self) -> None:
        self.deadline = NEVER
        if self._watched:
            self._watched = False
            self.channel.site.runtime.deadlines.discard(self)

    def expired(self, now: float) -> None:
        """
        Act on a client that makes no progress.
        """
        raise NotImplementedError

    def lost(self, error: ClientError) -> None:
        """
        The client takes no answer any more.
        """
        raise NotImplementedError
