"""
How many connections to a member there may be, and who waits for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txbalancer.core.lines import Line
from txbalancer.core.member import Member
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import QueueTimeout
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.shares import Share
from txbalancer.proxy.sharing import Sharing

if TYPE_CHECKING:
    from txbalancer.proxy.attempts import Attempts
    from txbalancer.proxy.runtime import Runtime


class Places:
    """
    Counts the connections to one member, in this process or in several.

    @ivar room: most connections at once; 0 = no limit.
    @ivar open: connections that are open or opening.
    @ivar sharing: what waits for other members and might come here; C{None} where members have
        no limits. C{member}: whose places they are.
    """

    runtime: Runtime
    spec: MemberSpec
    room: int

    def __init__(self) -> None:
        self.open = 0
        self._waiting: Line[Attempts] = Line()
        self._share: Share | None = None
        self.sharing: Sharing | None = None
        self.member: Member | None = None

    def join(self, member: Member, sharing: Sharing | None) -> None:
        """
        Be a member's, beside others of its balancer.

        @param sharing: what waits for them and might come here.
        """
        self.member, self.sharing = member, sharing

    def share(self, share: Share, line: Line[Attempts]) -> None:
        """
        Have the limits of connections, and of those who wait, hold for several processes
        together.

        @param line: those who wait here.
        """
        self._share, self._waiting = share, line

    @property
    def shared(self) -> bool:
        """
        Whether limits hold for several processes together.
        """
        return self._share is not None

    # -- connections

    @property
    def has_place(self) -> bool:
        """
        Whether there may be one more connection.
        """
        if self._share is not None:
            return self._share.has_room(self.room)
        return not (self.room and self.open >= self.room)

    def _reserve(self) -> bool:
        """
        Count one more connection, if there may be one.
        """
        most = self.room
        if most and self.open >= most:
            return False
        if self._share is not None and not self._share.take(most):
            return False
        self.open += 1
        return True

    def _unreserve(self) -> None:
        self.open -= 1
        if self._share is not None:
            self._share.give()

    def _yields(self, wanted: bool) -> bool:
        """
        Tell whether a connection that is free now is better closed, for others to have one.

        @param wanted: whether somebody waits for it here.
        """
        return self._share is not None and self._share.yields(self.room, wanted)

    # -- those who wait

    @property
    def line(self) -> Line[Attempts]:
        """
        The exchanges that wait for a connection.
        """
        return self._waiting

    @property
    def waiting(self) -> int:
        """
        How many exchanges wait for a connection.
        """
        return len(self._waiting)

    def _queue(self, exchange: Attempts) -> None:
        if self.sharing is not None and self.sharing.elsewhere(exchange):
            return
        high = exchange.high
        if not self._may_wait(high):
            exchange.attempt_failed(
                QueueTimeout(
                    f"{self.spec.url}: {self.room} connections busy and"
                    f" {self.spec.maxqueue} requests waiting (raise max or maxqueue)"
                )
            )
            return
        self._waiting.add(exchange, high)
        if self.sharing is not None:
            self.sharing.add(exchange)
        acquire = self.spec.acquire
        exchange.wait_until(self.runtime.now() + acquire if acquire else NEVER)

    def _may_wait(self, high: bool) -> bool:
        if self._share is not None:
            return self._share.may_wait(self.spec.maxqueue, high)
        return self._waiting.length(high) < self.spec.maxqueue

    def _next(self) -> Attempts:
        """
        Take out who is next in line; somebody must be there.
        """
        exchange = self._waiting.take()
        if self.sharing is not None:
            self.sharing.discard(exchange)
        return exchange

    def queue_timeout(self) -> QueueTimeout:
        """
        Say why an exchange that waited here for C{acquire} goes without a connection.
        """
        return QueueTimeout(
            f"{self.spec.url}: all {self.room} connections busy for"
            f" {self.spec.acquire:g} s (raise max or acquire)"
        )
