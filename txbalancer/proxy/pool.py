"""
A member's connections: idle ones to use again, and a queue when all are busy.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.protocol import ClientFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from txbalancer.core.specs import MemberSpec
from txbalancer.errors import ConnectFailed, ConnectTimeout, QueueTimeout
from txbalancer.http1.limits import Limits
from txbalancer.net.connect import connect_tcp, connect_unix
from txbalancer.net.deadlines import NEVER
from txbalancer.net.resolve import Addresses
from txbalancer.proxy.member_link import MemberLink
from txbalancer.proxy.member_side import member_side
from txbalancer.tls.members import client_options

if TYPE_CHECKING:
    from txbalancer.proxy.attempts import Attempts
    from txbalancer.proxy.runtime import Runtime


class MemberPool:
    """
    The connections to one member.

    @ivar spec: how to talk to the member; replaced on reload.
    @ivar timeout: seconds of silence that a member is allowed.
    @ivar now: monotonic seconds.
    @ivar side: makes a connection speak what the member does.
    @ivar secure: whether connections are under TLS.
    @ivar host: the member's own name for Host, with its port unless that is the default.
    @ivar base: path of the member's URL, put before each request's path.
    @ivar ending: the last line of a request's head, and its empty line; C{upgrade_ending}
        that of one that says C{Connection: Upgrade}.
    @ivar open: connections that are open or opening.
    @ivar idle: connections without an exchange, the last used one last.
    """

    def __init__(self, runtime: Runtime, spec: MemberSpec) -> None:
        self.runtime = runtime
        self.open = 0
        self.idle: list[MemberLink] = []
        self._waiting: deque[Attempts] = deque()
        self._openings: dict[Attempts, _Opening] = {}
        self._unclaimed: dict[_Opening, None] = {}
        self._addresses = Addresses(runtime.reactor, spec.host, spec.addressttl, runtime.now)
        self.configure(spec)

    def configure(self, spec: MemberSpec) -> None:
        """
        Take a new spec for the same address; open connections stay.

        It is in use then, also after L{leave}: a member that was removed may come back.
        """
        self.spec = spec
        self._leaving = False
        self.now = self.runtime.now
        self.timeout = spec.timeout
        self.side = member_side(spec)
        self.secure = spec.scheme == "https"
        self.tls = client_options(spec) if self.secure else None
        self.limits = Limits(line=spec.responsefieldsize, drop_bad=spec.badheader == "ignore")
        # Keep-Alive is for members of HTTP/1.0, and bytraffic counts it (APACHE H7, A13).
        word = b"close" if spec.disablereuse else b"Keep-Alive"
        self.ending = b"Connection: %b\r\n\r\n" % word
        self.upgrade_ending = self.ending if spec.disablereuse else b"\r\n"
        default = 443 if self.secure else 80
        name = f"[{spec.host}]" if ":" in spec.host else spec.host
        self.host = (name if spec.port == default else f"{name}:{spec.port}").encode("ascii")
        self.base = spec.path.encode("ascii")
        self._addresses.ttl = spec.addressttl

    @property
    def waiting(self) -> int:
        """
        How many exchanges wait for a connection.
        """
        return len(self._waiting)

    @property
    def connecting(self) -> int:
        """
        How many connections are being opened.
        """
        return len(self._openings) + len(self._unclaimed)

    # -- for the exchange

    def take(self) -> MemberLink | None:
        """
        Return a usable idle connection, the one used last, or C{None}.
        """
        idle = self.idle
        while idle:
            connection = idle.pop()
            if connection.fresh():
                return connection
            connection.close()
        return None

    def acquire(self, exchange: Attempts) -> None:
        """
        Get the exchange a connection, sooner or later.

        It ends in C{exchange.connected(connection)}, in C{exchange.attempt_failed(error)},
        or in L{cancel}.
        """
        if self.spec.max and self.open >= self.spec.max and not self._unclaimed:
            self._queue(exchange)
        else:
            self._open(exchange)

    def cancel(self, exchange: Attempts) -> bool:
        """
        Forget an exchange that waits here. A connection being opened for it is kept for others.

        @return: whether it waited for its turn, and not for a connection to be made.
        """
        queued = exchange in self._waiting
        if queued:
            self._waiting.remove(exchange)
        opening = self._openings.pop(exchange, None)
        if opening is not None:
            opening.exchange = None
            self._unclaimed[opening] = None
        return queued

    def _queue(self, exchange: Attempts) -> None:
        if len(self._waiting) >= self.spec.maxqueue:
            exchange.attempt_failed(
                QueueTimeout(
                    f"{self.spec.url}: {self.spec.max} connections busy and"
                    f" {len(self._waiting)} requests waiting (raise max or maxqueue)"
                )
            )
            return
        self._waiting.append(exchange)
        acquire = self.spec.acquire
        exchange.wait_until(self.runtime.now() + acquire if acquire else NEVER)

    def queue_timeout(self) -> QueueTimeout:
        """
        Say why an exchange that waited here for C{acquire} goes without a connection.
        """
        return QueueTimeout(
            f"{self.spec.url}: all {self.spec.max} connections busy for"
            f" {self.spec.acquire:g} s (raise max or acquire)"
        )

    # -- opening

    def _open(self, exchange: Attempts) -> None:
        if self._unclaimed:
            # Begun for somebody who left: clients that come and go must not use up sockets.
            opening, _ = self._unclaimed.popitem()
            opening.exchange = exchange
            self._openings[exchange] = opening
            return
        self.open += 1
        opening = _Opening(self, exchange)
        self._openings[exchange] = opening
        opening.start(self._addresses)

    def _conclude(self, opening: _Opening) -> Attempts | None:
        exchange, opening.exchange = opening.exchange, None
        if exchange is None:
            self._unclaimed.pop(opening, None)
        else:
            del self._openings[exchange]
        return exchange

    def opened(self, connection: MemberLink) -> None:
        """
        Take a connection that is ready for its first exchange.
        """
        exchange = None
        if connection.opening is not None:
            exchange = self._conclude(connection.opening)
            connection.opening = None
        if exchange is not None:
            exchange.connected(connection)
        else:
            self.put(connection)

    def distrust_addresses(self) -> None:
        """
        Look the name up again, although its addresses were to be used for ever.
        """
        self._addresses.distrust()

    def opening_failed(self, opening: _Opening, error: ConnectFailed) -> None:
        """
        Tell whoever waits that no connection came about.
        """
        exchange = self._conclude(opening)
        self.open -= 1
        if exchange is not None:
            exchange.attempt_failed(error)
        self.serve_waiting()

    # -- coming back and going away

    def put(self, connection: MemberLink) -> None:
        """
        Take a connection that is free again.
        """
        if self._waiting:
            exchange = self._waiting.popleft()
            exchange.connected(connection)
        elif self._leaving:
            connection.close()
        else:
            self.idle.append(connection)
            if self.spec.ttl:
                connection.deadline = self.now() + self.spec.ttl
            else:
                connection.deadline = NEVER

    def closed(self, connection: MemberLink) -> None:
        """
        Note that a connection is gone, idle or not.
        """
        self.open -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        self.serve_waiting()

    def aged(self, connection: MemberLink, now: float) -> None:
        """
        Close a connection that was idle for C{ttl}, unless C{min} or C{smax} keep it.

        Source: APACHE item W52.
        """
        smax = self.spec.smax
        if smax is not None and len(self.idle) > max(self.spec.min, smax):
            connection.close()
        else:
            connection.deadline = now + self.spec.ttl

    def serve_waiting(self) -> None:
        """
        Open connections for those that wait, as far as C{max} allows.
        """
        while self._waiting and not (self.spec.max and self.open >= self.spec.max):
            exchange = self._waiting.popleft()
            exchange.opening()
            self._open(exchange)

    def leave(self) -> None:
        """
        Close what is idle, and everything else once its exchange is over.
        """
        self._leaving = True
        for connection in list(self.idle):
            connection.close()


class _Opening(ClientFactory):
    """
    One connection being opened: the member's addresses, one after the other.

    Source: APACHE item W55.

    @ivar exchange: who waits for it, if anybody still does.
    """

    noisy = False

    def __init__(self, pool: MemberPool, exchange: Attempts) -> None:
        self._pool = pool
        self.exchange: Attempts | None = exchange
        self._left: list[str] = []

    def start(self, addresses: Addresses) -> None:
        """
        Begin with the first address.
        """
        spec = self._pool.spec
        if spec.socket:
            reactor = self._pool.runtime.reactor
            timeout = spec.connectiontimeout
            connect_unix(reactor, spec.socket, self, timeout, spec.iobuffersize)
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
        )

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make the member side of the connection that came about.
        """
        pool = self._pool
        connection = pool.side(pool, self)
        if pool.tls is None:
            return connection
        reactor = pool.runtime.reactor
        wrapper = TLSMemoryBIOFactory(pool.tls, True, _Ready(connection), reactor)
        return wrapper.buildProtocol(addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """
        Go on with the next address, or give up.
        """
        if self._left:
            self._next()
        elif reason.check(TwistedTimeout):
            spec = self._pool.spec
            text = f"{spec.url}: no connection within {spec.connectiontimeout:g} s"
            self._fail(ConnectTimeout(text))
        else:
            self._fail(ConnectFailed(f"{self._pool.spec.url}: {reason.getErrorMessage()}"))

    def _fail(self, error: ConnectFailed) -> None:
        pool = self._pool
        if pool.spec.addressttl < 0:
            pool.distrust_addresses()
        pool.opening_failed(self, error)


class _Ready(ClientFactory):
    """
    Hands out one protocol that exists already.
    """

    noisy = False

    def __init__(self, connection: MemberLink) -> None:
        self._connection = connection

    def buildProtocol(self, addr: Any) -> Any:
        """
        Return the protocol.
        """
        return self._connection
