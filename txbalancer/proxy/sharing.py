"""
Requests that wait for one member, although any other would do.

A request without a session is elected before it is known who has room. Where members have
limits it goes to one that has, or waits for the first that has again. Source: HAProxy's queue
of a backend, in meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.lines import Line
from txbalancer.core.member import Member

if TYPE_CHECKING:
    from txbalancer.proxy.attempts import Attempts

FREE = frozenset(("byrequests", "bytraffic", "bybusyness", "heartbeat", "leastload"))
"""lbmethods whose choice may be another: hash and plugins may have reasons for theirs."""


class Sharing:
    """
    The requests of a balancer that wait for a connection to a member, but are not bound to it.
    Each is in the line of its member, too.
    """

    __slots__ = ("_balancer", "_line", "_moving", "_now")

    def __init__(self, balancer: Balancer, now: Callable[[], float]) -> None:
        self._balancer, self._now = balancer, now
        self._line: Line[Attempts] = Line()
        self._moving = False

    def add(self, exchange: Attempts) -> None:
        """
        Note one that waits.
        """
        if exchange.unbound:
            self._line.add(exchange, exchange.high)

    def discard(self, exchange: Attempts) -> None:
        """
        Forget one that waits no more.
        """
        self._line.discard(exchange)

    def elsewhere(self, exchange: Attempts) -> bool:
        """
        Let another member have a request whose own is full.

        @return: whether there is one with room.
        """
        if self._moving or not exchange.unbound or not self._is_free():
            return False
        for member in self._balancer.candidates(self._now()):
            if member.pool.has_room and not exchange.has_tried(member):
                exchange.move(member)
                self._moving = True
                try:
                    self._give(exchange, member.pool)
                finally:
                    self._moving = False
                return True
        return False

    def next_for(self, member: Member | None) -> Attempts | None:
        """
        Take out who has waited longest for another member than this one, which has room.
        """
        line = self._line
        if not line.size or member is None or not self._is_free():
            return None
        if member not in self._balancer.candidates(self._now()):
            return None
        exchange = line.first()
        if exchange.has_tried(member):
            return None
        old = exchange.member
        assert old is not None, "it waits for one"
        old.pool.cancel(exchange)
        exchange.move(member)
        return exchange

    def _is_free(self) -> bool:
        return self._balancer.spec.lbmethod in FREE

    @staticmethod
    def _give(exchange: Attempts, pool: Any) -> None:
        connection = pool.take()
        if connection is None:
            pool.acquire(exchange)
        else:
            exchange.connected(connection)
