"""
Who a client is, by the transport it came on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from txbalancer.core.request import Peer
from txbalancer.net import proxytlv
from txbalancer.net.proxyprotocol import Address, ProxyHeader

_FACTS = {
    proxytlv.ALPN: "proxy-alpn",
    proxytlv.AUTHORITY: "proxy-authority",
    proxytlv.UNIQUE_ID: "proxy-unique-id",
    proxytlv.NETNS: "proxy-netns",
}
PROXY_FACTS = (*_FACTS.values(), "proxy-tls-version", "proxy-tls-cipher", "proxy-tls-name")
"""Names of what a PROXY header may tell beside addresses."""


def introduce(transport: Any, header: ProxyHeader) -> None:
    """
    Let a transport answer for the client that a PROXY header names, and not for the proxy.

    A header without addresses changes nothing, for a proxy speaks for itself; but of its own
    clients that have none a worker tells whether they came under TLS.
    """
    through = transport.getPeer()
    if header.source is None or header.destination is None:
        if isinstance(through, UNIXAddress) and header.value(proxytlv.DIRECT) is not None:
            transport.introduction = (through, header)
        return
    client, local = _twisted(header.source), _twisted(header.destination)
    # On the instance: a wrapper would be in the way of every read and write that follow.
    transport.getPeer = lambda: client
    transport.getHost = lambda: local
    transport.introduction = (through, header)


def peer_of(transport: Any, listener: str, secure: bool, server_name: bytes) -> Peer:
    """
    Describe the client at the other end of a transport.

    @param listener: name of the listener that it came through.
    @param secure: whether it is under TLS here.
    """
    address = transport.getPeer()
    if isinstance(address, UNIXAddress):
        peer = Peer("", 0, listener, secure, server_name)
    else:
        # A socket for both kinds of addresses gives those of IPv4 in the form of IPv6.
        host = address.host.removeprefix("::ffff:")
        peer = Peer(host, address.port, listener, secure, server_name)
    peer.companions = ()
    peer.tls = getattr(transport, "facts", None)
    introduction = getattr(transport, "introduction", None)
    if introduction is not None:
        through, header = introduction
        if not isinstance(through, UNIXAddress) or header.value(proxytlv.DIRECT) is None:
            peer.through = getattr(through, "host", "")
        peer.facts = _facts(header)
        peer.secure = secure or "proxy-tls-version" in peer.facts
    return peer


def _twisted(address: Address) -> IPv4Address | IPv6Address | UNIXAddress:
    if isinstance(address, bytes):
        return UNIXAddress(address or None)
    host, port = address
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


def _facts(header: ProxyHeader) -> Mapping[str, bytes]:
    found = {_FACTS[kind]: value for kind, value in header.tlvs if kind in _FACTS}
    tls = header.value(proxytlv.SSL)
    if tls is not None:
        told = proxytlv.read_ssl(tls)
        if told.secure:
            found["proxy-tls-version"] = told.version or b"TLS"
            found["proxy-tls-cipher"] = told.cipher
            found["proxy-tls-name"] = told.name if told.verified else b""
    return {name: value for name, value in found.items() if value}
