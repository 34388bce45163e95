"""
Makes C{twistd txbalancer} known. Twisted imports this file for every C{twistd}
run on the machine, so it stays small and imports nothing of the balancer.
"""

from twisted.application.service import ServiceMaker

txbalancer = ServiceMaker(
    "txbalancer",
    "txbalancer.tap",
    "A reverse proxy and load balancer in the manner of mod_proxy_balancer.",
    "txbalancer",
)

__all__ = ["txbalancer"]
