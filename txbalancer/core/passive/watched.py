"""
What passive health keeps of a member beside its tally.
"""

from __future__ import annotations

from txbalancer.core.passive.breaker import Breaker
from txbalancer.core.passive.ejection import KINDS, Ejection
from txbalancer.core.passive.tally import Marks


class Watched:
    """
    @ivar ejection: why it is ejected, and until when; C{None} while it is not.
    @ivar times: ejections that the next one is added to; each interval without one takes one off.
    @ivar passes: checks passed in a row since it was ejected.
    @ivar ejections: how many there were, by kind.
    @ivar breaker: its circuit breaker; C{None} for none.
    @ivar marks: its tally at the beginning of the interval.
    """

    __slots__ = ("breaker", "ejection", "ejections", "marks", "passes", "times")

    def __init__(self) -> None:
        self.ejection: Ejection | None = None
        self.times = self.passes = 0
        self.ejections = dict.fromkeys(KINDS, 0)
        self.breaker: Breaker | None = None
        self.marks = Marks()
