"""
What serves a listener, by its mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from txbalancer.core.mounts import MountTable
from txbalancer.core.specs import ListenerSpec, MemberSpec
from txbalancer.proxy.h2.pool import H2Pool
from txbalancer.proxy.pool import MemberPool
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.site import Site
from txbalancer.services.datagrams import DatagramSocket
from txbalancer.services.sockets import Socket
from txbalancer.stream.datagram_member import DatagramPool
from txbalancer.stream.datagram_site import DatagramSite
from txbalancer.stream.member import StreamPool
from txbalancer.stream.site import StreamSite

Served = Callable[[Runtime, ListenerSpec, MountTable, bool], Any]
"""Makes a L{Site} or what has the same attributes for L{ListenerService}; the last argument
tells whether clients come through TLS that ends here."""


class Mode(NamedTuple):
    """
    One mode of listeners.

    @ivar make_site: makes what serves connections or datagrams.
    @ivar open_socket: opens an endpoint, for a reactor and an endpoint's text.
    """

    make_site: Served
    open_socket: Callable[[Any, str], Any]


MODES = {
    "http": Mode(Site, Socket),
    "tcp": Mode(StreamSite, Socket),
    "udp": Mode(DatagramSite, DatagramSocket),
}

_POOLS: dict[str, type[MemberPool]] = {
    "h2": H2Pool,
    "h2c": H2Pool,
    "tcp": StreamPool,
    "tls": StreamPool,
    "udp": DatagramPool,
}


def make_pool(runtime: Runtime, spec: MemberSpec) -> MemberPool:
    """
    Make the pool of a member, by the scheme of its URL.
    """
    return _POOLS.get(spec.scheme, MemberPool)(runtime, spec)
