"""
What clients saw.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum

MOST_RECENT = 10_000
"""Turns that are remembered one by one."""


class Trouble(Enum):
    """
    How a request, or a message of a tunnel, can fail.

    @cvar REFUSED: no connection was to be had.
    @cvar CLOSED: a new connection ended without a byte of the answer.
    @cvar STALE: one that had been used before did.
    @cvar SILENT: nothing came for too long.
    @cvar STATUS: an error was answered; C{LIMITED}: the one that comes of asking too often.
    @cvar BROKEN: the answer broke off.
    @cvar MIXED: the answer was another request's, or none at all that could be read. There is no
        excuse for that.
    """

    REFUSED = "refused"
    CLOSED = "closed"
    STALE = "stale"
    SILENT = "silent"
    STATUS = "status"
    LIMITED = "limited"
    BROKEN = "broken"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Failure:
    """
    @ivar safe: whether the balancer could have sent it to another member.
    @ivar began: when; C{ended}: when the client knew, of L{time.monotonic}.
    """

    protocol: str
    trouble: Trouble
    safe: bool
    began: float
    ended: float
    text: str


class Failed(Exception):
    """
    A client's turn went wrong.
    """

    def __init__(self, trouble: Trouble, text: str = "", safe: bool = True) -> None:
        super().__init__(text)
        self.trouble, self.text, self.safe = trouble, text, safe


def trouble_of(status: int) -> Trouble:
    """
    Tell what a status other than 200 means here.
    """
    return {409: Trouble.MIXED, 429: Trouble.LIMITED}.get(status, Trouble.STATUS)


class Sheet:
    """
    Written by the thread of the clients, read by the judges.

    @ivar answers: good ones, by protocol.
    @ivar last: when the last of them came.
    """

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self._recent: deque[tuple[float, str, int]] = deque(maxlen=MOST_RECENT)
        self.last: dict[str, float] = {}
        self._failures: list[Failure] = []
        self._lock = threading.Lock()

    def good(self, protocol: str, count: int = 1) -> None:
        """
        Note answers as they should be.
        """
        self.answers[protocol] += count
        self.last[protocol] = now = time.monotonic()
        self._recent.append((now, protocol, count))

    def since(self, moment: float) -> Counter[str]:
        """
        Return how many good answers came from a moment on, by protocol; not long ago.
        """
        found: Counter[str] = Counter()
        for at, protocol, count in self._recent.copy():
            found[protocol] += count if at >= moment else 0
        return found

    def bad(self, failure: Failure) -> None:
        """
        Note a failure.
        """
        with self._lock:
            self._failures.append(failure)

    def take(self) -> list[Failure]:
        """
        Return the failures since this was last called.
        """
        with self._lock:
            taken, self._failures = self._failures, []
        return taken
