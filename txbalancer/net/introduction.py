"""
Telling members whose connection is passed on: a PROXY header before everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IProtocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from txbalancer.core.request import Peer
from txbalancer.net.proxyprotocol import UNKNOWN, ProxyHeader, build_v1, build_v2

Build = Callable[[ProxyHeader], bytes]

BUILDS: dict[str, Build | None] = {"off": None, "v1": build_v1, "v2": build_v2}
"""What C{sendproxy} of a member says."""


def header_of(peer: Peer, transport: Any) -> ProxyHeader:
    """
    Describe a client as a member should know it.

    @param transport: the client's; C{None} where it came without a connection.
    @return: L{UNKNOWN} for clients of unix sockets and those without a connection.
    """
    local = transport.getHost() if transport is not None else None
    if not peer.client or not isinstance(local, (IPv4Address, IPv6Address)):
        return UNKNOWN
    return ProxyHeader((peer.client, peer.port), (local.host.removeprefix("::ffff:"), local.port))


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
