"""
Limits that hold for all workers together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

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
        "_cells",
        "_fence",
        "_number",
        "_table",
        "_taken",
        "_waiting",
        "_workers",
        "on_wait",
    )

    def __init__(self, table: Table, number: int, taken: int, waiting: int, workers: int) -> None:
        """
        @param number: the worker's own column.
        @param taken: the row of what each has; C{waiting}: the row of how many wait for it.
        @param workers: how many share it.
        """
        self._table, self._number, self._workers = table, number, workers
        self._taken, self._waiting = taken, waiting
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
        if most and cells[row] >= max(1, most // self._workers) and self._poorer(most):
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

    def may_wait(self, most: int) -> bool:
        """
        Tell whether one more may wait here, of so many in all; L{waits} has to follow.
        """
        cells, row = self._cells, self._waiting
        cells[row] += 1
        if self._sum(row) > most:
            cells[row] -= 1
            return False
        return True

    def waits(self, number: int) -> None:
        """
        Note how many wait here.
        """
        self._cells[self._waiting] = number
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
        return self._cells[self._taken] > most // self._workers and self._poorer(most)

    def _sum(self, row: int) -> int:
        # What was written must be seen by all before anything is read: locks are for that, too.
        with self._fence:
            return self._table.total(row)

    def _poorer(self, most: int) -> bool:
        """
        Tell whether another one waits that has less than an even part.
        """
        part = max(1, most // self._workers)
        taken, waiting = self._table.each(self._taken), self._table.each(self._waiting)
        return any(
            waiting[number] and taken[number] < part
            for number in range(len(waiting))
            if number != self._number
        )


class Line(deque[Any]):
    """
    Those who wait here for something that is shared.
    """

    def __init__(self, share: Share, waiting: deque[Any]) -> None:
        super().__init__(waiting)
        self._share = share

    def append(self, item: Any) -> None:
        """
        Let one more wait.
        """
        super().append(item)
        self._share.waits(len(self))

    def popleft(self) -> Any:
        """
        Let the first one go.
        """
        found = super().popleft()
        self._share.waits(len(self))
        return found

    def remove(self, item: Any) -> None:
        """
        Let somebody go.
        """
        super().remove(item)
        self._share.waits(len(self))

    def clear(self) -> None:
        """
        Let all go.
        """
        super().clear()
        self._share.waits(0)
