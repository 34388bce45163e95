"""
What every part of the data path shares: the clocks, the deadlines, the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from txbalancer.core.counting import Counting
from txbalancer.core.outcome import Outcome
from txbalancer.net.deadlines import Deadlines
from txbalancer.net.pipes import Pipes
from txbalancer.net.turnstile import Turnstile

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Runtime:
    """
    The surroundings of exchanges.

    @ivar reactor: the Twisted reactor.
    @ivar now: monotonic seconds.
    @ivar wall: seconds since the epoch.
    @ivar deadlines: every connection with a deadline.
    @ivar pipes: by which bulk goes from socket to socket.
    @ivar turnstile: what keeps the last descriptors for those who need them.
    @ivar counting: makes what counts for limits.
    @ivar finish: takes the L{Outcome} of each exchange, once.
    @ivar channel: makes the client side of a connection of HTTP/1; C{None}: the usual one.
    """

    __slots__ = (
        "_date",
        "_date_second",
        "channel",
        "counting",
        "deadlines",
        "finish",
        "now",
        "pipes",
        "reactor",
        "turnstile",
        "wall",
    )

    def __init__(
        self,
        reactor: Any,
        finish: Callable[[Outcome], None],
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        counting: Counting | None = None,
    ) -> None:
        self.counting = counting or Counting()
        self.reactor = reactor
        self.finish = finish
        self.channel: Callable[[Any], Any] | None = None
        self.now = now
        self.wall = wall
        self.deadlines = Deadlines(reactor)
        self.pipes = Pipes()
        self.turnstile = Turnstile(reactor)
        self._date_second = -1
        self._date = b""

    def date_line(self) -> bytes:
        """
        Return the Date header line of this second, for an answer that has none (RFC 9110 6.6.1).
        """
        second = int(self.wall())
        if second != self._date_second:
            self._date_second = second
            t = time.gmtime(second)
            self._date = (
                f"Date: {_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year}"
                f" {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
            ).encode("ascii")
        return self._date
