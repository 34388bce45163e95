"""
Who a client is, by the transport it came on.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.testing import MemoryReactorClock

from txbalancer.core.mounts import MountTable
from txbalancer.core.request import Peer
from txbalancer.core.specs import ListenerSpec
from txbalancer.net.introduction import BUILDS, WHOLE, header_of
from txbalancer.net.peers import introduce, peer_of
from txbalancer.net.proxyprotocol import UNKNOWN, ProxyHeader, build_v2, parse
from txbalancer.net.proxytlv import DIRECT, SSL, SSLFacts, write_ssl
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


@pytest.mark.parametrize(("through", "told"), [(None, None), ("192.0.2.1", ""), ("", "")])
def test_a_worker_tells_whether_a_client_is_behind_a_proxy(through, told):
    """
    The supervisor knows by it who is on this machine; a proxy behind a unix socket tells nothing of
    the kind, and is one; nor is any member told of it.
    """
    client = Peer("127.0.0.1", 4000, "web")
    client.through = through
    here = SimpleNamespace(getHost=lambda: IPv4Address("TCP", "127.0.0.1", 80))
    for version, expected in ((WHOLE, told), ("v2-ssl", ""), ("v2", "")):
        build = BUILDS[version]
        assert build is not None
        found = parse(build(header_of(client, here)))
        assert found is not None
        assert version == WHOLE or not found[0].tlvs
        supervisor = SimpleNamespace(getPeer=lambda: UNIXAddress(None))
        introduce(supervisor, found[0])
        peer = peer_of(supervisor, "web", False, b"a.test")
        assert (peer.client, peer.port, peer.through) == ("127.0.0.1", 4000, expected)


@pytest.mark.parametrize("client", ["", "192.0.2.7", "2001:db8::1"])
def test_whom_a_proxy_on_a_unix_socket_tells_of_is_not_here(client):
    """
    Neither the supervisor nor a member takes for a process of this machine, as the socket's own
    clients are, whom a proxy speaks for.
    """
    peer = Peer("", 0, "web").behind(client, 0, False)
    local = SimpleNamespace(getHost=lambda: UNIXAddress("/run/x"))
    for kind in (WHOLE, "v2"):
        build = BUILDS[kind]
        assert build is not None
        found = parse(build(header_of(peer, local)))
        assert found is not None
        supervisor = SimpleNamespace(getPeer=lambda: UNIXAddress(None))
        introduce(supervisor, found[0])
        seen = peer_of(supervisor, "web", False, b"a.test")
        assert (seen.client, seen.through) == (client, "")


@pytest.mark.parametrize("secure", [False, True])
def test_a_client_of_a_unix_socket_is_here(secure):
    """
    It has no address, and nobody speaks for it; whether it came under TLS is told all the same. No
    member is told more than that nothing is known of its address.
    """
    local = SimpleNamespace(getHost=lambda: UNIXAddress("/run/x"))
    header = header_of(Peer("", 0, "web", secure), local)
    assert BUILDS["v1"](header) == b"PROXY UNKNOWN\r\n"
    assert BUILDS["v2"](header) == build_v2(UNKNOWN)
    found = parse(BUILDS[WHOLE](header))
    assert found is not None
    supervisor = SimpleNamespace(getPeer=lambda: UNIXAddress(None))
    introduce(supervisor, found[0])
    seen = peer_of(supervisor, "web", False, b"a.test")
    assert (seen.client, seen.through, seen.secure) == ("", None, secure)


def test_a_proxy_speaks_for_itself_where_it_tells_no_address():
    """
    Only workers tell of clients without an address, by their sockets; nobody else may.
    """
    told = ProxyHeader(tlvs=((DIRECT, b""), (SSL, write_ssl(SSLFacts(True, False)))))
    for address, header in (
        (IPv4Address("TCP", "192.0.2.7", 4000), told),
        (UNIXAddress(None), ProxyHeader(tlvs=told.tlvs[1:])),
    ):
        transport = SimpleNamespace(getPeer=lambda address=address: address)
        introduce(transport, header)
        assert not peer_of(transport, "web", False, b"a.test").secure
