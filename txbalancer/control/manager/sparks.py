"""
Little graphs of the last quarter of an hour, drawn here so that they need no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from txbalancer.core.history import KEPT, STEP, History

_Number = TypeVar("_Number", int, float)

_JOINED = 3
"""Samples that make one point: 15 seconds."""

POINTS = KEPT // _JOINED
"""Width of a graph, one for each point."""

HEIGHT = 20
"""Height of a graph."""


class Trace(NamedTuple):
    """
    What a member's graphs show, the oldest first; the last one is of now.

    @ivar requests: a second; C{errors} as well.
    @ivar median: seconds that half of the exchanges did not exceed, C{slow} that 95 % did
        not; 0 where there were none.
    """

    requests: Sequence[float]
    errors: Sequence[float]
    median: Sequence[float]
    slow: Sequence[float]


class Scale(NamedTuple):
    """
    What fills a graph to its top. Members of a balancer share it, for they are compared.

    @ivar requests: a second, as C{errors}.
    @ivar seconds: of the slow ones.
    """

    requests: float
    errors: float
    seconds: float


def trace(history: History, wall: float) -> Trace:
    """
    Join samples to points: rates are those over a point, times the longest in it.

    @param wall: seconds since the epoch. A point begins at a multiple of its length, so that
        it moves to the left and keeps its height.
    """
    samples = history.samples
    if not samples:
        return Trace((), (), (), ())
    # The last point may be at its beginning still.
    newest = min(int(wall / STEP) % _JOINED + 1, len(samples))
    missing = -(len(samples) - newest) % _JOINED
    columns = list(zip(*samples, strict=True))
    requests, errors = (_rates(columns[place], newest, missing) for place in (0, 1))
    median, slow = (_longest(columns[place], newest, missing) for place in (3, 4))
    return Trace(requests, errors, median, slow)


def _rates(counts: Sequence[int], newest: int, missing: int) -> Sequence[float]:
    joined = _threes((*(0,) * missing, *counts[:-newest]))
    points = [(a + b + c) / (STEP * _JOINED) for a, b, c in joined]
    return [*points[1 - POINTS :], sum(counts[-newest:]) / (STEP * newest)]


def _longest(times: Sequence[float | None], newest: int, missing: int) -> Sequence[float]:
    known = [each or 0.0 for each in times]
    joined = _threes((*(0.0,) * missing, *known[:-newest]))
    points = [max(some) for some in joined]
    return [*points[1 - POINTS :], max(known[-newest:])]


def _threes(values: Sequence[_Number]) -> Iterator[tuple[_Number, _Number, _Number]]:
    return zip(values[0::3], values[1::3], values[2::3], strict=True)


def scale(traces: Iterable[Trace]) -> Scale:
    """
    Find out what the highest points are.
    """
    requests = errors = seconds = 0.0
    for each in traces:
        requests = max(requests, *each.requests, 0.0)
        errors = max(errors, *each.errors, 0.0)
        seconds = max(seconds, *each.slow, 0.0)
    return Scale(requests, errors, seconds)


def area(values: Sequence[float], most: float) -> str:
    """
    Draw values as an area: the C{d} of an SVG path, within C{POINTS} x C{HEIGHT}.

    @param most: what is at the top; values are not above it.
    @return: empty where there is nothing but zeros.
    """
    if not any(values):
        return ""
    start = POINTS - len(values)
    pieces, last = [f"M{start},{HEIGHT}"], HEIGHT
    for x, value in enumerate(values, start):
        # A trace of something is seen, however small.
        top = HEIGHT - (int(value / most * HEIGHT + 0.5) or 1) if value else HEIGHT
        if top != last:
            pieces.append(f"H{x}V{top}")
            last = top
    pieces.append(f"H{POINTS}V{HEIGHT}Z")
    return "".join(pieces)
