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
        # Called when the balancer is to run, or by a program that only wants to know. What gets
        # imported stays, so the collector waits until it is there.
        enabled = gc.isenabled()
        gc.disable()
        try:
            return super().options()
        finally:
            if enabled:
                gc.enable()


txbalancer = _Maker(
    "txbalancer",
    "txbalancer.tap",
    "A reverse proxy and load balancer in the manner of mod_proxy_balancer.",
    "txbalancer",
)

__all__ = ["txbalancer"]
