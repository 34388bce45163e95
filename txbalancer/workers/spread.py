"""
Which of several workers should have a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from txbalancer.workers.table import EDITION, LOAD, OPEN, SENT, TAKEN, Table

FULL, ROOM = 900, 600
"""Thousandths of its time from which on a worker is full, and up to which it has room."""

SHORT = 10_000
"""Told in place of them by a worker that is short of memory."""


def receiver(
    here: int, editions: Sequence[int], opens: Sequence[int], coming: Callable[[int], int]
) -> int:
    """
    Decide who should have a connection that one worker has just accepted.

    The kernel divides clients by a hash of their addresses, which is uneven for few of them.
    Whoever has more connections than somebody else by one and a sixteenth passes it on to whoever
    has the fewest; the spread stays below that, and many that come and go are rarely passed.

    @param here: that one's column.
    @param editions: of the configuration that each column serves by; 0 for none. Only those with
        the same one have the same listeners.
    @param opens: how many connections each has.
    @param coming: returns how many are on their way to a column.
    @return: the column that should have it.
    """
    edition = editions[here]
    mine = opens[here] + coming(here)
    most = mine - 1 - mine // 16
    best = here
    # Most of the time nobody has so few, and what is on its way need not be looked at.
    if most < 0 or not edition or min(opens[1:], default=mine) > most:
        return here
    for number in range(1, len(opens)):
        if editions[number] == edition and opens[number] <= most:
            there = opens[number] + coming(number)
            if there <= most:
                best, most = number, there - 1
    return best


def relief(
    here: int,
    editions: Sequence[int],
    opens: Sequence[int],
    loads: Sequence[int],
    coming: Callable[[int], int],
) -> int:
    """
    Decide who should have a connection that a worker has accepted which is full.

    Connections are not all alike, and nobody knows beforehand. Where one worker has those that
    keep it busy, others that have room take what is new, up to twice as many as it has.

    @param loads: of each column; all else as of L{receiver}.
    """
    edition, most = editions[here], 2 * (opens[here] + coming(here)) - 1
    best = here
    for number in range(1, len(opens)):
        if edition and editions[number] == edition and loads[number] <= ROOM:
            there = opens[number] + coming(number)
            if there <= most:
                best, most = number, there - 1
    return best


class Spread:
    """
    What a worker tells and knows of how many connections each has.
    """

    __slots__ = ("_cells", "_number", "_open", "_short", "_table")

    def __init__(self, table: Table, number: int) -> None:
        """
        @param number: the worker's own column.
        """
        self._table, self._number = table, number
        self._cells = table.column(number)
        self._open = 0
        self._short = False

    def serve(self, edition: int) -> None:
        """
        Tell by which edition of the configuration this one serves, 0 for none any more.
        """
        if not self._cells[EDITION]:
            # What it took to come here says nothing of what comes.
            self._cells[LOAD] = 0
        self._cells[EDITION] = edition

    def load(self, load: int) -> None:
        """
        Tell how busy this one is, in thousandths.
        """
        self._cells[LOAD] = SHORT if self._short else load

    def short(self, short: bool) -> None:
        """
        Tell whether this one is short of memory, so that nothing is passed to it.
        """
        self._short = short
        self.load(0)

    def began(self) -> None:
        """
        Count a connection.
        """
        self._open += 1
        self._cells[OPEN] = self._open

    def ended(self) -> None:
        """
        Count one less.
        """
        self._open -= 1
        self._cells[OPEN] = self._open

    def receiver(self) -> int:
        """
        Return the column of who should have a connection that was accepted here; 0 for this one.
        """
        table, here = self._table, self._number
        editions, opens, coming = table.each(EDITION), table.each(OPEN), table.coming
        best = receiver(here, editions, opens, coming)
        if self._cells[LOAD] >= FULL:
            if best == here or table.column(best)[LOAD] > ROOM:
                eased = relief(here, editions, opens, table.each(LOAD), coming)
                best = best if eased == here else eased
        elif best != here and table.column(best)[LOAD] >= FULL:
            loads = zip(editions, table.each(LOAD), strict=True)
            editions = [0 if load >= FULL else edition for edition, load in loads]
            best = receiver(here, editions, opens, coming)
        return 0 if best == here else best

    def refuge(self) -> int:
        """
        Return the column of who should have a connection that cannot be served here; 0 for nobody.
        """
        table = self._table
        editions, opens, loads = table.each(EDITION), table.each(OPEN), table.each(LOAD)
        edition = editions[self._number]
        others = [
            each
            for each in range(1, len(opens))
            if edition and editions[each] == edition and loads[each] < SHORT
            if each != self._number
        ]
        return min(others, key=lambda each: opens[each] + table.coming(each), default=0)

    def sent(self, number: int) -> None:
        """
        Count a connection as on its way.
        """
        self._cells[SENT + number] += 1

    def not_sent(self, number: int) -> None:
        """
        Take that back.
        """
        self._cells[SENT + number] -= 1

    def taken(self) -> None:
        """
        Count one that has arrived.
        """
        self._cells[TAKEN] += 1
