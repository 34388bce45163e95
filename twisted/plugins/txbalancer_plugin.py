"""
Makes C{twistd txbalancer} known. Twisted imports this file for every C{twistd}
run on the machine, so it stays small and imports nothing of the balancer.
"""

import gc

from twisted.application.service import ServiceMaker


class _Maker(ServiceMaker):
    @property
    def options(self):
        # Only to look at this, as verifyObject() and inspect do, changes nothing.
        return self._make_options

    def _make_options(self):
        # Called when the balancer is to run. What gets imported then stays, so the collector
        # waits until all is there; see txbalancer.services.memory.settle().
        gc.disable()
        return super().options()


txbalancer = _Maker(
    "txbalancer",
    "txbalancer.tap",
    "A reverse proxy and load balancer in the manner of mod_proxy_balancer.",
    "txbalancer",
)

__all__ = ["txbalancer"]
