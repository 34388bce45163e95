"""
Limits that hold for several processes together, as far as one of them sees it.
"""

from __future__ import annotations

from typing import Protocol


class Share(Protocol):
    """
    One process's part; see L{workers.shares.Share<txbalancer.workers.shares.Share>}.
    """

    def take(self, most: int | None) -> bool:
        """
        Take one more, of so many in all, if it may be had.
        """
        ...

    def give(self) -> None:
        """
        Have one less.
        """
        ...

    def has_room(self, most: int | None) -> bool:
        """
        Tell whether L{take} would have one; others may be faster.
        """
        ...

    def part(self, most: int) -> int:
        """
        Return an even part of so many.
        """
        ...

    def may_wait(self, most: int, high: bool) -> bool:
        """
        Tell whether one more of a rank may wait, of so many in all.
        """
        ...

    def yields(self, most: int | None, wanted: bool) -> bool:
        """
        Tell whether something that is free now is better given back, for others to take.
        """
        ...
