"""
Bytes both ways, half-closes kept, until both sides are done or silent: after a 101, and
where connections are balanced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from txbalancer.net.deadlines import NEVER
from txbalancer.net.splice import LARGE, Pump

if TYPE_CHECKING:
    from txbalancer.core.member import Member
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.member_link import MemberLink


class Tunnel:
    """
    Raw bytes between a client and a member.

    Source: APACHE item H41; the member's C{tunneltimeout} bounds silence, as HAProxy's
    C{timeout tunnel} does.
    """

    __slots__ = (
        "_client",
        "_client_done",
        "_down",
        "_exchange",
        "_full",
        "_idle",
        "_member",
        "_member_done",
        "_now",
        "_silent",
        "_state",
        "_until",
        "_up",
    )

    _state: Member

    def __init__(
        self,
        exchange: Exchange,
        client: ClientChannel,
        member: MemberLink,
        idle: float,
        now: Any,
        until: float = NEVER,
    ) -> None:
        """
        @param idle: seconds of silence in both directions that end the tunnel.
        @param until: when it has to end in any case.
        """
        assert exchange.member is not None
        self._exchange, self._client, self._member = exchange, client, member
        self._state = exchange.member
        self._idle, self._now, self._until = idle, now, until
        self._silent = True
        self._up: Pump | None = None
        self._down: Pump | None = None
        self._client_done = self._member_done = self._full = False
        client.tunnel = member.tunnel = self
        self._heard()

    def _heard(self) -> None:
        """
        Put the end for silence off, unless it is the client's turn to read.
        """
        if self._full:
            return
        deadline = self._now() + self._idle
        self._client.deadline = deadline if deadline < self._until else self._until

    def from_client(self, data: bytes) -> None:
        """
        Pass on what the client sent.
        """
        size = len(data)
        self._sent(size)
        self._member.transport.write(data)
        if size >= LARGE:
            source, sink = self._client.transport, self._member.transport
            self._up = self._pumping(self._up, source, sink, self._sent)

    def _sent(self, size: int) -> None:
        self._exchange.bytes_in += size
        self._state.transferred += size
        self._heard()

    def from_member(self, data: bytes) -> None:
        """
        Pass on what the member sent.
        """
        size = len(data)
        self._got(size)
        if self._silent:
            self._silent = False
            self._exchange.heard()
        self._client.transport.write(data)
        if size >= LARGE:
            source, sink = self._member.transport, self._client.transport
            self._down = self._pumping(self._down, source, sink, self._got)

    def _pumping(
        self, pump: Pump | None, source: Any, sink: Any, moved: Callable[[int], None]
    ) -> Pump | None:
        """
        Let a direction in which much is on its way go on by splice, where that can be.
        """
        if pump is None:
            pump = Pump.between(source, sink, moved, self._exchange.runtime.pipes)
        if pump is not None and not pump.running:
            pump.start()
        return pump

    def _got(self, size: int) -> None:
        self._exchange.bytes_out += size
        self._state.read += size
        self._heard()

    # Each side's fullness stops reading the other side.

    def client_blocked(self) -> None:
        """
        The client does not keep up.
        """
        self._heard()
        self._full = True
        if not self._member_done:
            self._member.transport.pauseProducing()

    def client_unblocked(self) -> None:
        """
        The client has caught up.
        """
        self._full = False
        self._heard()
        if not self._member_done:
            self._member.transport.resumeProducing()

    def member_blocked(self) -> None:
        """
        The member does not keep up.
        """
        if not self._client_done:
            self._client.transport.pauseProducing()

    def member_unblocked(self) -> None:
        """
        The member has caught up.
        """
        if not self._client_done:
            self._client.transport.resumeProducing()

    def client_eof(self) -> None:
        """
        The client sends no more; the member may still answer.
        """
        self._client_done = True
        if self._member_done:
            self.end("ok")
        else:
            self._member.half_close()

    def member_eof(self) -> None:
        """
        The member sends no more; the client may still send.
        """
        self._member_done = True
        if self._client_done:
            self.end("ok")
        else:
            self._client.half_close()

    def client_gone(self, reason: str = "ok") -> None:
        """
        The client's connection is lost.
        """
        self.end(reason)

    def member_gone(self) -> None:
        """
        The member's connection is lost.
        """
        self.end("ok")

    def idle(self) -> None:
        """
        Nobody said anything for too long, or it has lasted too long.
        """
        self.end("tunnel-idle" if self._now() < self._until else "lifetime")

    def end(self, reason: str, cut: bool = False) -> None:
        """
        End both sides.

        @param cut: whether the client must be able to tell that something is missing.
        """
        for pump in (self._up, self._down):
            if pump is not None:
                pump.stop()
        client, member, exchange = self._client, self._member, self._exchange
        client.tunnel = member.tunnel = None
        member.close(polite=True)
        if cut:
            client.abort()
        exchange.tunnel_ended(reason)
