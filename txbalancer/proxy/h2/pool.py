"""
The connections to a member of HTTP/2, each of which is for many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.core.lines import Line
from txbalancer.core.schemes import has_streams
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import ConnectFailed, Exhausted
from txbalancer.http2.frames import MOST_WINDOW
from txbalancer.http2.limits import Limits
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.member_connection import H2MemberConnection
from txbalancer.proxy.pool import MemberPool
from txbalancer.proxy.shares import Share

if TYPE_CHECKING:
    from txbalancer.proxy.attempts import Attempts
    from txbalancer.proxy.opening import Opening
    from txbalancer.proxy.runtime import Runtime

_WINDOW = 128 * 1024
"""Bytes of one answer that may wait for its client."""


def make_http_pool(runtime: Runtime, spec: MemberSpec) -> MemberPool:
    """
    Make the pool of a member that gets requests, by the scheme of its URL.
    """
    return (H2Pool if has_streams(spec.scheme) else MemberPool)(runtime, spec)


class H2Pool(MemberPool):
    """
    Gives streams, from as few connections as have room for them.

    @ivar h2_limits: what the member may do on a connection.
    """

    def __init__(self, runtime: Any, spec: MemberSpec) -> None:
        self._connections: list[H2MemberConnection] = []
        super().__init__(runtime, spec)

    def configure(self, spec: MemberSpec) -> None:
        """
        Take a new spec for the same address.
        """
        # One client that reads slowly must not hold up the others: the window of all is that
        # of each, times their number.
        self._most_streams = self._part(spec)
        self.h2_limits = Limits(
            streams=spec.maxstreams,
            window=_WINDOW,
            connection_window=min(max(spec.maxstreams, 2) * _WINDOW, MOST_WINDOW),
            head=max(spec.responsefieldsize, 65536),
            resets=10**6,
            control=10**4,
        )
        super().configure(spec)
        # A connection is not one client's, so that it cannot be introduced as such.
        self.introduce = None

    def _room(self, spec: MemberSpec) -> int:
        return spec.max

    def _part(self, spec: MemberSpec) -> int:
        """
        Return how many requests may be in progress here: of those in all, an even part.
        """
        most = spec.maxrequests
        return most if self._share is None else self._share.part(most)

    def share(self, share: Share, line: Line[Attempts]) -> None:
        """
        Have limits hold for several processes together.
        """
        super().share(share, line)
        self._most_streams = self._part(self.spec)

    def _is_full(self) -> bool:
        """
        Tell whether C{maxrequests} are in progress, with those that connections are made for.
        """
        most = self._most_streams
        if not most:
            return False
        busy = sum(len(each.connection.streams) for each in self._connections)
        return busy + len(self._openings) >= most

    def _side(self, spec: MemberSpec) -> Any:
        return H2MemberConnection

    @property
    def leaving(self) -> bool:
        """
        Whether connections are to close once nothing is in progress.
        """
        return self._leaving

    @property
    def at_rest(self) -> int:
        """
        How many connections carry no exchange.
        """
        return sum(not each.connection.streams for each in self._connections)

    # -- for the exchange

    def take(self) -> Any:
        """
        Return a stream of the first connection that has room, or C{None}.
        """
        if self._most_streams and self._is_full():
            return None
        for connection in self._connections:
            stream = connection.take()
            if stream is not None:
                return stream
        return None

    def acquire(self, exchange: Attempts) -> None:
        """
        Get the exchange a stream, sooner or later; see L{MemberPool.acquire}.
        """
        stream = self.take()
        if stream is not None:
            # Whoever comes here has failed on a used connection already: that counts.
            stream.reused = False
            exchange.connected(stream)
        elif self._is_full():
            self._queue(exchange)
        elif self.connecting and len(self._waiting) < self.connecting * self.spec.maxstreams:
            self._waiting.add(exchange, exchange.high)
        elif self._may_open():
            self._open(exchange)
        else:
            self._queue(exchange)

    # -- connections

    def opened(self, connection: Any) -> None:
        """
        Take a connection that is ready.
        """
        exchange = self._conclude(connection.opening)
        connection.opening = None
        self._connections.append(connection)
        if exchange is not None:
            exchange.connected(connection.take(fresh=True))
        self._give(fresh=connection)
        connection.freed()

    def opening_failed(self, opening: Opening, error: ConnectFailed | Exhausted) -> None:
        """
        Tell whoever waits that no connection came about.
        """
        exchange = self._conclude(opening)
        self._unreserve()
        waiting = []
        if not self._connections and not self.connecting:
            while self._waiting.size:
                waiting.append(self._next())
        for each in ([exchange] if exchange is not None else []) + waiting:
            each.attempt_failed(error)
        self.serve_waiting()

    def _give(self, fresh: H2MemberConnection | None = None) -> None:
        while self._waiting.size and not self._is_full():
            stream = fresh.take(fresh=True) if fresh is not None else self.take()
            if stream is None:
                return
            link: Any = stream
            self._next().connected(link)

    @property
    def has_room(self) -> bool:
        """
        Whether a request would not have to wait here, but for a connection to be made.
        """
        if self._is_full():
            return False
        rooms = any(each.connection.room > 0 for each in self._connections)
        return rooms or self.has_place

    def put(self, connection: Any) -> None:
        """
        Note that a connection has room again, or nothing to do.
        """
        if self._waiting.size:
            self._give()
        idle = not connection.connection.streams
        if idle and self._yields(False):
            connection.retire()
            return
        if self.sharing is not None:
            self.serve_others()
            idle = not connection.connection.streams
        if idle and connection.deadline == NEVER:
            connection.deadline = self.now() + self.spec.ttl if self.spec.ttl else NEVER

    def closed(self, connection: Any) -> None:
        """
        Note that a connection is gone.
        """
        self._unreserve()
        self._connections.remove(connection)
        self.serve_waiting()
        if self.sharing is not None:
            self.serve_others()

    def serve_waiting(self) -> None:
        """
        Give streams to those that wait, and open connections as far as C{max} allows.
        """
        self._give()
        wanted = self._waiting.size and not self.connecting and not self._is_full()
        if wanted and self._may_open():
            exchange = self._next()
            exchange.opening()
            self._open(exchange)

    def give_way(self) -> None:
        """
        Close a connection without exchanges, if another process waits for one.
        """
        idle = [each for each in self._connections if not each.connection.streams]
        if idle and self._yields(False):
            idle[0].retire()

    def leave(self) -> None:
        """
        Close what is idle, and everything else once its exchanges are over.
        """
        self._leaving = True
        for connection in list(self._connections):
            connection.retire()
