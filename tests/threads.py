"""
Threads that do their work when a test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, execute


class Threads:
    """
    Work that is under way.
    """

    def __init__(self) -> None:
        self.working: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def run(self, work: Callable[[], Any]) -> Deferred[Any]:
        """
        Begin with some work.
        """
        deferred: Deferred[Any] = Deferred()
        self.working.append((work, deferred))
        return deferred

    def finish(self, count: int = 1) -> None:
        """
        Let the work that began first be done.
        """
        for _ in range(count):
            work, deferred = self.working.pop(0)
            execute(work).addBoth(deferred.callback)
