"""
The pages on which a service shows itself, as targets of mounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from txbalancer.control.health import HealthUrl
from txbalancer.control.manager.resource import Manager
from txbalancer.control.metrics.of_service import Sources
from txbalancer.control.metrics.resource import Metrics
from txbalancer.control.serverstatus import ServerStatus
from txbalancer.core.specs import ToHealth, ToManager
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.web import WebTarget
from txbalancer.services.steering import Steering

Resources = Callable[[], Iterable[BalancerResource]]


class Pages:
    """
    Makes them, and knows what they show.

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

    def manager(self, target: ToManager) -> WebTarget:
        """
        Return the balancer-manager for some balancers, or all.
        """
        return WebTarget(Manager(self._steering, target.balancers), forms=False)

    def status(self) -> WebTarget:
        """
        Return the server-status.
        """
        return WebTarget(ServerStatus(self._steering, self.facts), forms=False)

    def metrics(self) -> WebTarget:
        """
        Return the page for Prometheus.
        """
        return WebTarget(Metrics(self.sources, self._steering.runtime.reactor))

    def health(self, target: ToHealth) -> WebTarget:
        """
        Return the URL for balancers above, about some balancers, or all.
        """
        return WebTarget(
            HealthUrl(self._steering, target.balancers, lambda: self.sources.stopping())
        )
