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

    def may_wait(self, most: int) -> bool:
        """
        Tell whether one more may wait, of so many in all.
        """
        ...

    def yields(self, most: int | None, wanted: bool) -> bool:
        """
        Tell whether something that is free now is better given back, for others to take.
        """
        ...
