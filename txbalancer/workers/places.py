"""
What each worker process has of the supervisor: a column of the shared table, and a box.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from collections.abc import Container
from itertools import count
from math import inf

from txbalancer.workers.handover import Sender, enter, is_ours, open_box, path_of, receive
from txbalancer.workers.spread import SHORT
from txbalancer.workers.table import (
    BEAT,
    EDITION,
    LOAD,
    OPEN,
    SENT,
    TAKEN,
    Rows,
    Table,
    create_memory,
)


class Places:
    """
    Gives columns and boxes to processes, and takes them back when those are over.

    Connections that a process had not taken from its box yet are given to others.

    @ivar table: what all see; C{rows}: what is where in it.
    @ivar folder: where the boxes are.
    """

    def __init__(self, folder: str) -> None:
        memory = create_memory()
        self.table, self.rows, self.folder = Table(memory), Rows(), folder
        self._memory = memory
        self._sender = Sender(folder)
        self._boxes: dict[int, socket.socket] = {}
        self._entered = -1
        self._stray: deque[tuple[int, int]] = deque()

    def take(self) -> int:
        """
        Return a column that is free, for a process.

        @raise OSError: when its box cannot be made.
        """
        column = next(number for number in count(1) if number not in self._boxes)
        self._enter()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path_of(self.folder, column))
        # Since the last one left, somebody may have found that its box is gone, and not have sent.
        self._forget_sent(column)
        self._boxes[column] = open_box(self.folder, column)
        self.table.use(column)
        return column

    def files(self, column: int) -> tuple[int, int]:
        """
        Return the numbers of the files that its process gets: of the table and of its box.
        """
        return self._memory, self._boxes[column].fileno()

    def _enter(self) -> None:
        entered, self._entered = self._entered, enter(self.folder)
        if entered >= 0:
            os.close(entered)

    def lost(self) -> list[int]:
        """
        Return the columns whose boxes nobody finds any more.
        """
        folder = self.folder
        if not is_ours(folder):
            return list(self._boxes)
        return [each for each in self._boxes if not os.path.lexists(path_of(folder, each))]

    def renew(self, column: int) -> socket.socket:
        """
        Make the box of a process anew.

        @return: the former one, to be given to L{empty} once the process has the new one.
        @raise OSError: when it cannot be made; nothing has changed then.
        """
        self._enter()
        made = open_box(self.folder, column)
        former, self._boxes[column] = self._boxes[column], made
        return former

    def empty(self, box: socket.socket) -> None:
        """
        Close a box that nobody has any more; what is in it is for others.
        """
        while found := list(receive(box)):
            self._stray += [each for each in found if each[1] >= 0]
        box.close()
        self.distribute()

    def leave(self, column: int) -> None:
        """
        Take a column back from a process that is over.
        """
        table = self.table
        table.settle(column, (EDITION, OPEN, BEAT, LOAD, *self.rows.all().values()))
        self._forget_sent(column)
        self.empty(self._boxes.pop(column))

    def _forget_sent(self, column: int) -> None:
        """
        Have nothing be on its way to a process that is over, or not there yet.
        """
        self.table.column(column)[TAKEN] = self.table.total(SENT + column)

    def reclaim(self, wanted: Container[tuple[str, ...]]) -> None:
        """
        Let rows that nobody wants or counts in be used for others.
        """
        each = self.table.each
        self.rows.reclaim(wanted, lambda row: not any(each(row)))

    def give(self, edition: int, key: int, number: int) -> bool:
        """
        Give a connection to one of those that serve by an edition of the configuration.

        @param number: of its file; -1 for none yet.
        @return: whether another one can be given: not while one waits, or where nobody serves who
            has the memory for it.
        """
        if number >= 0:
            self._stray.append((key, number))
        self.distribute()
        return not self._stray and bool(self._serving(edition))

    def distribute(self) -> None:
        """
        Give to those that serve by the latest configuration what others could not take any more.
        """
        if not self._stray:
            return
        opens, coming = self.table.each(OPEN), self.table.coming
        latest = max(self.table.each(EDITION))
        # What was accepted is for somebody, even if all are short of memory.
        serving = self._serving(latest) or self._serving(latest, inf)
        # Those on their way count: many may come before anybody has taken one.
        has = {each: opens[each] + coming(each) for each in serving}
        while self._stray and serving:
            key, number = self._stray.popleft()
            to = min(serving, key=has.__getitem__)
            has[to] += 1
            self.table.column(0)[SENT + to] += 1
            if not self._sender.send(to, key, number):
                self.table.column(0)[SENT + to] -= 1
                serving.remove(to)
                self._stray.appendleft((key, number))
                continue
            os.close(number)

    def _serving(self, edition: int, most: float = SHORT) -> list[int]:
        """
        Return the columns of those that serve by an edition and are less busy than this.
        """
        editions, loads = self.table.each(EDITION), self.table.each(LOAD)
        return [
            each
            for each in self._boxes
            if edition and editions[each] == edition and loads[each] < most
        ]

    def close(self) -> None:
        """
        Have no more of all this.
        """
        self._sender.close()
        for box in self._boxes.values():
            box.close()
        for _, number in self._stray:
            os.close(number)
        self._boxes.clear()
        self._stray.clear()
        os.close(self._memory)
        if self._entered >= 0:
            os.close(self._entered)
