"""
Little graphs of the last quarter of an hour, drawn here so that they need no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from txbalancer.core.history import KEPT, STEP, History, Sample

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
        not; C{None} where there were none.
    """

    requests: Sequence[float]
    errors: Sequence[float]
    median: Sequence[float | None]
    slow: Sequence[float | None]


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
    Join samples to points.

    @param wall: seconds since the epoch. A point begins at a multiple of its length, so that
        it moves to the left and keeps its height.
    """
    samples = list(history.samples)
    # The last point may be at its beginning still.
    newest = int(wall / STEP) % _JOINED + 1
    ends = range(len(samples) - newest, 0, -_JOINED)
    joined = [samples[max(0, end - _JOINED) : end] for end in reversed(ends)]
    joined = [*joined[1 - POINTS :], samples[-newest:]] if samples else []
    return Trace(
        [sum([each.requests for each in some]) / (STEP * len(some)) for some in joined],
        [sum([each.errors for each in some]) / (STEP * len(some)) for some in joined],
        [_mean(some) for some in joined],
        [max([each.slow or 0.0 for each in some]) or None for some in joined],
    )


def _mean(samples: Iterable[Sample]) -> float | None:
    found = [each.median for each in samples if each.median is not None]
    return sum(found) / len(found) if found else None


def scale(traces: Iterable[Trace]) -> Scale:
    """
    Find out what the highest points are.
    """
    requests = errors = seconds = 0.0
    for each in traces:
        requests = max(requests, *each.requests, 0.0)
        errors = max(errors, *each.errors, 0.0)
        seconds = max(seconds, max([slow or 0.0 for slow in each.slow], default=0.0))
    return Scale(requests, errors, seconds)


def area(values: Sequence[float | None], most: float) -> str:
    """
    Draw values as an area: the C{d} of an SVG path, within C{POINTS} x C{HEIGHT}.

    @param most: what is at the top; values are not above it.
    @return: empty where there is nothing but zeros.
    """
    start = POINTS - len(values)
    pieces: list[str] = []
    open_at = -1
    for x, value in enumerate(values, start):
        if value:
            if open_at < 0:
                open_at = x
                pieces.append(f"M{x},{HEIGHT}")
            # A trace of something is seen, however small.
            pieces.append(f"V{min(HEIGHT - 1, HEIGHT - value / most * HEIGHT):.1f}H{x + 1}")
        elif open_at >= 0:
            open_at = -1
            pieces.append(f"V{HEIGHT}Z")
    if open_at >= 0:
        pieces.append(f"V{HEIGHT}Z")
    return "".join(pieces)
