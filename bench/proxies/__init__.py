"""
The programs that are measured: a file for each, which says how to configure and start it.
"""

from bench.proxies import apache, caddy, haproxy, nginx, txbalancer
from bench.proxies.base import Proxy

OWN = txbalancer.PROXY
PEERS: tuple[Proxy, ...] = (apache.PROXY, haproxy.PROXY, nginx.PROXY, caddy.PROXY)

__all__ = ["OWN", "PEERS", "Proxy"]
