"""
The ends of load factors that hold for some time only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Temporary
from txbalancer.proxy.runtime import Runtime

OnEnd = Callable[[Balancer, str, Temporary], object]

AT_ONCE = 10
"""Ends that are carried out before traffic has its turn: each looks at all members."""


class Expiry:
    """
    Waits for the next end, with one delayed call for all members.
    """

    def __init__(self, runtime: Runtime, on_end: OnEnd) -> None:
        """
        @param on_end: called with balancer, member and what is over; it ends it.
        """
        self._runtime = runtime
        self._on_end = on_end
        self._balancers: tuple[Balancer, ...] = ()
        self._timer: Any = None

    def follow(self, balancers: Iterable[Balancer]) -> None:
        """
        Look anew at the members of these balancers and no others.
        """
        self._balancers = tuple(balancers)
        self.stop()
        ends = [temporary.until for _, _, temporary in self._running()]
        if ends:
            delay = max(0.0, min(ends) - self._runtime.now())
            self._timer = self._runtime.reactor.callLater(delay, self._end)

    def stop(self) -> None:
        """
        Wait no more; what is over by then ends with the next start.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _running(self) -> Iterable[tuple[Balancer, str, Temporary]]:
        return [
            (balancer, member.name, member.temporary)
            for balancer in self._balancers
            for member in balancer.members
            if member.temporary is not None
        ]

    def _end(self) -> None:
        now = self._runtime.now()
        over = [each for each in self._running() if each[2].until <= now]
        for each in over[:AT_ONCE]:
            self._on_end(*each)
        self.follow(self._balancers)
