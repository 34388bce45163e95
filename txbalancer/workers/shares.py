"""
Limits that hold for all workers together.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

from txbalancer.core import lines
from txbalancer.workers.table import Table


class Share:
    """
    One worker's part of what there may be so much of in all, such as connections to a member.

    Who wants one more writes it down, then adds up what all have written, and takes it back where
    that is too much: so there are never more, whoever else does the same at that moment.

    While somebody waits who has less than an even part of it, nobody takes more than that.

    @ivar on_wait: called when somebody begins to wait.
    """

    __slots__ = (
        "_ahead",
        "_cells",
        "_fence",
        "_number",
        "_table",
        "_taken",
        "_waiting",
        "on_wait",
    )

    def __init__(
        self,
        table: Table,
        number: int,
        taken: int,
        waiting: int,
        ahead: int | None = None,
    ) -> None:
        """
        @param number: the worker's own column.
        @param taken: the row of what each has; C{waiting}: the row of how many wait for it;
            C{ahead}: the row of how many of these are of the higher rank, where ranks count.
        """
        self._table, self._number = table, number
        self._taken, self._waiting, self._ahead = taken, waiting, ahead
        self._cells = table.column(number)
        self._fence = Lock()
        self.on_wait: Callable[[], object] = lambda: None

    def begin(self, taken: int) -> None:
        """
        Count what is there already, beside what a former one of the same name may still have.
        """
        self._cells[self._taken] += taken

    def take(self, most: int | None) -> bool:
        """
        Take one more.

        @param most: how many there may be in all; 0 or C{None} for no limit.
        @return: whether it may be had.
        """
        cells, row = self._cells, self._taken
        if most and cells[row] >= max(1, most // self._table.workers) and self._poorer(most):
            return False
        cells[row] += 1
        if most and self._sum(row) > most:
            cells[row] -= 1
            return False
        return True

    def give(self) -> None:
        """
        Have one less.
        """
        self._cells[self._taken] -= 1

    def has_room(self, most: int | None) -> bool:
        """
        Tell whether L{take} would have one; others may be faster.
        """
        if not most:
            return True
        even = max(1, most // self._table.workers)
        if self._cells[self._taken] >= even and self._poorer(most):
            return False
        return self._table.total(self._taken) < most

    def part(self, most: int) -> int:
        """
        Return an even part of so many; 0 for 0, which stands for any number.
        """
        return -(-most // self._table.workers)

    def may_wait(self, most: int, high: bool = False) -> bool:
        """
        Tell whether one more of a rank may wait here, of so many in all; L{waits} has to follow.
        """
        cells, row, ahead = self._cells, self._waiting, self._ahead
        cells[row] += 1
        others = 0
        if ahead is not None and high:
            cells[ahead] += 1
            row, others = ahead, 0
        elif ahead is not None:
            others = self._table.total(ahead)
        if self._sum(row) - others <= most:
            return True
        cells[self._waiting] -= 1
        if ahead is not None and high:
            cells[ahead] -= 1
        return False

    def waits(self, number: int, high: int = 0) -> None:
        """
        Note how many wait here, and how many of these are of the higher rank.
        """
        self._cells[self._waiting] = number
        if self._ahead is not None:
            self._cells[self._ahead] = high
        if number:
            self.on_wait()

    def yields(self, most: int | None, wanted: bool) -> bool:
        """
        Tell whether something that is free now is better given back, for others to take.

        @param wanted: whether somebody waits for it here.
        """
        if not most or self._table.total(self._waiting) == self._cells[self._waiting]:
            return False
        if self._table.total(self._taken) < most:
            return False  # they can take one
        if not wanted:
            return True
        return self._cells[self._taken] > most // self._table.workers and self._poorer(most)

    def is_scarce(self, most: int) -> bool:
        """
        Tell whether not every worker can have one, and somebody waits in another.
        """
        if not 0 < most < self._table.workers:
            return False
        return self._table.total(self._waiting) != self._cells[self._waiting]

    def _sum(self, row: int) -> int:
        # What was written must be seen by all before anything is read: locks are for that, too.
        with self._fence:
            return self._table.total(row)

    def _poorer(self, most: int) -> bool:
        """
        Tell whether another one waits that has less than an even part.
        """
        part = max(1, most // self._table.workers)
        taken, waiting = self._table.each(self._taken), self._table.each(self._waiting)
        return any(
            waiting[number] and taken[number] < part
            for number in range(len(waiting))
            if number != self._number
        )


class Waits(Protocol):
    """
    What is told how many wait.
    """

    def waits(self, number: int, high: int = 0) -> None: ...


class Line(lines.Line[Any]):
    """
    Those who wait here for something that is shared.
    """

    __slots__ = ("_share",)

    def __init__(self, share: Waits, line: lines.Line[Any]) -> None:
        """
        @param line: those who have waited so far.
        """
        super().__init__()
        self._share = share
        self._high, self._normal, self.size = line._high, line._normal, line.size
        self._tell()

    def _tell(self) -> None:
        self._share.waits(self.size, len(self._high))

    def add(self, each: Any, high: bool = False) -> None:
        """
        Let one more wait.
        """
        super().add(each, high)
        self._tell()

    def take(self) -> Any:
        """
        Let the first one go.
        """
        found = super().take()
        self._tell()
        return found

    def discard(self, each: Any) -> bool:
        """
        Let somebody go.
        """
        found = super().discard(each)
        if found:
            self._tell()
        return found
