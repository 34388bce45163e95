"""
Exchanges of a balancer with a circuit breaker.
"""

from __future__ import annotations

from txbalancer.errors import BreakerOpen
from txbalancer.proxy.exchange import Exchange

EVERY = frozenset(range(1000))
"""Every status that an answer may have."""


class GuardedExchange(Exchange):
    """
    An exchange that does not begin while the circuit breaker is open.
    """

    __slots__ = ()

    def start(self) -> None:
        """
        Find the first member and begin with it, or answer 503 at once.
        """
        if self._target.balancer.admits():
            super().start()
        else:
            self._fail(BreakerOpen("the circuit breaker of the balancer is open"))
