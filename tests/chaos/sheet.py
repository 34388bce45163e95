"""
What clients saw.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum


class Trouble(Enum):
    """
    How a request, or a message of a tunnel, can fail.

    @cvar REFUSED: no connection was to be had.
    @cvar CLOSED: a new connection ended without a byte of the answer.
    @cvar STALE: one that had been used before did.
    @cvar SILENT: nothing came for too long.
    @cvar STATUS: an error was answered.
    @cvar BROKEN: the answer broke off.
    @cvar MIXED: the answer was another request's. There is no excuse for that.
    """

    REFUSED = "refused"
    CLOSED = "closed"
    STALE = "stale"
    SILENT = "silent"
    STATUS = "status"
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


class Sheet:
    """
    Written by the thread of the clients, read by the judges.

    @ivar answers: good ones, by protocol.
    @ivar last: when the last of them came.
    """

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.last: dict[str, float] = {}
        self._failures: list[Failure] = []
        self._lock = threading.Lock()

    def good(self, protocol: str, count: int = 1) -> None:
        """
        Note answers as they should be.
        """
        self.answers[protocol] += count
        self.last[protocol] = time.monotonic()

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
