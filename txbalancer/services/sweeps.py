"""
What time brings to balancers: ejections end, circuit breakers try again, members warm up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.throttle import Throttle

INTERVAL = 0.5
"""Seconds between two sweeps."""


class Sweeps:
    """
    Sweeps all balancers, twice a second.
    """

    log = Logger()

    def __init__(
        self, runtime: Runtime, balancers: Callable[[], Iterable[BalancerResource]]
    ) -> None:
        """
        @param balancers: returns those that are live.
        """
        self._runtime = runtime
        self._balancers = balancers
        self._throttle = Throttle()
        self._loop = LoopingCall(self._sweep)
        self._loop.clock = runtime.reactor

    def start(self) -> None:
        """
        Begin to sweep.
        """
        self._loop.start(INTERVAL)

    def stop(self) -> None:
        """
        Sweep no more.
        """
        if self._loop.running:
            self._loop.stop()

    def _sweep(self) -> None:
        now = self._runtime.now()
        for resource in self._balancers():
            try:
                resource.balancer.sweep(now)
            except Exception:
                # A fault in one balancer must not end the loop, which all live by.
                more = self._throttle.permit(now)
                if more is not None:
                    name = resource.balancer.spec.name
                    self.log.failure("{name}: the sweep failed{more}", name=name, more=more)
