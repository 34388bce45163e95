"""
What happens again and again, as something that begins and ends.
"""

from __future__ import annotations

from math import inf

CALM = 10.0
"""Seconds without growth after which it is over."""


class Surge:
    """
    Looks at a count that only grows.

    @ivar more: by how much it has grown since it began to; 0 while it does not.
    """

    __slots__ = ("_known", "_last", "more")

    def __init__(self) -> None:
        self._known = self.more = 0
        self._last = -inf

    def look(self, count: int, now: float) -> int | None:
        """
        Look at the count, every second or so.

        @return: 0 where it has begun to grow; where that is over, by how much it had grown.
        """
        grown = count - self._known if count >= self._known else count
        self._known = count
        if grown:
            began = not self.more
            self.more += grown
            self._last = now
            return 0 if began else None
        if not self.more or now < self._last + CALM:
            return None
        total, self.more = self.more, 0
        return total
