"""
Those who wait, in two ranks.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """
    Who came first goes first, and all of the higher rank before the others.

    Each rank has a length of its own: the others cannot take the places of the higher one, nor
    does anybody lose a place to it.

    @ivar size: how many wait.
    """

    __slots__ = ("_high", "_normal", "size")

    def __init__(self) -> None:
        self._high: OrderedDict[T, None] = OrderedDict()
        self._normal: OrderedDict[T, None] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def length(self, high: bool) -> int:
        """
        Return how many of a rank wait.
        """
        return len(self._high if high else self._normal)

    def add(self, each: T, high: bool = False) -> None:
        """
        Put somebody who is not there yet at the end of a rank.
        """
        (self._high if high else self._normal)[each] = None
        self.size += 1

    def first(self) -> T:
        """
        Return who is next, without taking it out; somebody must be there.
        """
        return next(iter(self._high or self._normal))

    def take(self) -> T:
        """
        Take out who is next; somebody must be there.
        """
        self.size -= 1
        return (self._high or self._normal).popitem(last=False)[0]

    def discard(self, each: T) -> bool:
        """
        Take somebody out who does not wait any more.

        @return: whether it was there.
        """
        if each in self._normal:
            del self._normal[each]
        elif each in self._high:
            del self._high[each]
        else:
            return False
        self.size -= 1
        return True
