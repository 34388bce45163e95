"""
After a 101: bytes both ways, half-closes kept, until both sides are done or silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.member_link import MemberLink


class Tunnel:
    """
    An upgraded connection: raw bytes between a client and a member.

    Source: APACHE item H41; the member's C{tunneltimeout} bounds silence, as HAProxy's
    C{timeout tunnel} does.
    """

    __slots__ = ("_client", "_client_done", "_exchange", "_idle", "_member", "_member_done", "_now")

    def __init__(
        self,
        exchange: Exchange,
        client: ClientChannel,
        member: MemberLink,
        idle: float,
        now: Any,
    ) -> None:
        """
        @param idle: seconds of silence in both directions that end the tunnel.
        """
        self._exchange, self._client, self._member = exchange, client, member
        self._idle, self._now = idle, now
        self._client_done = self._member_done = False
        client.tunnel = member.tunnel = self
        self._client.deadline = now() + idle

    def from_client(self, data: bytes) -> None:
        """
        Pass on what the client sent.
        """
        self._exchange.bytes_in += len(data)
        self._client.deadline = self._now() + self._idle
        self._member.transport.write(data)

    def from_member(self, data: bytes) -> None:
        """
        Pass on what the member sent.
        """
        self._exchange.bytes_out += len(data)
        self._client.deadline = self._now() + self._idle
        self._client.transport.write(data)

    # Each side's fullness stops reading the other side.

    def client_blocked(self) -> None:
        """
        The client does not keep up.
        """
        self._client.deadline = self._now() + self._idle
        if not self._member_done:
            self._member.transport.pauseProducing()

    def client_unblocked(self) -> None:
        """
        The client has caught up.
        """
        self._client.deadline = self._now() + self._idle
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
            self._end("ok")
        else:
            self._member.half_close()

    def member_eof(self) -> None:
        """
        The member sends no more; the client may still send.
        """
        self._member_done = True
        if self._client_done:
            self._end("ok")
        else:
            self._client.half_close()

    def client_gone(self) -> None:
        """
        The client's connection is lost.
        """
        self._end("ok")

    def member_gone(self) -> None:
        """
        The member's connection is lost.
        """
        self._end("ok")

    def idle(self) -> None:
        """
        Nobody said anything for too long.
        """
        self._end("tunnel-idle")

    def _end(self, reason: str) -> None:
        client, member, exchange = self._client, self._member, self._exchange
        client.tunnel = member.tunnel = None
        member.close(polite=True)
        exchange.tunnel_ended(reason)
