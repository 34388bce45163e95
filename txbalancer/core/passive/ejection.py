"""
An ejection as a value, and for how long it is.
"""

from __future__ import annotations

from typing import NamedTuple

KINDS = ("failures", "gateway", "local", "percent", "deviation", "latency")
"""Rules that eject."""


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
        return f"ejected: {self.cause}, for {max(0.0, self.until - now):.0f}s, {_nth(self.times)}"


def _nth(number: int) -> str:
    teens = 10 <= number % 100 <= 20
    ending = (
        "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )  # codespell:ignore nd
    return f"{number}{ending} time"


def term(times: int, base: float, longest: float) -> float:
    """
    Return for how many seconds the C{times}th ejection in a row is.
    """
    return min(base * times, max(base, longest))
