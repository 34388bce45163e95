"""
The pages on which a service shows itself, as targets of mounts.

All that they need is imported with this, which a worker never does.
"""

from __future__ import annotations

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from txbalancer.control.api.access import MountAccess
from txbalancer.control.api.resource import Api
from txbalancer.control.health import HealthUrl
from txbalancer.control.manager.resource import Manager
from txbalancer.control.metrics.of_service import Sources
from txbalancer.control.metrics.resource import Metrics
from txbalancer.control.serverstatus import ServerStatus
from txbalancer.core.specs import ToHealth, ToManager
from txbalancer.proxy.web import WebTarget
from txbalancer.services.steering import Steering


class Faces:
    """
    Makes them.
    """

    def __init__(self, steering: Steering, sources: Sources) -> None:
        """
        @param sources: where the metrics are read.
        """
        self._steering, self._sources = steering, sources

    def manager(self, target: ToManager) -> WebTarget:
        """
        Return the balancer-manager for some balancers, or all.
        """
        page = Manager(self._steering, target.balancers)
        api = Api(self._steering, MountAccess(target.balancers))
        return WebTarget(WithApi(page, api), forms=False)

    def status(self) -> WebTarget:
        """
        Return the server-status.
        """
        return WebTarget(ServerStatus(self._steering, self._steering.facts), forms=False)

    def metrics(self) -> WebTarget:
        """
        Return the page for Prometheus.
        """
        return WebTarget(Metrics(self._sources, self._steering.runtime.reactor), forms=False)

    def health(self, target: ToHealth) -> WebTarget:
        """
        Return the URL for balancers above, about some balancers, or all.
        """
        return WebTarget(
            HealthUrl(self._steering, target.balancers, lambda: self._sources.stopping())
        )


class WithApi(Resource):
    """
    The manager's page with the API below it, at C{api}.
    """

    def __init__(self, page: IResource, api: IResource) -> None:
        super().__init__()
        self._page, self._api = page, api

    def getChild(self, path: bytes, request: Request) -> IResource:
        """
        Return the page for whatever else is below it.
        """
        if path == b"api":
            return self._api
        above, below = request.prepath, request.postpath
        if above and below is not None:
            below.insert(0, above.pop())
        return self._page

    def render(self, request: Request) -> bytes | int:
        """
        Show the page.
        """
        return self._page.render(request)
