"""
A member's connections: idle ones to use again, and a queue when all are busy.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from txbalancer.core.lines import Line
from txbalancer.core.schemes import is_secure, is_single_use
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import ConnectFailed, Exhausted
from txbalancer.http1.limits import Limits
from txbalancer.net.deadlines import NEVER
from txbalancer.net.introduction import BUILDS, Build
from txbalancer.net.resolve import Addresses
from txbalancer.proxy.companions import Companions
from txbalancer.proxy.member_link import MemberLink
from txbalancer.proxy.member_side import member_side
from txbalancer.proxy.opening import Opening
from txbalancer.proxy.places import Places
from txbalancer.proxy.shares import Share
from txbalancer.proxy.throttle import Throttle
from txbalancer.tls.members import client_options

if TYPE_CHECKING:
    from txbalancer.proxy.attempts import Attempts
    from txbalancer.proxy.runtime import Runtime

# The same for many members: what they share need not be fetched for each.
_KEEP, _CLOSE = b"Connection: Keep-Alive\r\n\r\n", b"Connection: close\r\n\r\n"
_limits = lru_cache(64)(lambda line, drop_bad: Limits(line=line, drop_bad=drop_bad))


class MemberPool(Places):
    """
    The connections to one member.

    @ivar spec: how to talk to the member; replaced on reload.
    @ivar timeout: seconds of silence that a member is allowed.
    @ivar ttl: seconds that an idle connection is kept, 0 = for good.
    @ivar now: monotonic seconds.
    @ivar side: makes a connection speak what the member does.
    @ivar secure: whether connections are under TLS.
    @ivar single_use: whether each is for one exchange.
    @ivar host: the member's own name for Host, with its port unless that is the default.
    @ivar base: path of the member's URL, put before each request's path.
    @ivar ending: the last line of a request's head, and its empty line; C{upgrade_ending}
        that of one that says C{Connection: Upgrade}.
    @ivar idle: connections without an exchange, the last used one last.
    @ivar introduce: writes the PROXY header with which connections begin; C{None} for none.
    @ivar complaints: bounds how often what the member complains of is logged.
    @ivar companions: where connections are that began so, each for one client only.
    @ivar reserved: whether connections may have the last descriptors, too.
    """

    reserved = False

    def __init__(self, runtime: Runtime, spec: MemberSpec) -> None:
        self.runtime = runtime
        super().__init__()
        self.idle: list[MemberLink] = []
        self._openings: dict[Attempts, Opening] = {}
        self._unclaimed: dict[Opening, None] = {}
        self.introduce: Build | None = None
        self.companions = Companions()
        self.complaints = Throttle()
        self._addresses = Addresses(runtime.reactor, spec.host, spec.addressttl, runtime.now)
        self.configure(spec)

    def configure(self, spec: MemberSpec) -> None:
        """
        Take a new spec for the same address; open connections stay.

        It is in use then, also after L{leave}: a member that was removed may come back.
        """
        self.spec = spec
        self._change_introduction(spec)
        self._leaving = False
        self._aside = self.introduce is not None or bool(self.companions) or self._share is not None
        self.now = self.runtime.now
        self.room = self._room(spec)
        self.timeout, self.ttl = spec.timeout, spec.ttl
        self.side = self._side(spec)
        self.secure = is_secure(spec.scheme)
        self.tls = client_options(spec) if self.secure else None
        self.limits = _limits(spec.responsefieldsize, spec.badheader == "ignore")
        # Keep-Alive is for members of HTTP/1.0, and bytraffic counts it (APACHE H7, A13).
        self.single_use = is_single_use(spec)
        self.ending = _CLOSE if self.single_use else _KEEP
        self.upgrade_ending = self.ending if self.single_use else b"\r\n"
        default = 443 if self.secure else 80
        name = f"[{spec.host}]" if ":" in spec.host else spec.host
        self.host = (name if spec.port == default else f"{name}:{spec.port}").encode("ascii")
        self.base = spec.path.encode("ascii")
        self._addresses.ttl = spec.addressttl

    @property
    def ceiling(self) -> int:
        """
        The first descriptor that a connection may not have.
        """
        return sys.maxsize if self.reserved else self.runtime.turnstile.members

    def _change_introduction(self, spec: MemberSpec) -> None:
        before, self.introduce = self.introduce, BUILDS[spec.sendproxy]
        if before is not self.introduce:
            for connection in self._at_rest():
                connection.close()

    def _room(self, spec: MemberSpec) -> int:
        # Each connection is for one request at a time.
        return min(filter(None, (spec.max, spec.maxrequests)), default=0)

    def share(self, share: Share, line: Line[Attempts]) -> None:
        """
        Have limits hold for several processes together.
        """
        super().share(share, line)
        self._aside = True

    def _side(self, spec: MemberSpec) -> type[MemberLink]:
        """
        Return the class of connections.
        """
        return member_side(spec)

    @property
    def at_rest(self) -> int:
        """
        How many connections carry no exchange.
        """
        return len(self.idle) + len(self.companions.idle)

    def _at_rest(self) -> list[MemberLink]:
        return [*self.idle, *self.companions.idle]

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
        if self.introduce is not None:
            self._acquire_own(exchange)
        elif self._may_open():
            self._open(exchange)
        else:
            self._queue(exchange)

    def _acquire_own(self, exchange: Attempts) -> None:
        """
        Get the exchange a connection that is its client's alone.
        """
        connection = self.companions.take(exchange.head.peer)
        if connection is not None:
            exchange.connected(connection)
            return
        if not self._reserve():
            unused = self.companions.oldest()
            if unused is not None:
                unused.close()
            if unused is None or not self._reserve():
                self._queue(exchange)
                return
        self._open(exchange)

    def cancel(self, exchange: Attempts) -> bool:
        """
        Forget an exchange that waits here. A connection being opened for it is kept for others.

        @return: whether it waited for its turn, and not for a connection to be made.
        """
        queued = self._waiting.discard(exchange)
        if queued and self.sharing is not None:
            self.sharing.discard(exchange)
        opening = self._openings.pop(exchange, None)
        if opening is not None:
            opening.exchange = None
            self._unclaimed[opening] = None
        return queued

    # -- opening

    def _may_open(self) -> bool:
        """
        Tell whether L{_open} may follow: there is an opening that nobody wants, or room for one.
        """
        return bool(self._unclaimed and self.introduce is None) or self._reserve()

    def _open(self, exchange: Attempts) -> None:
        if self._unclaimed and self.introduce is None:
            # Begun for somebody who left: clients that come and go must not use up sockets.
            opening, _ = self._unclaimed.popitem()
            opening.exchange = exchange
            self._openings[exchange] = opening
            return
        opening = Opening(self, exchange)
        self._openings[exchange] = opening
        opening.start(self._addresses)

    def _conclude(self, opening: Opening) -> Attempts | None:
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
            if connection.opening.header:
                self.companions.own(connection, connection.opening.peer)
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

    def opening_failed(self, opening: Opening, error: ConnectFailed | Exhausted) -> None:
        """
        Tell whoever waits that no connection came about.
        """
        exchange = self._conclude(opening)
        self._unreserve()
        if exchange is not None:
            exchange.attempt_failed(error)
        self.serve_waiting()

    # -- coming back and going away

    def put(self, connection: MemberLink) -> None:
        """
        Take a connection that is free again.
        """
        if self._aside and self._put_aside(connection):
            return
        if self._waiting.size:
            self._next().connected(connection)
        elif self.sharing is not None and (other := self.sharing.next_for(self.member)):
            other.connected(connection)
        else:
            self.idle.append(connection)
            connection.deadline = self.now() + self.ttl if self.ttl else NEVER

    def _put_aside(self, connection: MemberLink) -> bool:
        """
        Take a connection that not everybody's request may go over, or nobody's any more.

        @return: whether it is one.
        """
        if self._yields(self._waiting.size > 0):
            connection.close()
            return True
        common = self.introduce is None and not self.companions.owns(connection)
        if common and (self._waiting or not self._leaving):
            return False
        usable = self.introduce is not None and not (self._leaving or self._waiting)
        if usable and self.companions.put(connection):
            connection.deadline = self.now() + self.ttl if self.ttl else NEVER
        else:
            connection.close()
        return True

    def closed(self, connection: MemberLink) -> None:
        """
        Note that a connection is gone, idle or not.
        """
        self._unreserve()
        self.companions.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self.serve_waiting()
        if self.sharing is not None:
            self.serve_others()

    def aged(self, connection: MemberLink, now: float) -> None:
        """
        Close a connection that was idle for C{ttl}, unless C{min} or C{smax} keep it.

        Source: APACHE item W52.
        """
        smax = self.spec.smax
        if smax is not None and self.at_rest > max(self.spec.min, smax):
            connection.close()
        else:
            connection.deadline = now + self.ttl

    def serve_waiting(self) -> None:
        """
        Open connections for those that wait, as far as C{max} allows.
        """
        while self._waiting.size and self._may_open():
            exchange = self._next()
            exchange.opening()
            self._open(exchange)

    def give_way(self) -> None:
        """
        Close an idle connection, if another process waits for one.
        """
        idle = self._at_rest()
        if idle and self._yields(False):
            idle[0].close()

    def serve_others(self) -> None:
        """
        Open connections for those that wait for other members, if nobody waits here.
        """
        while self.sharing is not None and not self._waiting.size and self.has_room:
            exchange = self.sharing.next_for(self.member)
            if exchange is None:
                return
            exchange.opening()
            self.acquire(exchange)

    @property
    def has_room(self) -> bool:
        """
        Whether a request would not have to wait here.
        """
        return bool(self.idle) or self.has_place

    def leave(self) -> None:
        """
        Close what is idle, and everything else once its exchange is over.
        """
        self._leaving = self._aside = True
        for connection in self._at_rest():
            connection.close()
