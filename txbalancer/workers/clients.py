"""
How many connections each client has in all workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from operator import attrgetter

from txbalancer.core.clients import Clients
from txbalancer.core.networks import household
from txbalancer.workers.guests import Guest, Guests

_FULLEST = 10
"""Clients with most here of whom it is told what they have in all workers."""


class SharedClients(Clients):
    """
    Counts the connections of this worker, and knows those of others.
    """

    __slots__ = ("_guests", "_limit", "_there")

    def __init__(self, guests: Guests, limit: str, clients: Iterable[str]) -> None:
        """
        @param limit: what it is counted for, for one may have several listeners.
        @param clients: addresses of the connections that are open here already.
        """
        super().__init__()
        self._guests, self._limit = guests, limit
        self._there: dict[str, Guest] = {}
        for each in clients:
            self.opened(each)

    def __len__(self) -> int:
        return len(self._there)

    def count(self, client: str) -> int:
        """
        Return how many a client has.
        """
        key = household(client)
        found = self._there.get(key) or self._guests.guest(self._limit, key)
        return found.total()

    def most(self) -> int:
        """
        Return how many the client has that has most; it is among those with most in one worker.
        """
        fullest = nlargest(_FULLEST, self._there.values(), key=attrgetter("count"))
        return max((each.total() for each in fullest), default=0)

    def opened(self, client: str) -> None:
        """
        Count one more.
        """
        key = household(client)
        guest = self._there.get(key)
        if guest is None:
            guest = self._there[key] = self._guests.guest(self._limit, key)
        guest.take(0)

    def closed(self, client: str) -> None:
        """
        Count one less.
        """
        key = household(client)
        guest = self._there[key]
        guest.give()
        if not guest.count:
            del self._there[key]

    def end(self) -> None:
        """
        Count nobody any more.
        """
        for each in self._there.values():
            while each.count:
                each.give()
        self._there.clear()
