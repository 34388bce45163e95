"""
Telling members whose connection is passed on: a PROXY header before everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IProtocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from txbalancer.core.request import Peer
from txbalancer.net.proxyprotocol import UNKNOWN, ProxyHeader, build_v1, build_v2
from txbalancer.net.proxytlv import DIRECT, SSL, SSLFacts, write_ssl

Build = Callable[[ProxyHeader], bytes]


def _only(*kinds: int) -> Build:
    def build(header: ProxyHeader) -> bytes:
        return build_v2(replace(header, tlvs=tuple(t for t in header.tlvs if t[0] in kinds)))

    return build


WHOLE = "whole"
"""Stands for all that is known of a client: what a worker tells its supervisor."""

BUILDS: dict[str, Build | None] = {
    "off": None,
    "v1": build_v1,
    "v2": _only(),
    "v2-ssl": _only(SSL),
    WHOLE: build_v2,
}
"""What C{sendproxy} of a member says, and L{WHOLE}."""


def header_of(peer: Peer, transport: Any) -> ProxyHeader:
    """
    Describe a client as a member should know it, and its TLS if it came under TLS.

    @param transport: the client's; C{None} where it came without a connection.
    @return: L{UNKNOWN} for those without a connection. Clients of unix sockets have no addresses
        in it, unless a proxy told of them: whoever gets that takes the connection's own end for
        the client.
    """
    if transport is None:
        return UNKNOWN
    direct = ((DIRECT, b""),) if peer.through is None else ()
    tls = ((SSL, write_ssl(_tls_of(peer))),) if peer.secure else ()
    more = (*direct, *tls)
    if peer.client:
        ends = (peer.client, peer.port), _destination(peer.client, transport.getHost())
        return ProxyHeader(*ends, tlvs=more)
    return ProxyHeader(tlvs=more) if direct else ProxyHeader(b"", b"", tlvs=more)


def _destination(client: str, local: Any) -> tuple[str, int]:
    """
    Say where a client has connected to; a unix socket has no address, as a proxy's client may.
    """
    if isinstance(local, (IPv4Address, IPv6Address)):
        return local.host.removeprefix("::ffff:"), local.port
    return "::" if ":" in client else "0.0.0.0", 0


def _tls_of(peer: Peer) -> SSLFacts:
    """
    Say what is known of a client's TLS, by itself or from the proxy before us.
    """
    if peer.tls is None:
        facts = peer.facts
        name = facts.get("proxy-tls-name", b"")
        version, cipher = facts.get("proxy-tls-version"), facts.get("proxy-tls-cipher")
        return SSLFacts(True, bool(name), version or b"", name, cipher or b"")
    read = peer.tls
    name = read("SSL_CLIENT_S_DN_CN") or b""
    verified = read("SSL_CLIENT_VERIFY") == b"SUCCESS"
    return SSLFacts(True, verified, read("SSL_PROTOCOL") or b"", name, read("SSL_CIPHER") or b"")


@implementer(IProtocol)
class Introduced:
    """
    Sends a header on a new connection and leaves it to the protocol that follows.
    """

    __slots__ = ("_header", "_protocol")

    def __init__(self, protocol: Any, header: bytes) -> None:
        self._protocol, self._header = protocol, header

    def makeConnection(self, transport: Any) -> None:
        """
        Send the header.
        """
        transport.write(self._header)
        transport.protocol = self._protocol
        self._protocol.makeConnection(transport)

    def connectionMade(self) -> None:
        """
        Part of the interface; C{makeConnection} does it all.
        """

    def dataReceived(self, data: bytes) -> None:
        """
        Part of the interface: nothing comes before C{makeConnection}.
        """

    def connectionLost(self, reason: Any) -> None:
        """
        Part of the interface, as L{dataReceived}.
        """


class IntroducedFactory(WrappingFactory[Any]):
    """
    Puts the header before what another factory's protocols say, for endpoints, which need
    the protocol that was made to stay where it is.
    """

    noisy = False

    def __init__(self, factory: Any, header: bytes) -> None:
        super().__init__(factory)
        self.header = header

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make the protocol, to come after the header.
        """
        return _HeaderFirst(self, self.wrappedFactory.buildProtocol(addr))


class _HeaderFirst(ProtocolWrapper):
    def makeConnection(self, transport: Any) -> None:
        transport.write(self.factory.header)
        super().makeConnection(transport)
