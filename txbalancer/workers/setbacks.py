"""
How long to wait before a worker is replaced.
"""

from __future__ import annotations

YOUNG = 5.0
"""A worker that ends within so many seconds is a setback."""

_FREE = 2
"""Setbacks in a row after which nobody waits yet."""

_FIRST, _LONGEST, _ALONE = 0.2, 5.0, 0.5


class Setbacks:
    """
    Counts workers in a row that ended soon after they had begun.

    What makes one end at once may do so with the next; without a pause the machine would do
    nothing but start processes. Where nobody else is at work the pause is short.
    """

    def __init__(self) -> None:
        self.count = 0

    def note(self, age: float) -> None:
        """
        Count a worker that has ended.

        @param age: for how many seconds it had been at work.
        """
        self.count = self.count + 1 if age < YOUNG else 0

    def delay(self, others: bool) -> float:
        """
        Return for how many seconds to wait.

        @param others: whether another worker is there.
        """
        if self.count <= _FREE:
            return 0.0
        longest = _LONGEST if others else _ALONE
        return min(longest, _FIRST * 2.0 ** min(self.count - _FREE - 1, 10))
