"""
The member side of a balanced connection, and the pool that makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txbalancer.errors import MemberError, ResponseTimeout, Truncated
from txbalancer.proxy.member_link import TUNNEL, MemberLink
from txbalancer.proxy.pool import MemberPool

if TYPE_CHECKING:
    from txbalancer.core.specs import MemberSpec
    from txbalancer.stream.exchange import StreamExchange


class StreamLink(MemberLink):
    """
    A connection to a member that belongs to one client for as long as it lives.
    """

    __slots__ = ()

    def attach(self, exchange: StreamExchange) -> None:
        """
        Belong to a client from now on.
        """
        self._state = TUNNEL
        self.exchange = exchange
        self.request_sent = True

    def dataReceived(self, data: bytes) -> None:
        """
        Pass on what the member says.
        """
        if self.tunnel is not None:
            self.tunnel.from_member(data)

    def expired(self, now: float) -> None:
        """
        Give up a member that takes no bytes.
        """
        if self._state != TUNNEL:
            super().expired(now)
        elif self.stuck and self._moving():
            self.deadline = now + self.pool.spec.timeout
        else:
            self._broken(ResponseTimeout("the member takes no bytes"))

    def _ended(self, clean: bool, text: str) -> None:
        if self._state != TUNNEL or clean:
            super()._ended(clean, text)
        else:
            # Many end TLS without a word, so what they said before must not be lost for it.
            self._broken(Truncated(text), cut=not self.secure)

    def _broken(self, error: MemberError, cut: bool = True) -> None:
        tunnel = self.tunnel
        self.close()
        if tunnel is not None:
            tunnel.end(error.reason, cut)


class StreamPool(MemberPool):
    """
    The connections to one member, of which none is ever used twice.
    """

    def _side(self, spec: MemberSpec) -> type[MemberLink]:
        return StreamLink

    def take(self) -> MemberLink | None:
        """
        Return C{None}: a connection belongs to one client.
        """
        return None

    def put(self, connection: MemberLink) -> None:
        """
        Give a connection whose client has left before it was made to whoever waits for one.
        """
        wanted = self._waiting.size > 0 and self.introduce is None
        if wanted and not self._yields(True):
            self._next().connected(connection)
        else:
            connection.close(polite=True)
