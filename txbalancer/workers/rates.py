"""
How often something came, for each of many keys and to all workers together.

What L{ratelimits<txbalancer.core.ratelimits>} keeps of a key, in memory that all processes write
in. A key has one of eight places, where it finds what any process has let through. Nothing is
locked: two that let the same key through in the same microsecond may count one.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest

from txbalancer.core.ratelimits import GRACE

_WAYS = 8
_ENTRY = 16
"""Bytes of a key with its time."""

_PIECE = 1 << 16
_MOST_PIECES = 64
"""Of how many bytes, and how often, the times are read to tell how many count."""


class RateMemory:
    """
    The memory of one limit: as many keys, then as many times, each eight bytes.

    @ivar descriptor: of it, for other processes; open as long as this is there.
    @ivar keys: how many are remembered at least before any is forgotten, nearly always.
    """

    def __init__(self, descriptor: int, keys: int = 0) -> None:
        """
        @param descriptor: is closed with it.
        """
        self.descriptor, self.keys = descriptor, keys
        weakref.finalize(self, os.close, descriptor)
        memory = mmap.mmap(descriptor, 0)
        half = len(memory) // 2
        whole = memoryview(memory)
        self.names, self.times = whole[:half].cast("q"), whole[half:].cast("d")


def create_rates(keys: int) -> RateMemory:
    """
    Make the memory of a limit, with twice the places: keys do not fall evenly on them.
    """
    descriptor = os.memfd_create("txbalancer-rates", os.MFD_CLOEXEC)
    places = max(mmap.PAGESIZE // _ENTRY, 1 << (2 * keys - 1).bit_length())
    os.ftruncate(descriptor, _ENTRY * places)
    return RateMemory(descriptor, keys)


class SharedRates:
    """
    The rates of the keys that came lately, to any process.

    Of more keys than fall on eight places the one goes that has least left to pay back.
    """

    __slots__ = ("_interval", "_mask", "_names", "_now", "_room", "_times", "memory")

    def __init__(
        self,
        memory: RateMemory,
        now: Callable[[], float] | None = None,
    ) -> None:
        """
        @param now: the clock that all processes of a machine share; for the one process that tells
            how many keys there are.
        """
        self.memory, self._now = memory, now
        self._names, self._times = memory.names, memory.times
        self._mask = len(memory.names) - 1
        self._interval = self._room = 0.0

    def configure(self, rate: float, burst: int, most: int) -> None:
        """
        Take another rate; what the keys have to pay back stays.

        @param most: as many as the memory was made for.
        """
        self._interval = 1 / rate
        self._room = (burst - 1) / rate + GRACE

    def __len__(self) -> int:
        """
        Return how many keys have something to pay back, as far as it is told by this process; of
        a million and more from a part of them.
        """
        if self._now is None:
            return 0
        now = self._now()
        return self._step * sum(sum(each > now for each in piece) for piece in self._pieces())

    @property
    def _step(self) -> int:
        """
        Of how many pieces of the times one is looked at.
        """
        return max(1, 8 * (self._mask + 1) // _PIECE // _MOST_PIECES)

    def _pieces(self) -> Iterator[memoryview[float]]:
        """
        Yield the times, or of very many a part of them.
        """
        size = 8 * (self._mask + 1)
        for start in range(size, 2 * size, self._step * _PIECE):
            # Read as a file, what was never written takes no memory.
            piece = os.pread(self.memory.descriptor, min(_PIECE, size), start)
            if piece.count(0) < len(piece):
                yield memoryview(piece).cast("d")

    def deepest(self, now: float) -> float:
        """
        Return for how many seconds the key has to pay back that has most, as far as it is told by
        this process; of a million and more from a part of them.
        """
        if self._now is None:
            return 0.0
        return max(0.0, max(map(max, self._pieces()), default=now) - now)

    def owing(self, now: float, most: int) -> list[tuple[int, float]]:
        """
        Return the keys that have something left to pay back, and for how many seconds, as far as it
        is told by this process; of half a million and more from a part of them.

        @param most: how many keys; those with most are chosen.
        """
        if self._now is None:
            return []
        found: list[tuple[int, float]] = []
        half = 8 * (self._mask + 1)
        for start in range(0, min(half, _PIECE * _MOST_PIECES), _PIECE):
            # Read as a file, what was never written takes no memory.
            size = min(_PIECE, half - start)
            times = os.pread(self.memory.descriptor, size, half + start)
            if times.count(0) == size:
                continue
            names = os.pread(self.memory.descriptor, size, start)
            both = zip(memoryview(names).cast("q"), memoryview(times).cast("d"), strict=True)
            found += [(key, at - now) for key, at in both if at > now]
        return found if len(found) <= most else nlargest(most, found, key=lambda row: row[1])

    def owe(self, rows: Iterable[tuple[int, float]], now: float) -> None:
        """
        Let keys have as much to pay back as L{owing} has told, at least.
        """
        for key, ahead in rows:
            place = key & self._mask
            if self._names[place] != key:
                place = self._find(key, place, now)
            self._times[place] = max(self._times[place], now + ahead)

    def take(self, key: int, now: float) -> float:
        """
        Let a key through, or say how long it has to wait.

        @param key: a hash, the same in all processes.
        @param now: seconds by the clock that all processes of a machine share.
        @return: 0 when it is let through, else the seconds after which it will be.
        """
        place, times = key & self._mask, self._times
        if self._names[place] != key:
            place = self._find(key, place, now)
        at = times[place]
        if at <= now:
            times[place] = now + self._interval
            return 0.0
        ahead = at - now
        if ahead > self._room:
            return ahead - self._room
        times[place] = at + self._interval
        return 0.0

    def _find(self, key: int, place: int, now: float) -> int:
        """
        Return the place of a key that is not in its first one; at the cost of another's if need be.
        """
        start = place & -_WAYS
        names = self._names[start : start + _WAYS].tolist()
        if key in names:
            return start + names.index(key)
        times = self._times[start : start + _WAYS].tolist()
        if times[place - start] > now:
            place = start + times.index(min(times))
        # Whoever finds the key must not find another's time.
        self._times[place] = 0.0
        self._names[place] = key
        return place
