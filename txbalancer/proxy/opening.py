"""
A connection to a member in the making.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from txbalancer.errors import ConnectFailed, ConnectTimeout, Exhausted
from txbalancer.net.connect import connect_tcp, connect_unix
from txbalancer.net.introduction import Introduced, header_of
from txbalancer.net.resolve import Addresses
from txbalancer.net.turnstile import EXHAUSTED
from txbalancer.tls.ends import ClientTLS

if TYPE_CHECKING:
    from txbalancer.proxy.attempts import Attempts
    from txbalancer.proxy.pool import MemberPool


class Opening(ClientFactory):
    """
    One connection being opened: the member's addresses, one after the other.

    Source: APACHE item W55.

    @ivar exchange: who waits for it, if anybody still does.
    @ivar peer: the client that it was begun for.
    @ivar header: the PROXY header with which it begins, if any.
    """

    noisy = False

    def __init__(self, pool: MemberPool, exchange: Attempts) -> None:
        self._pool = pool
        self.exchange: Attempts | None = exchange
        self.peer = exchange.head.peer
        introduce = pool.introduce
        self.header = introduce and introduce(header_of(self.peer, exchange.channel.transport))
        self._left: list[str] = []

    def start(self, addresses: Addresses) -> None:
        """
        Begin with the first address.
        """
        spec = self._pool.spec
        if spec.socket:
            reactor = self._pool.runtime.reactor
            timeout = spec.connectiontimeout
            connect_unix(reactor, spec.socket, self, timeout, spec.iobuffersize, self._pool.ceiling)
        else:
            addresses.find(self._found)

    def _found(self, addresses: list[str]) -> None:
        self._left = list(addresses)
        if self._left:
            self._next()
        else:
            self._fail(ConnectFailed(f"{self._pool.spec.url}: the name does not resolve"))

    def _next(self) -> None:
        spec = self._pool.spec
        connect_tcp(
            self._pool.runtime.reactor,
            self._left.pop(0),
            spec.port,
            self,
            spec.connectiontimeout,
            spec.receivebuffersize,
            spec.iobuffersize,
            self._pool.ceiling,
        )

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make the member side of the connection that came about.
        """
        pool = self._pool
        connection = pool.side(pool, self)
        protocol: Any = connection
        if pool.tls is not None:
            protocol = ClientTLS(pool.tls, connection)
        return Introduced(protocol, self.header) if self.header else protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """
        Go on with the next address, or give up.
        """
        spec = self._pool.spec
        if getattr(reason.value, "osError", None) in EXHAUSTED:
            self._left.clear()
            text = f"{spec.url}: {reason.getErrorMessage()}: see how many this process may have"
            self._fail(Exhausted(text))
        elif self._left:
            self._next()
        elif reason.check(TwistedTimeout):
            text = f"{spec.url}: no connection within {spec.connectiontimeout:g} s"
            self._fail(ConnectTimeout(text))
        else:
            self._fail(ConnectFailed(f"{spec.url}: {reason.getErrorMessage()}"))

    def _fail(self, error: ConnectFailed | Exhausted) -> None:
        pool = self._pool
        if pool.spec.addressttl < 0:
            pool.distrust_addresses()
        pool.opening_failed(self, error)
