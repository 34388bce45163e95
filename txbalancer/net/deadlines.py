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
_ONE_TURN = 512
"""Connections that are surely looked after in one turn of the loop."""


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
    _expected = NEVER

    def __init__(self, clock: Any, period: float = 0.25) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        """
        self.period = period
        self._timed: set[Timed] = set()
        self._clock = clock
        self._loop = LoopingCall(self._tick)
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
            self._expected = now() + self.period
            self._loop.start(self.period, now=False)

    def stop(self) -> None:
        """
        End sweeping.
        """
        if self._loop.running:
            self._loop.stop()

    def _tick(self) -> None:
        now = self.now()
        late, self._expected = now - self._expected, now + self.period
        if late < self.period:
            self.sweep()
        else:
            self._catch_up(1 + len(self._timed) // _ONE_TURN)

    def _catch_up(self, turns: int) -> None:
        """
        Let the loop, which has been busy, first read what came meanwhile, perhaps in time.
        """
        if turns:
            self._clock.callLater(0, self._catch_up, turns - 1)
        elif self._loop.running:
            self.sweep()

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
