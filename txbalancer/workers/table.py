"""
Numbers that all processes of a service see: a table in shared memory with one writer per cell.

Each worker has a column of its own, in which only it writes; whoever reads adds the columns up.
A cell is eight bytes at an even address, which the machine writes as a whole, so nothing is
locked. What is read may be a moment old.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable

ROWS = 1 << 17
"""Rows of a table. Those that nobody uses take no memory."""

_CELL = 8


class Table:
    """
    @ivar columns: how many workers there can be; the supervisor has column 0.
    @ivar descriptor: of the memory, for other processes.
    """

    def __init__(self, descriptor: int, columns: int) -> None:
        """
        @param descriptor: as L{create_memory} gives it; stays open.
        """
        self.descriptor, self.columns = descriptor, columns
        self._memory = mmap.mmap(descriptor, columns * ROWS * _CELL)
        whole = memoryview(self._memory).cast("q")
        self._columns = [whole[each * ROWS : (each + 1) * ROWS] for each in range(columns)]

    def column(self, number: int) -> memoryview:
        """
        Return the cells of a worker, by row. Only that worker may write there.
        """
        return self._columns[number]

    def total(self, row: int) -> int:
        """
        Return the sum of a row.
        """
        return sum([column[row] for column in self._columns])

    def each(self, row: int) -> list[int]:
        """
        Return the numbers of a row, by worker.
        """
        return [column[row] for column in self._columns]

    def settle(self, number: int, rows: Iterable[int]) -> None:
        """
        Set cells of a worker that is lost to 0.
        """
        column = self._columns[number]
        for row in rows:
            column[row] = 0


def create_memory(columns: int) -> int:
    """
    Make the memory of a table.

    @return: its descriptor; whoever makes a L{Table} of a copy shares the numbers.
    """
    descriptor = os.memfd_create("txbalancer", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, columns * ROWS * _CELL)
    return descriptor


class Rows:
    """
    Which row of a table has what name.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], int] = {}
        self._free: list[int] = []

    def __getitem__(self, name: tuple[str, ...]) -> int:
        """
        Return the row of a name, one of its own.

        @raise LookupError: when all rows are taken.
        """
        found = self._rows.get(name)
        if found is None:
            found = self._free.pop() if self._free else len(self._rows)
            if found >= ROWS:
                raise LookupError(f"no row is left for {' '.join(name)}: there are {ROWS}")
            self._rows[name] = found
        return found

    def forget(self, name: tuple[str, ...]) -> int | None:
        """
        Let a row be used for another name.

        @return: the row, whose cells are to be settled; C{None} when the name had none.
        """
        found = self._rows.pop(name, None)
        if found is not None:
            self._free.append(found)
        return found

    def all(self) -> dict[tuple[str, ...], int]:
        """
        Return the rows by name.
        """
        return dict(self._rows)
