"""
What the pages show on which a service shows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from txbalancer.control.metrics.of_service import Sources
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.steering import Steering

Resources = Callable[[], Iterable[BalancerResource]]


class Pages:
    """
    Knows what they show.

    @ivar facts: what the server's status tells beside the balancers.
    @ivar sources: where the metrics are read.
    """

    def __init__(self, steering: Steering, resources: Resources) -> None:
        """
        @param resources: returns every balancer, lone members of mounts included.
        """
        self._steering = steering
        self.facts = steering.facts
        self.sources = Sources(
            steering.journal,
            steering.telemetry,
            steering.now,
            resources,
            streams=lambda: steering.streams.count,
        )
