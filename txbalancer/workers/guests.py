"""
What each client has in all workers together: connections, or requests in progress.

Each worker keeps a table of its clients in cells that only it writes, and looks a client up in
those of the others. A cell tells both whose it is and how many that one has, so it is never read
half. A client's cell is one of eight, by its key; where those are taken, which is rare below some
fifty thousand clients in one worker, it is counted by this worker alone.
"""

from __future__ import annotations

from threading import Lock

from txbalancer.core.limitkeys import Keys
from txbalancer.workers.table import GUESTS, Table

_WAYS = 8
_CELLS = GUESTS // 2
_BUCKETS = _CELLS // _WAYS

# Of a cell: whose it is, whether somebody of it waits there, how many it has.
_COUNT = (1 << 16) - 1
_WAITS = 1 << 16
_SPAN = 1 << 17
_OWNERS = (1 << 46) - 1

# Of the cell that belongs to it: how many wait, and how many of these are of the higher rank.
_HIGH = 32


class Guests:
    """
    The clients of one worker, and what others tell of theirs.
    """

    __slots__ = ("_elsewhere", "_key", "_number", "_table", "_used", "fence", "own")

    def __init__(self, table: Table, number: int) -> None:
        """
        @param number: the worker's own column.
        """
        self._table, self._number = table, number
        self._key = Keys(table.secret).of
        self._used = 0
        self._elsewhere: list[memoryview] = []
        self.own = table.guests(number)
        self.fence = Lock()

    def guest(self, limit: str, client: str) -> Guest:
        """
        Return what counts a client for a limit.
        """
        text = f"{limit}\0{client}"
        return Guest(self, self._key(text.encode("utf-8", "surrogateescape")))

    def elsewhere(self) -> list[memoryview]:
        """
        Return the cells of the other workers.
        """
        if self._used != self._table.used:
            self._used = self._table.used
            self._elsewhere = self._table.guests_elsewhere(self._number)
        return self._elsewhere

    def even(self, most: int) -> int:
        """
        Return an even part of a limit, 1 at least.
        """
        return max(1, most // self._table.workers)

    def is_scarce(self, most: int) -> bool:
        """
        Tell whether not every worker can have one.
        """
        return 0 < most < self._table.workers


class Guest:
    """
    One client as one worker counts it: for it what L{Share<txbalancer.workers.shares.Share>} is for
    all.

    @ivar count: how many it has here.
    """

    __slots__ = ("_cell", "_guests", "_high", "_owner", "_start", "_waiting", "count")

    def __init__(self, guests: Guests, key: int) -> None:
        self._guests = guests
        self._start = key % _BUCKETS * _WAYS
        self._owner = ((key // _BUCKETS & _OWNERS) or 1) * _SPAN
        self._cell = -1
        self.count = self._waiting = self._high = 0

    # -- how many it has

    def take(self, most: int) -> bool:
        """
        Have one more.

        @param most: how many there may be in all workers; 0 for any number.
        @return: whether it may be had.
        """
        count = self.count
        self._have(count + 1)
        if not most:
            return True
        # What was written must be seen by all before anything is read: locks are for that, too.
        with self._guests.fence:
            there, poorer = self._look(self._guests.even(most))
        if count + there < most and not (poorer and count >= self._guests.even(most)):
            return True
        self._have(count)
        return False

    def give(self) -> None:
        """
        Have one less.
        """
        self._have(self.count - 1)

    def total(self) -> int:
        """
        Return how many it has in all workers.
        """
        return self.count + self._look(0)[0]

    # -- how many of it wait

    def may_wait(self, most: int, high: bool = False) -> bool:
        """
        Tell whether one more of a rank may wait here, of so many in all; L{waits} has to follow.
        """
        before = self._waiting, self._high
        self.waits(self._waiting + 1, self._high + high)
        with self._guests.fence:
            others, ahead = self._lines()
        mine = self._high if high else self._waiting - self._high
        if mine + (ahead if high else others - ahead) <= most:
            return True
        self.waits(*before)
        return False

    def waits(self, number: int, high: int = 0) -> None:
        """
        Note how many wait here, and how many of these are of the higher rank.
        """
        if number or self._waiting:
            self._waiting, self._high = number, high
            self._have(self.count)
            if self._cell >= 0:
                self._guests.own[_CELLS + self._cell] = high << _HIGH | number

    def is_scarce(self, most: int) -> bool:
        """
        Tell whether not every worker can have one, and some other waits.
        """
        return self._guests.is_scarce(most) and self._look(most + 1)[1]

    # -- cells

    def _have(self, count: int) -> None:
        self.count = count
        own, cell = self._guests.own, self._cell
        if not count and not self._waiting:
            if cell >= 0:
                own[cell] = 0
                self._cell = -1
            return
        if cell < 0:
            start = self._start
            ways = own[start : start + _WAYS].tolist()
            if 0 not in ways:
                return
            cell = self._cell = start + ways.index(0)
            own[_CELLS + cell] = self._high << _HIGH | self._waiting
        own[cell] = self._owner | (_WAITS if self._waiting else 0) | min(count, _COUNT)

    def _look(self, even: int) -> tuple[int, bool]:
        """
        Return how many it has elsewhere, and whether it waits where it has less than an even part.
        """
        start, owner = self._start, self._owner
        found, poorer = 0, False
        for column in self._guests.elsewhere():
            ways = column[start : start + _WAYS].tolist()
            if any(ways):
                for each in ways:
                    if 0 <= each - owner < _SPAN:
                        count = each & _COUNT
                        found += count
                        poorer = poorer or (each & _WAITS > 0 and count < even)
        return found, poorer

    def _lines(self) -> tuple[int, int]:
        """
        Return how many of it wait elsewhere, and how many of these are of the higher rank.
        """
        start, owner = self._start, self._owner
        waiting = high = 0
        for column in self._guests.elsewhere():
            for cell, each in enumerate(column[start : start + _WAYS].tolist(), start):
                if 0 <= each - owner < _SPAN and each & _WAITS:
                    line = column[_CELLS + cell]
                    high += line >> _HIGH
                    waiting += line & ((1 << _HIGH) - 1)
        return waiting, high
