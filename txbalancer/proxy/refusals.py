"""
Requests that are refused for want of room, as opposed to what is wrong with them.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from txbalancer.core.outcome import Outcome
from txbalancer.proxy.local import LocalAnswer, page

FULL = "queue-full"
LATE = "queue-timeout"
RATE = "rate-limit"

TEXTS = {
    FULL: "Too many are waiting already. Please try again in a moment.",
    LATE: "The service is too busy at the moment. Please try again in a moment.",
    RATE: "You ask too often. Please wait.",
}


class Refusal(NamedTuple):
    """
    @ivar reason: the word of the access log.
    @ivar wait: seconds after which another try makes sense.
    @ivar balancer: whose limit it was; empty for another's.
    @ivar queue: seconds that the request has waited for it.
    """

    status: int
    reason: str
    wait: float
    balancer: str = ""
    queue: float = 0.0


class Refused(LocalAnswer):
    """
    Answers with when to try again.
    """

    __slots__ = ("refusal",)

    refusal: Refusal

    def tell(self, refusal: Refusal) -> None:
        """
        Answer.
        """
        self.refusal = refusal
        date = self.runtime.date_line()
        lines, body = page(self.head, refusal.status, refusal.reason, TEXTS[refusal.reason], date)
        lines.append(b"Retry-After: %d" % max(1, ceil(refusal.wait)))
        self.send(lines, body)

    def outcome(self) -> Outcome:
        """
        Record it, as the balancer's if it was its limit.
        """
        refusal = self.refusal
        return super().outcome()._replace(balancer=refusal.balancer, queue=refusal.queue)
