"""
Plain counters of exchanges, for a balancer, a member or a listener.
"""

from __future__ import annotations

from txbalancer.core.outcome import Outcome


class Counters:
    """
    What came of the exchanges so far.

    @ivar classes: exchanges by first digit of the status; index 0 for those that had none.
    @ivar retries: attempts after the first of an exchange.
    @ivar failures: exchanges that did not end well, by reason; the reasons are those of
        L{txbalancer.errors}, so there are not many.
    @ivar bytes_in: body bytes from clients; C{bytes_out}: body bytes to them.
    @ivar seconds: sum of the durations.
    """

    __slots__ = ("bytes_in", "bytes_out", "classes", "failures", "retries", "seconds")

    def __init__(self) -> None:
        self.classes = [0] * 10
        self.retries = self.bytes_in = self.bytes_out = 0
        self.failures: dict[str, int] = {}
        self.seconds = 0.0

    @property
    def requests(self) -> int:
        """
        All exchanges.
        """
        return sum(self.classes)

    def count(self, outcome: Outcome) -> None:
        """
        Add one exchange.
        """
        self.classes[outcome.status // 100] += 1
        self.bytes_in += outcome.bytes_in
        self.bytes_out += outcome.bytes_out
        self.seconds += outcome.duration
        if outcome.attempts > 1:
            self.retries += outcome.attempts - 1
        if outcome.reason != "ok":
            self.failures[outcome.reason] = self.failures.get(outcome.reason, 0) + 1
