"""
The member side of a session of datagrams, and the pool that makes it.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from txbalancer.errors import ConnectFailed, QueueTimeout, Refused
from txbalancer.net.datagrams import ConnectedDatagrams
from txbalancer.net.deadlines import NEVER
from txbalancer.net.introduction import header_of
from txbalancer.proxy.member_link import MemberLink
from txbalancer.proxy.pool import MemberPool

if TYPE_CHECKING:
    from txbalancer.core.specs import MemberSpec
    from txbalancer.proxy.attempts import Attempts
    from txbalancer.stream.datagram_exchange import DatagramExchange

_OURS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN))
"""Errors about a lack of this machine's, for which no member is to blame."""


class DatagramLink(ConnectedDatagrams):
    """
    A socket of one session, connected to a member: only that can answer, and the network
    tells if nobody is there.

    @ivar exchange: the session; C{None} before it begins and after it ends.
    @ivar deadline: when the silence has been too long.
    """

    __slots__ = ("_header", "deadline", "exchange", "pool")

    asks = reused = False

    def __init__(self, pool: DatagramPool, address: str, header: bytes) -> None:
        """
        @param header: goes before each datagram to the member; may be empty.
        @raise OSError: as of L{ConnectedDatagrams}.
        """
        super().__init__(pool.runtime.reactor, address, pool.spec.port)
        self.pool = pool
        self.exchange: DatagramExchange | None = None
        self.deadline = NEVER
        self._header = header
        pool.runtime.deadlines.add(self)

    def send(self, data: bytes) -> None:
        """
        Send the member a datagram.
        """
        super().send(self._header + data if self._header else data)

    def received(self, data: bytes) -> None:
        """
        Pass on what the member says.
        """
        if self.exchange is not None:
            self.exchange.from_member(data)

    def failed(self, why: str) -> None:
        """
        Tell the session that the member is not there.
        """
        if self.exchange is not None:
            self.exchange.refused(Refused(f"{self.pool.spec.url}: {why}"))

    def expired(self, now: float) -> None:
        """
        Tell the session that nobody says anything.
        """
        self.deadline = NEVER
        if self.exchange is not None:
            self.exchange.silent()

    def close(self, polite: bool = True) -> None:
        """
        Close; what is still under way finds nobody.
        """
        if self.fileno() >= 0:
            self.exchange = None
            self.pool.runtime.deadlines.discard(self)
            super().close()
            link: Any = self
            self.pool.closed(link)


class DatagramPool(MemberPool):
    """
    The sockets to one member, one for each session.
    """

    def _side(self, spec: MemberSpec) -> type[MemberLink]:
        return MemberLink  # of connections, of which there are none

    def take(self) -> Any:
        """
        Return C{None}: a socket is one session's.
        """
        return None

    def acquire(self, exchange: Attempts) -> None:
        """
        Make a socket for a session, or let it wait while there are C{max} of them.
        """
        if self._reserve():
            self._open(exchange)
        else:
            self._queue(exchange)

    def _may_open(self) -> bool:
        return self._reserve()

    def _open(self, exchange: Attempts) -> None:
        opening: Any = _Opening(exchange)
        self._openings[exchange] = opening
        self._addresses.find(lambda found: self._found(opening, found))

    def _found(self, opening: Any, addresses: list[str]) -> None:
        exchange = self._conclude(opening)
        url = self.spec.url
        error: ConnectFailed | QueueTimeout = ConnectFailed(f"{url}: the name does not resolve")
        for address in addresses if exchange is not None else ():
            try:
                link: Any = DatagramLink(self, address, self._header(exchange))
            except OSError as fault:
                kind = QueueTimeout if fault.errno in _OURS else ConnectFailed
                error = kind(f"{url}: {fault.strerror}")
            else:
                assert exchange is not None
                exchange.connected(link)
                return
        self._unreserve()
        if self.spec.addressttl < 0:
            self.distrust_addresses()
        if exchange is not None:
            exchange.attempt_failed(error)
        self.serve_waiting()

    def _header(self, exchange: Any) -> bytes:
        """
        Return what goes before each datagram of a session.
        """
        if self.introduce is None:
            return b""
        header = header_of(exchange.head.peer, exchange.channel.transport)
        return self.introduce(replace(header, datagram=True))


class _Opening:
    """
    Somebody who waits for the member's address.
    """

    __slots__ = ("exchange",)

    def __init__(self, exchange: Attempts) -> None:
        self.exchange: Attempts | None = exchange
