"""
How many connections each client has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from txbalancer.core.networks import household


class Clients:
    """
    Counts what clients have, told apart by L{household}.
    """

    __slots__ = ("_open",)

    def __init__(self, clients: Iterable[str] = ()) -> None:
        """
        @param clients: addresses of the connections that are open already.
        """
        self._open = Counter(map(household, clients))

    def __len__(self) -> int:
        return len(self._open)

    def count(self, client: str) -> int:
        """
        Return how many a client has.
        """
        return self._open[household(client)]

    def most(self) -> int:
        """
        Return how many the client has that has most.
        """
        return max(self._open.values(), default=0)

    def opened(self, client: str) -> None:
        """
        Count one more.
        """
        self._open[household(client)] += 1

    def closed(self, client: str) -> None:
        """
        Count one less.
        """
        key = household(client)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def end(self) -> None:
        """
        Count nobody any more.
        """
        self._open.clear()
