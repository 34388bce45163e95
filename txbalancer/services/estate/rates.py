"""
Who has how much to pay back, by the rate limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from txbalancer.control.limitviews import LimitView
from txbalancer.core.state import of_type, seconds
from txbalancer.services.limits import Limits

MOST = 20_000
"""Keys of one limit, those with most to pay back: some 700 KB."""

Row = tuple[int, float]


class Rates:
    """
    The tables of all C{[limit:NAME]}.
    """

    name, version = "rates", 1

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float],
        views: Callable[[], Iterable[LimitView]],
    ) -> None:
        """
        @param views: returns what all processes of the service have counted.
        """
        self._limits, self._now, self._views = limits, now, views

    def tell(self) -> dict[str, Any]:
        """
        Return the tables, and what was counted.
        """
        counts = {each.of: each for each in self._views() if each.option == "rate"}
        found = {}
        for name, limiter in self._limits.limiters.items():
            view = counts.get(f"limit {name}")
            found[name] = {
                "key": limiter.spec.key,
                "counts": [0, 0] if view is None else [view.passed, view.refused],
                "rows": limiter.table.owing(self._now(), MOST),
            }
        return found

    def take(self, data: Any) -> Iterator[str]:
        """
        Have keys pay back what they had to.
        """
        now = self._now()
        for name, told in data.items():
            limiter = self._limits.limiters.get(name)
            if limiter is None:
                continue
            rows = [_row(*each) for each in told["rows"][-MOST:]]
            passed, refused = (of_type(int, each) for each in told["counts"])
            limiter.passed += passed
            limiter.refused += refused
            if told["key"] != limiter.spec.key:
                yield f"limit {name} has another key, so that all begin anew"
                continue
            limiter.table.owe(rows, now)


def _row(key: Any, ahead: Any) -> Row:
    return of_type(int, key), seconds(ahead) or 0.0
