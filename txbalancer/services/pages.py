"""
The pages on which a service shows itself, as targets of mounts.
"""

from __future__ import annotations

from txbalancer.control.manager.resource import Manager
from txbalancer.control.serverstatus import ServerStatus
from txbalancer.core.specs import ToManager
from txbalancer.proxy.web import WebTarget
from txbalancer.services.steering import Steering


class Pages:
    """
    Makes them, and knows what they show.

    @ivar facts: what the server's status tells beside the balancers.
    """

    def __init__(self, steering: Steering) -> None:
        self._steering = steering
        self.facts = steering.facts

    def manager(self, target: ToManager) -> WebTarget:
        """
        Return the balancer-manager for some balancers, or all.
        """
        return WebTarget(Manager(self._steering, target.balancers))

    def status(self) -> WebTarget:
        """
        Return the server-status.
        """
        return WebTarget(ServerStatus(self._steering, self.facts))
