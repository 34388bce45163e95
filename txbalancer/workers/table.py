"""
Numbers that all processes of a service see: a table in shared memory with one writer per cell.

Each process has a column of its own, in which only it writes; whoever reads adds the columns up.
The supervisor writes in that of a process that is over. A cell is eight bytes at an even address,
which the machine writes as a whole, so nothing is locked. What is read may be a moment old.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Container, Iterable

ROWS = 1 << 17
"""Rows of a table. Those that nobody uses take no memory."""

COLUMNS = 1100
"""Columns of a table: for twice as many workers as there may be, since one that leaves and the
one in its place may be there both; unused ones take no memory either."""

USED, BEAT, EDITION, OPEN, TAKEN, LOAD = range(6)
"""Rows with a meaning of their own: how many columns are in use (the supervisor's cell only), when
the process gave a sign of life (nanoseconds of C{CLOCK_MONOTONIC}), by which edition of the
configuration it serves (0: it takes no connections), how many connections it has, how many it has
ever been passed by others, and for how much of the time it is busy (thousandths)."""

SENT = 8
"""First of the rows, one for each column, of how many connections were ever passed to it."""

NAMED = SENT + COLUMNS
"""First of the rows that L{Rows} gives away."""

GUESTS = 1 << 18
"""Further cells of each column, for what clients have: see L{guests<txbalancer.workers.guests>}."""

_FEW = 1000
"""Rows that may be kept, whether or not anybody needs them."""

_CELL = 8
_SECRET = 64
_OF_ROWS = COLUMNS * ROWS * _CELL
_OF_GUESTS = COLUMNS * GUESTS * _CELL
_SIZE = _OF_ROWS + _OF_GUESTS + _SECRET


class Table:
    """
    @ivar descriptor: of the memory, for other processes.
    @ivar secret: what only the processes that share it know.
    @ivar workers: how many workers there are to be, as far as this process knows.
    """

    def __init__(self, descriptor: int) -> None:
        """
        @param descriptor: as L{create_memory} gives it; stays open.
        """
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, _SIZE)
        self.secret = self._memory[-_SECRET:]
        self.workers = 1
        whole = memoryview(self._memory)
        rows = whole[:_OF_ROWS].cast("q")
        guests = whole[_OF_ROWS:-_SECRET].cast("q")
        self._all = [rows[each * ROWS : (each + 1) * ROWS] for each in range(COLUMNS)]
        self._guests = [guests[each * GUESTS : (each + 1) * GUESTS] for each in range(COLUMNS)]
        self._used = 1
        self._columns = self._all[:1]

    @property
    def used(self) -> int:
        """
        How many columns are or were in use; the supervisor has column 0.
        """
        return max(1, self._all[0][USED])

    def use(self, number: int) -> None:
        """
        Have a column counted from now on; for the supervisor.
        """
        self._all[0][USED] = max(self.used, number + 1)

    def column(self, number: int) -> memoryview:
        """
        Return the cells of a process, by row. Only that process may write there.
        """
        return self._all[number]

    def others(self, number: int) -> list[memoryview]:
        """
        Return the cells of all columns in use but one and the supervisor's.
        """
        used = range(1, self.used)
        return [self._all[each] for each in used if each != number]

    def guests(self, number: int) -> memoryview:
        """
        Return the cells of a process for what its clients have.
        """
        return self._guests[number]

    def guests_elsewhere(self, number: int) -> list[memoryview]:
        """
        Return those of all columns in use but one and the supervisor's.
        """
        return [self._guests[each] for each in range(1, self.used) if each != number]

    def each(self, row: int) -> list[int]:
        """
        Return the numbers of a row, by column.
        """
        if self._used != self._all[0][USED]:
            self._used = self.used
            self._columns = self._all[: self._used]
        return [column[row] for column in self._columns]

    def total(self, row: int) -> int:
        """
        Return the sum of a row.
        """
        return sum(self.each(row))

    def coming(self, number: int) -> int:
        """
        Return how many connections are on their way to a process, by its column.
        """
        # In this order: what is sent and taken between the two looks must not be missing.
        taken = self._all[number][TAKEN]
        return max(0, self.total(SENT + number) - taken)

    def settle(self, number: int, rows: Iterable[int]) -> None:
        """
        Set cells of a process that is over to 0.
        """
        column = self._all[number]
        for row in rows:
            column[row] = 0
        start = _OF_ROWS + number * GUESTS * _CELL
        self._memory.madvise(mmap.MADV_REMOVE, start, GUESTS * _CELL)


def create_memory() -> int:
    """
    Make the memory of a table.

    @return: its descriptor; whoever makes a L{Table} of a copy shares the numbers.
    """
    descriptor = os.memfd_create("txbalancer", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, _SIZE)
    os.pwrite(descriptor, os.urandom(_SECRET), _SIZE - _SECRET)
    return descriptor


class Rows:
    """
    Which row of a table has what name.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], int] = {}
        self._free: list[int] = []
        self._most = _FEW

    def __getitem__(self, name: tuple[str, ...]) -> int:
        """
        Return the row of a name, one of its own.

        @raise LookupError: when all rows are taken.
        """
        found = self._rows.get(name)
        if found is None:
            found = self._free.pop() if self._free else NAMED + len(self._rows)
            if found >= ROWS:
                most = ROWS - NAMED
                raise LookupError(f"no row is left for {' '.join(name)}: there are {most}")
            self._rows[name] = found
        return found

    @property
    def many(self) -> bool:
        """
        Whether there are so many that L{reclaim} is worth the look at all.
        """
        return len(self._rows) >= self._most

    def reclaim(self, wanted: Container[tuple[str, ...]], idle: Callable[[int], bool]) -> None:
        """
        Let rows be used for other names: members come and go for as long as a service runs.

        @param wanted: the names that are needed.
        @param idle: tells whether nobody counts in a row any more; connections to a member that
            is gone may last.
        """
        for name, row in list(self._rows.items()):
            if name not in wanted and idle(row):
                del self._rows[name]
                self._free.append(row)
        self._most = max(_FEW, 2 * len(self._rows))

    def all(self) -> dict[tuple[str, ...], int]:
        """
        Return the rows by name.
        """
        return dict(self._rows)
