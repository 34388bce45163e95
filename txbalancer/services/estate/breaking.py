"""
The circuit breakers of balancers, of which each worker has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.passive.breaker import CLOSED
from txbalancer.core.passive.record import read_breaker, show_breaker

Balancers = Callable[[], Iterable[Balancer]]


class Breaking:
    """
    Those that are not closed in some worker. Where no worker is, the state of balancers has them.
    """

    name, version = "breakers", 1

    def __init__(self, balancers: Balancers, now: Callable[[], float]) -> None:
        self._balancers, self._now = balancers, now

    def tell(self) -> dict[str, Any]:
        """
        Return them by the name of the balancer.
        """
        return {
            each.spec.name: show_breaker(each.breaker, self._now())
            for each in self._balancers()
            if each.breaker is not None and each.breaker.state != CLOSED
        }

    def join(self, own: Any, others: Iterable[Any]) -> Any:
        """
        Add those of other processes; of one balancer's, the one that is open longest.
        """
        for told in others:
            for name, each in told.items():
                if name not in own or own[name][2] < each[2]:
                    own[name] = each
        return own

    def take(self, data: Any) -> Iterable[str]:
        """
        Have them open for what is left.
        """
        now = self._now()
        found = {str(name): read_breaker(each) for name, each in data.items()}
        for each in self._balancers():
            if each.breaker is None or each.breaker.state == CLOSED:
                each.recall_all(found.get(each.spec.name), now, now)
        return ()
