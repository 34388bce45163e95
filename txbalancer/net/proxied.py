"""
Connections of proxies that say first whose they are: the PROXY header is read, and the
listener's own protocol takes over as if the client had come itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocol
from zope.interface import implementer

from txbalancer.net.deadlines import NEVER, Deadlines
from txbalancer.net.peers import introduce
from txbalancer.net.proxyprotocol import parse
from txbalancer.net.proxytlv import BadProxyHeader

Refused = Callable[[str, str], None]


class ProxiedFactory:
    """
    Stands before a listener's factory; who is not listed gets to that directly.

    The header comes before TLS and everything else. Once it is there, nothing of this is
    in the connection's way.

    @ivar waiting: connections whose header is not there yet.
    """

    def __init__(
        self,
        factory: Any,
        listed: Callable[[str], bool],
        deadlines: Deadlines,
        now: Callable[[], float],
        wait: float,
        refused: Refused,
    ) -> None:
        """
        @param factory: makes the protocol that follows.
        @param listed: tells by address, empty for a unix socket, who has to send a header.
        @param wait: seconds in which it must be there.
        @param refused: called with address and cause for each connection that is refused.
        """
        self.factory = factory
        self.deadlines, self.now, self.wait, self.refused = deadlines, now, wait, refused
        self._listed = listed
        self.waiting: set[HeaderReader] = set()

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make what reads the header, or what follows for those who send none.
        """
        if self._listed(getattr(addr, "host", "")):
            return HeaderReader(self)
        return self.factory.buildProtocol(addr)

    def drain(self) -> None:
        """
        Close the connections that have not said anything yet.
        """
        for each in list(self.waiting):
            each.transport.loseConnection()


@implementer(IProtocol)
class HeaderReader:
    """
    The first moments of a listed proxy's connection.

    @ivar deadline: when the header has to be there.
    """

    __slots__ = ("_data", "_owner", "deadline", "transport")

    def __init__(self, owner: ProxiedFactory) -> None:
        self._owner = owner
        self._data = b""
        self.transport: Any = None
        self.deadline = NEVER

    def makeConnection(self, transport: Any) -> None:
        """
        Begin to wait.
        """
        owner = self._owner
        self.transport = transport
        self.deadline = owner.now() + owner.wait
        owner.waiting.add(self)
        owner.deadlines.add(self)

    def connectionMade(self) -> None:
        """
        Part of the interface; C{makeConnection} does it all.
        """

    def dataReceived(self, data: bytes) -> None:
        """
        Collect the header; L{parse} bounds its size.
        """
        self._data = data = self._data + data
        try:
            found = parse(data)
        except BadProxyHeader as error:
            self._refuse(str(error))
            return
        if found is None:
            return
        self._forget()
        header, size = found
        transport = self.transport
        introduce(transport, header)
        protocol = self._owner.factory.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.abortConnection()
            return
        transport.protocol = protocol
        protocol.makeConnection(transport)
        if size < len(data):
            protocol.dataReceived(data[size:])

    def connectionLost(self, reason: Any) -> None:
        """
        The proxy left before it said anything; it may have looked whether we are there.
        """
        self._forget()

    def expired(self, now: float) -> None:
        """
        The header did not come.
        """
        self._refuse(f"no PROXY header within {self._owner.wait:g} s")

    def cut(self) -> None:
        """
        End the connection now.
        """
        self._forget()
        self.transport.abortConnection()

    def _refuse(self, why: str) -> None:
        self._forget()
        self._owner.refused(getattr(self.transport.getPeer(), "host", ""), why)
        self.transport.abortConnection()

    def _forget(self) -> None:
        self.deadline = NEVER
        self._owner.waiting.discard(self)
        self._owner.deadlines.discard(self)
