"""
Who a client is, by the transport it came on.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.testing import MemoryReactorClock

from txbalancer.core.mounts import MountTable
from txbalancer.core.specs import ListenerSpec
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.site import Site


@pytest.mark.parametrize(
    ("address", "client", "port"),
    [
        (IPv4Address("TCP", "192.0.2.7", 4000), "192.0.2.7", 4000),
        (IPv6Address("TCP", "2001:db8::1", 4000), "2001:db8::1", 4000),
        (IPv6Address("TCP", "::ffff:192.0.2.7", 4000), "192.0.2.7", 4000),
        (UNIXAddress("/run/x"), "", 0),
    ],
)
def test_a_peer_has_its_usual_address(address, client, port):
    """
    An IPv4 client of a socket for both kinds of addresses is known by its IPv4 address.
    """
    runtime = Runtime(MemoryReactorClock(), lambda outcome: None)
    site = Site(runtime, ListenerSpec("web", server_name="a.test"), MountTable(()))
    peer = site.peer(SimpleNamespace(getPeer=lambda: address))
    assert (peer.client, peer.port) == (client, port)
