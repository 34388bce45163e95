"""
What came of a member's attempts, or of a balancer's exchanges, as numbers that only grow.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

LOCAL, GATEWAY, ANSWER = "local", "gateway", "answer"
"""Kinds of failures: no connection, silence or a broken answer; 502 to 504; another 5xx."""

_NO_FAULT = frozenset({501, 505})
"""Answers that say something of the request, as all below 500 do."""

FAILURES = {
    status: GATEWAY if 502 <= status <= 504 else ANSWER
    for status in range(500, 600)
    if status not in _NO_FAULT
}
"""Status -> kind of failure."""

UNTIMED = -1.0
"""Stands for a time to the first byte that is not known to be the member's own."""


class Marks(NamedTuple):
    """
    What a L{Tally} was at some time.
    """

    requests: int = 0
    failed: int = 0
    slow: int = 0
    timed: int = 0
    seconds: float = 0.0


class Tally:
    """
    @ivar requests: answers and failures; a client that leaves is neither.
    @ivar failed: failures of any kind.
    @ivar timed: answers with a time to their first byte; C{seconds}: the sum of these.
    @ivar limit: seconds above which an answer is C{slow}.
    @ivar row: failures in a row; C{gateway}: without another 5xx; C{local}: without any answer.
    @ivar alert: whether good answers are news, too: after a failure, and in trials.
    """

    __slots__ = (
        "alert",
        "failed",
        "gateway",
        "limit",
        "local",
        "requests",
        "row",
        "seconds",
        "slow",
        "timed",
    )

    def __init__(self) -> None:
        self.requests = self.failed = self.slow = self.timed = 0
        self.row = self.gateway = self.local = 0
        self.seconds = 0.0
        self.limit = inf
        self.alert = False

    def marks(self) -> Marks:
        """
        Return what is counted now.
        """
        return Marks(self.requests, self.failed, self.slow, self.timed, self.seconds)

    def since(self, marks: Marks) -> Marks:
        """
        Return what was counted after some marks.
        """
        requests, failed, slow, timed, seconds = marks
        return Marks(
            self.requests - requests,
            self.failed - failed,
            self.slow - slow,
            self.timed - timed,
            self.seconds - seconds,
        )

    def failure(self, kind: str) -> None:
        """
        Count a failure.

        @param kind: C{LOCAL}, C{GATEWAY} or C{ANSWER}.
        """
        self.requests += 1
        self.failed += 1
        self.row += 1
        self.gateway = self.gateway + 1 if kind != ANSWER else 0
        self.local = self.local + 1 if kind == LOCAL else 0
        self.alert = True

    def note(self, kind: str | None, seconds: float) -> None:
        """
        Count an answer, or a failure.

        @param kind: C{None} for a good answer.
        @param seconds: to its first byte, or C{UNTIMED}.
        """
        if kind is None:
            self.requests += 1
        else:
            self.failure(kind)
        if seconds >= 0.0:
            self.timed += 1
            self.seconds += seconds
            if seconds > self.limit:
                self.slow += 1
                self.alert = True

    def restart(self) -> None:
        """
        Begin the rows anew.
        """
        self.row = self.gateway = self.local = 0
