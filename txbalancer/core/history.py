"""
The last quarter of an hour of a member, in steps of seconds, for graphs and outlooks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from txbalancer.core.meters import Meter, percentile

STEP = 5.0
"""Seconds between two samples."""

KEPT = 180
"""Samples that are kept: 15 minutes."""

_RECENT = 12
"""Steps that count as now: one minute."""


class Sample(NamedTuple):
    """
    One step.

    @ivar requests: exchanges that ended in it; C{errors}: those with a 5xx or without an
        answer because of the member; C{sticky}: those that came for their session.
    @ivar median: half of them took no longer, in seconds; C{slow}: 95 % of them; C{None}
        without exchanges.
    """

    requests: int
    errors: int
    sticky: int
    median: float | None
    slow: float | None


_NOTHING = Sample(0, 0, 0, None, None)


class Percentiles(NamedTuple):
    """
    Spans in seconds that 50, 90, 95 and 99 % of the last minute's exchanges did not exceed;
    C{None} where there were none.
    """

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class History:
    """
    What a meter showed, step by step.

    @ivar samples: L{Sample}s, the oldest first.
    """

    __slots__ = ("_errors", "_requests", "_sticky", "_times", "samples")

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=KEPT)
        self._requests = self._errors = self._sticky = 0
        self._times: deque[Sequence[int]] = deque([()], maxlen=_RECENT + 1)

    def step(self, meter: Meter) -> None:
        """
        Note what came since the last step.
        """
        requests = meter.requests
        if requests == self._requests:
            self.samples.append(_NOTHING)
            self._times.append(self._times[-1])
            return
        errors = meter.classes[5] + meter.classes[0]
        before, now = self._times[-1], tuple(meter.total.counts)
        times = _less(now, before)
        self.samples.append(
            Sample(
                requests - self._requests,
                errors - self._errors,
                meter.sticky - self._sticky,
                percentile(times, 0.5),
                percentile(times, 0.95),
            )
        )
        self._times.append(now)
        self._requests, self._errors, self._sticky = requests, errors, meter.sticky

    def percentiles(self) -> Percentiles:
        """
        Return those of the last minute.
        """
        times = _less(self._times[-1], self._times[0])
        return Percentiles(*(percentile(times, part) for part in (0.5, 0.9, 0.95, 0.99)))

    def rate(self) -> float:
        """
        Return exchanges per second over the last minute, or as much of it as there was.
        """
        recent = self.recent(_RECENT)
        return sum(each.requests for each in recent) / (STEP * len(recent)) if recent else 0.0

    def recent(self, steps: int, back: int = 0) -> list[Sample]:
        """
        Return the last samples.

        @param back: how many of the very last to leave out.
        """
        samples = list(self.samples)
        end = max(0, len(samples) - back)
        return samples[max(0, end - steps) : end]


def _less(now: Sequence[int], before: Sequence[int]) -> Sequence[int]:
    if not before:
        return now
    return [its - was for its, was in zip(now, before, strict=True)]


class Outlook(NamedTuple):
    """
    How far the draining of a member is.

    @ivar busy: attempts in progress.
    @ivar sticky: requests of sessions in the last minute, and C{before} in the one before.
    @ivar quiet: seconds without one of them, as far as is known.
    @ivar done: nothing is in progress and the last session was heard a minute ago or more.
    @ivar left: estimated seconds to the end; 0 when done, C{None} when it cannot be told:
        sessions do not become fewer, or all are gone and a long exchange is left.
    @ivar early: it cannot be told yet, for one of these minutes was before the drain.
    """

    busy: int
    sticky: int
    before: int
    quiet: float
    done: bool
    left: float | None
    early: bool = False


def outlook(history: History, busy: int, sessions: bool = True, lasted: float = inf) -> Outlook:
    """
    Estimate when a draining member will be empty.

    Sessions are taken to leave at the rate of the last two minutes: what was halved in one
    will be halved in the next, until less than one request a minute is left. Half a minute
    of silence tells that they have gone already.

    @param busy: attempts in progress.
    @param sessions: whether the balancer has any; without them only these attempts are left.
    @param lasted: seconds since the drain began; 0 for a member that does not drain.
    """
    last = sum(each.sticky for each in history.recent(_RECENT))
    before = sum(each.sticky for each in history.recent(_RECENT, _RECENT))
    steps = 0
    for each in reversed(history.samples):
        if each.sticky:
            break
        steps += 1
    quiet = steps * STEP
    minute, early = _RECENT * STEP, False
    done = not busy and (not sessions or (not last and steps >= _RECENT))
    if done:
        left: float | None = 0.0
    elif quiet >= minute or not sessions:
        left = None
    elif not last or quiet >= minute / 2:
        left = minute - quiet
    elif lasted < 2 * minute:
        left, early = None, True
    elif before > last:
        left, traffic = minute, float(last)
        while traffic >= 1.0:
            traffic *= last / before
            left += minute
    else:
        left = None
    return Outlook(busy, last, before, quiet, done, left, early)
