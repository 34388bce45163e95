"""
The client side of a session of datagrams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.core.request import Peer
from txbalancer.errors import ClientError, Stopped
from txbalancer.net.datagrams import Client, DatagramPort, twisted_address

if TYPE_CHECKING:
    from txbalancer.stream.datagram_exchange import DatagramExchange
    from txbalancer.stream.datagram_site import DatagramSite


class DatagramChannel:
    """
    One client's address, as long as datagrams from it belong together.

    @ivar exchange: the way to a member; C{None} before and after.
    @ivar first: the datagram that began it.
    """

    __slots__ = (
        "_client",
        "_left",
        "_local",
        "_port",
        "exchange",
        "first",
        "peer",
        "since",
        "site",
    )

    tunnel = None

    def __init__(
        self, site: DatagramSite, port: DatagramPort, client: Client, local: bytes, first: bytes
    ) -> None:
        self.site = site
        self.exchange: DatagramExchange | None = None
        self.first = first
        self.since = site.now()
        self._port, self._client, self._local = port, client, local
        spec = site.spec
        self._left = spec.requests - 1
        port.use()
        if self._left:
            port.sessions[client, local] = self
        address = twisted_address(client)
        self.peer = Peer(address.host, address.port, spec.name, False, site.server_name)

    def described(self) -> list[Any] | None:
        """
        Return the session for another process, if it has a member.
        """
        member = None if self.exchange is None else self.exchange.member
        if member is None:
            return None
        return [list(self._client), self._local.hex(), member.name]

    def expected(self) -> str:
        """
        Return the member that the client had in another process; empty for none.
        """
        return self.site.expected(self._client, self._local)

    @property
    def transport(self) -> Any:
        """
        What knows where the client has sent to.
        """
        return self

    def getHost(self) -> Any:
        """
        Return the address that the client has sent to.
        """
        return self._port.local_address(self._local)

    def from_client(self, data: bytes) -> None:
        """
        Take a further datagram; with C{requests} of them the next one begins a session anew.
        """
        self._left -= 1
        if not self._left:
            self._part()
        if self.exchange is not None:
            self.exchange.request_data(data)

    def _part(self) -> None:
        sessions, key = self._port.sessions, (self._client, self._local)
        if sessions.get(key) is self:
            del sessions[key]

    def respond(self, data: bytes) -> None:
        """
        Send the client a datagram.
        """
        self._port.send(data, self._client, self._local)

    def again(self, data: bytes) -> None:
        """
        Let a datagram come once more, after its session has ended.
        """
        self.site.received(self._port, self._client, self._local, data)

    @property
    def host(self) -> str:
        """
        The client's host, as the system writes it.
        """
        host: str = self._client[0]
        return host

    # -- the end

    def finished(self) -> None:
        """
        The session is over.
        """
        self.exchange = None
        self._part()
        self.site.closed(self)
        self._port.leave()

    def refuse(self, error: ClientError) -> None:
        """
        End a session for which nothing was begun.
        """
        channel: Any = self
        self.site.dismiss(channel, error)
        self.finished()

    def drain(self) -> None:
        """
        End soon: when everything that was asked has been answered.
        """
        if self.exchange is not None:
            self.exchange.drain()

    def retire(self) -> None:
        """
        Do as L{drain}: what comes next goes to another process.
        """
        self.drain()

    def cut(self) -> None:
        """
        End now.
        """
        if self.exchange is not None:
            self.exchange.client_gone(Stopped("the service stopped"))
            self.finished()
