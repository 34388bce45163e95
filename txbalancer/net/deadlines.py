"""
Deadlines without timers: each connection holds a number, one sweep looks at all.

A C{callLater} per request costs more than the rest of its bookkeeping; a sweep over
ten thousand idle connections costs less than a millisecond (ADR 0004).
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

NEVER = float("inf")


class Timed(Protocol):
    """
    Something with a deadline.

    @ivar deadline: monotonic seconds, L{NEVER} for none.
    """

    deadline: float

    def expired(self, now: float) -> None:
        """
        Act on a deadline that has passed; it must move the deadline or leave.
        """


class Deadlines:
    """
    The connections of a service, swept for passed deadlines.

    @ivar period: seconds between sweeps, and so the coarseness of every deadline.
    """

    log = Logger()

    def __init__(self, clock: Any, period: float = 0.25) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        """
        self.period = period
        self._timed: set[Timed] = set()
        self._loop = LoopingCall(self.sweep)
        self._loop.clock = clock
        self.add = self._timed.add
        self.discard = self._timed.discard

    def start(self, now: Any) -> None:
        """
        Begin sweeping.

        @param now: a callable that returns monotonic seconds.
        """
        self.now = now
        if not self._loop.running:
            self._loop.start(self.period, now=False)

    def stop(self) -> None:
        """
        End sweeping.
        """
        if self._loop.running:
            self._loop.stop()

    def sweep(self) -> None:
        """
        Call L{Timed.expired} on everything that is late.
        """
        now = self.now()
        late = [each for each in self._timed if each.deadline <= now]
        for each in late:
            if each.deadline > now or each not in self._timed:
                # What another one did in this sweep was in time for it.
                continue
            try:
                each.expired(now)
            except Exception:
                # One broken connection must not end the sweep for all others.
                self.log.failure("a deadline could not be acted on")

    def __len__(self) -> int:
        return len(self._timed)

    def each(self) -> list[Timed]:
        """
        Return what is timed now, as a copy.
        """
        return list(self._timed)
