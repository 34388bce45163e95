"""
How often something may happen, for each of many keys.

The generic cell rate algorithm: of each key only one number is kept, the time at which
all that it was allowed will be paid back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from heapq import nlargest
from typing import Protocol

GRACE = 1e-9
"""Seconds by which sums of floats may be off."""


class Rates(Protocol):
    """
    What remembers how often keys came; see L{RateTable}.
    """

    def __len__(self) -> int: ...

    def configure(self, rate: float, burst: int, most: int) -> None: ...

    def take(self, key: int, now: float) -> float: ...

    def deepest(self, now: float) -> float: ...

    def owing(self, now: float, most: int) -> list[tuple[int, float]]: ...

    def owe(self, rows: Iterable[tuple[int, float]], now: float) -> None: ...


class RateTable:
    """
    The rates of the keys that came lately. An entry takes some 250 bytes, whatever its key.

    Within any C{t} seconds a key is let through at most C{burst + rate * t} times, as long as
    it is not forgotten: of more than C{most} keys, the one that came longest ago goes.
    """

    __slots__ = ("_due", "_interval", "_most", "_room")

    def __init__(self, rate: float, burst: int, most: int) -> None:
        """
        @param rate: how often per second, > 0.
        @param burst: how often at once, >= 1.
        """
        self._due: OrderedDict[int, float] = OrderedDict()
        self.configure(rate, burst, most)

    def configure(self, rate: float, burst: int, most: int) -> None:
        """
        Take another rate; what the keys have to pay back stays.
        """
        self._interval = 1 / rate
        self._room = (burst - 1) / rate + GRACE
        self._most = most
        self._make_room(-1.0)

    def __len__(self) -> int:
        return len(self._due)

    def take(self, key: int, now: float) -> float:
        """
        Let a key through, or say how long it has to wait.

        @param key: a hash.
        @param now: monotonic seconds.
        @return: 0 when it is let through, else the seconds after which it will be.
        """
        due = self._due
        at = due.get(key)
        if at is None:
            due[key] = now + self._interval
            self._make_room(now)
            return 0.0
        due.move_to_end(key)
        if at <= now:
            due[key] = now + self._interval
            return 0.0
        ahead = at - now
        if ahead > self._room:
            return ahead - self._room
        due[key] = at + self._interval
        return 0.0

    def deepest(self, now: float) -> float:
        """
        Return for how many seconds the key has to pay back that has most; 0 for none.
        """
        return max(0.0, max(self._due.values(), default=now) - now)

    def owing(self, now: float, most: int) -> list[tuple[int, float]]:
        """
        Return the keys that have something left to pay back, and for how many seconds.

        @param most: how many keys; those with most are chosen.
        """
        found = [(key, at - now) for key, at in self._due.items() if at > now]
        return found if len(found) <= most else nlargest(most, found, key=lambda row: row[1])

    def owe(self, rows: Iterable[tuple[int, float]], now: float) -> None:
        """
        Let keys have as much to pay back as L{owing} has told, at least.
        """
        for key, ahead in sorted(rows, key=lambda row: row[1]):
            self._due[key] = max(self._due.get(key, 0.0), now + ahead)
        self._make_room(now)

    def _make_room(self, now: float) -> None:
        """
        Drop what has nothing left to pay back: two for one that came, so that the table shrinks.
        """
        due = self._due
        for _ in range(2):
            if due and due[next(iter(due))] <= now:
                due.popitem(last=False)
        while len(due) > self._most:
            due.popitem(last=False)
