"""
The last quarter of an hour of a member, in steps of seconds, for graphs and outlooks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice, takewhile
from math import inf
from operator import sub
from typing import Any, NamedTuple

from txbalancer.core.meters import BOUNDS, Meter, percentiles

STEP = 5.0
"""Seconds between two samples."""

KEPT = 180
"""Samples that are kept: 15 minutes."""

JOINED = 3
"""Samples that make one point of a graph: 15 seconds."""

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


class Points(NamedTuple):
    """
    Samples joined three by three for graphs, the oldest first; the last one may be at its
    beginning still.

    @ivar requests: a second; C{errors} as well.
    @ivar median: the longest of the samples; 0 where there were no exchanges; C{slow} as well.
    """

    requests: deque[float]
    errors: deque[float]
    median: deque[float]
    slow: deque[float]


class Recent(NamedTuple):
    """
    The last minute, and how high graphs are.

    @ivar requests: exchanges in it; C{errors}: those of them that were errors.
    @ivar rate: exchanges a second, over as much of the minute as there was.
    @ivar tops: the highest of each column of L{Points}.
    """

    requests: int
    errors: int
    rate: float
    tops: tuple[float, ...]


class History:
    """
    What a meter showed, step by step; the oldest sample comes first.

    Samples are kept by columns: tuples of thousands of members would be the most that garbage
    collection has to look at.

    @ivar steps: how many samples were ever taken.
    @ivar requests: those of L{Sample}; C{errors}, C{sticky}, C{median} and C{slow} as well.
    """

    __slots__ = (
        "_errors",
        "_recent",
        "_requests",
        "_sticky",
        "_times",
        "errors",
        "median",
        "points",
        "requests",
        "slow",
        "steps",
        "sticky",
    )

    def __init__(self) -> None:
        self.steps = 0
        self.requests: deque[int] = deque(maxlen=KEPT)
        self.errors: deque[int] = deque(maxlen=KEPT)
        self.sticky: deque[int] = deque(maxlen=KEPT)
        self.median: deque[float | None] = deque(maxlen=KEPT)
        self.slow: deque[float | None] = deque(maxlen=KEPT)
        self.points = Points(*(deque(maxlen=KEPT // JOINED) for _ in Points._fields))
        self._requests = self._errors = self._sticky = 0
        self._recent: Recent | None = None
        self._times: deque[Sequence[int]] = deque([()], maxlen=_RECENT + 1)

    def step(self, meter: Meter) -> None:
        """
        Note what came since the last step.
        """
        requests = meter.requests
        if requests == self._requests:
            self.note(_NOTHING)
            self._times.append(self._times[-1])
            return
        errors = meter.classes[5] + meter.classes[0]
        before, now = self._times[-1], tuple(meter.total.counts)
        median, slow = percentiles(_less(now, before), (0.5, 0.95))
        self.note(
            Sample(
                requests - self._requests,
                errors - self._errors,
                meter.sticky - self._sticky,
                median,
                slow,
            )
        )
        self._times.append(now)
        self._requests, self._errors, self._sticky = requests, errors, meter.sticky

    def note(self, sample: Sample) -> None:
        """
        Add a sample.
        """
        self._recent = None
        self.requests.append(sample.requests)
        self.errors.append(sample.errors)
        self.sticky.append(sample.sticky)
        self.median.append(sample.median)
        self.slow.append(sample.slow)
        if self.steps % JOINED == 0:
            for kept in self.points:
                kept.append(0.0)
        self.steps += 1
        if sample.requests or self.points.requests[-1]:
            self._join(sample)

    def as_json(self) -> dict[str, Any]:
        """
        Write everything down, of JSON's types.
        """
        last = self._times[-1]
        return {
            "steps": self.steps,
            "samples": [list(getattr(self, name)) for name in Sample._fields],
            "counted": [self._requests, self._errors, self._sticky],
            "times": _sparse(last),
            "before": [_sparse(_less(last, each)) for each in list(self._times)[:-1]],
        }

    @classmethod
    def of_json(cls, data: Any) -> History:
        """
        Make one of what L{as_json} wrote; its next step counts from there on.

        @raise ValueError: when it is something else; also L{TypeError} and L{KeyError}.
        """
        made = cls()
        columns = [list(each)[-KEPT:] for each in data["samples"]]
        made.steps = _count(data["steps"]) - len(columns[0])
        for sample in map(Sample, *_even(columns)):
            # Points of a graph begin where they began there.
            made.note(Sample(*map(_count, sample[:3]), *map(_span, sample[3:])))
        made._requests, made._errors, made._sticky = map(_count, data["counted"])
        last = _dense(data["times"])
        before = [_less(last, _dense(each)) for each in data["before"][-_RECENT:]]
        made._times = deque([*before, last], maxlen=_RECENT + 1)
        return made

    def _join(self, sample: Sample) -> None:
        place = (self.steps - 1) % JOINED
        points = self.points
        for kept, count in ((points.requests, sample.requests), (points.errors, sample.errors)):
            kept[-1] = (kept[-1] * place + count / STEP) / (place + 1)
        for kept, time in ((points.median, sample.median), (points.slow, sample.slow)):
            kept[-1] = max(kept[-1], time or 0.0)

    @property
    def samples(self) -> list[Sample]:
        """
        All that are kept.
        """
        columns = (self.requests, self.errors, self.sticky, self.median, self.slow)
        return list(map(Sample, *columns))

    def percentiles(self) -> Percentiles:
        """
        Return those of the last minute.
        """
        times = _less(self._times[-1], self._times[0])
        return Percentiles(*percentiles(times, (0.5, 0.9, 0.95, 0.99)))

    def recent(self) -> Recent:
        """
        Return what is the same until the next sample.
        """
        if self._recent is None:
            requests, steps = lately(self.requests), min(len(self.requests), _RECENT)
            self._recent = Recent(
                requests,
                lately(self.errors),
                requests / (STEP * steps) if steps else 0.0,
                tuple(max(each, default=0.0) for each in self.points),
            )
        return self._recent

    def rate(self) -> float:
        """
        Return exchanges per second over the last minute, or as much of it as there was.
        """
        return self.recent().rate


def lately(counts: deque[int], back: int = 0) -> int:
    """
    Sum the counts of the last minute.

    @param back: how many minutes before it to sum those of instead.
    """
    end = len(counts) - back * _RECENT
    return sum(islice(counts, max(0, end - _RECENT), max(0, end)))


def _less(now: Sequence[int], before: Sequence[int]) -> Sequence[int]:
    if not before:
        return now
    return list(map(sub, now, before))


def _sparse(counts: Sequence[int]) -> dict[str, int]:
    return {str(place): count for place, count in enumerate(counts) if count}


def _dense(counts: Any) -> list[int]:
    found = [0] * (len(BOUNDS) + 1)
    for place, count in counts.items():
        found[_count(int(place))] = _count(count)
    return found


def _even(columns: list[list[Any]]) -> list[list[Any]]:
    if len(columns) != len(Sample._fields) or len({len(each) for each in columns}) != 1:
        raise ValueError("the columns of samples are not alike")
    return columns


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{value!r} is no count")
    return value


def _span(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value < 1 << 31:
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)


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
    last, before = lately(history.sticky), lately(history.sticky, 1)
    steps = sum(1 for _ in takewhile(lambda sticky: not sticky, reversed(history.sticky)))
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
