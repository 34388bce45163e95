"""
An ejection as a value, and for how long it is.
"""

from __future__ import annotations

from typing import NamedTuple

KINDS = ("failures", "gateway", "local", "percent", "deviation", "latency")
"""Rules that eject."""

_ENDINGS = {1: "st", 2: "nd", 3: "rd"}  # codespell:ignore nd


class Ejection(NamedTuple):
    """
    That a member is left out for what its traffic showed, wherever that was decided.

    @ivar kind: which rule, one of L{KINDS}.
    @ivar cause: what was seen, for people.
    @ivar until: when it is over, by the balancers' clock.
    @ivar times: how many times in a row it was ejected, this one included.
    """

    kind: str
    cause: str
    until: float
    times: int

    def describe(self, now: float) -> str:
        """
        Say it in a line.
        """
        return f"ejected: {self.cause}, for {max(0.0, self.until - now):.0f}s, {self.turn}"

    @property
    def turn(self) -> str:
        """
        The how manieth in a row it is: C{2nd time}.
        """
        return _nth(self.times)


def _nth(number: int) -> str:
    last = 0 if 10 <= number % 100 <= 20 else number % 10
    ending = _ENDINGS.get(last, "th")
    return f"{number}{ending} time"


def term(times: int, base: float, longest: float) -> float:
    """
    Return for how many seconds the C{times}th ejection in a row is.
    """
    return min(base * times, max(base, longest))
