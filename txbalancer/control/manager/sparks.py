"""
Little graphs of the last quarter of an hour, drawn here so that they need no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from txbalancer.core.history import JOINED, KEPT, History

POINTS = KEPT // JOINED
"""Width of a graph, one for each point of 15 seconds."""

HEIGHT = 20
"""Height of a graph."""


class Scale(NamedTuple):
    """
    What fills a graph to its top. Members of a balancer share it, for they are compared.

    @ivar requests: a second, as C{errors}.
    @ivar seconds: of the slow ones.
    """

    requests: float
    errors: float
    seconds: float


def top(history: History) -> Scale:
    """
    Find out what the highest points of a member are.
    """
    requests, errors, _, slow = history.recent().tops
    return Scale(requests, errors, slow)


def scale(tops: Iterable[Scale]) -> Scale:
    """
    Find out what the highest points of all are.
    """
    columns = zip(Scale(0.0, 0.0, 0.0), *tops, strict=True)
    return Scale(*map(max, columns))


def area(values: Sequence[float], most: float) -> str:
    """
    Draw values as an area: the C{d} of an SVG path, within C{POINTS} x C{HEIGHT}.

    @param most: what is at the top; values are not above it.
    @return: empty where there is nothing but zeros.
    """
    if not any(values):
        return ""  # nearly all graphs of errors
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
