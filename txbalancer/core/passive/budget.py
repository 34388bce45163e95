"""
How much of the traffic may be second attempts.
"""

from __future__ import annotations

from typing import Protocol


class Retried(Protocol):
    """
    An exchange that is tried again.
    """

    @property
    def settled(self) -> bool:
        """
        Whether it has an answer, or is over.
        """
        ...


class Budget:
    """
    Retries in progress are at most a share of the requests in progress, or a few.

    @ivar percent: the share; C{least}: the few.
    @ivar denied: retries that it stopped.
    @ivar elsewhere: retries in progress in processes that are only shown here.
    """

    __slots__ = ("_retried", "denied", "elsewhere", "least", "percent")

    def __init__(self, percent: int, least: int) -> None:
        self.percent, self.least = percent, least
        self.denied = self.elsewhere = 0
        self._retried: set[Retried] = set()

    def affords(self, in_flight: int) -> bool:
        """
        Tell whether there is room for one more.

        @param in_flight: requests in progress.
        """
        return self.in_progress < max(self.least, in_flight * self.percent // 100)

    def take(self, exchange: Retried) -> None:
        """
        Count a retry, until it is settled.
        """
        self._retried.add(exchange)

    @property
    def in_progress(self) -> int:
        """
        Retries in progress.
        """
        self._retried = {each for each in self._retried if not each.settled}
        return len(self._retried) + self.elsewhere
