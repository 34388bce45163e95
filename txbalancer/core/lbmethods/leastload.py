"""
C{leastload}: two members drawn by load factor, the less loaded one wins.

Near-optimal balance by current load without a view of all members, and without
the herd that follows the one best member of each moment ("power of two choices").
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random

from zope.interface import implementer, provider

from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod, ILBMethodFactory


@provider(ILBMethodFactory)
@implementer(ILBMethod)
class LeastLoad:
    """
    Load is requests in progress, the new one included, over the factor. lbstatus is
    not used.
    """

    name = "leastload"
    needs: frozenset[str] = frozenset()

    __slots__ = ("_draw", "_ends", "_members")

    def __init__(self, spec: BalancerSpec) -> None:
        self._members: Sequence[Member] = ()

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._members = members
        self._ends = list(accumulate(member.factor for member in members))
        self._draw = random.random

    def choose(self, request: Request | None) -> Member:
        members, ends = self._members, self._ends
        if len(members) == 1:
            return members[0]
        place = bisect_right(ends, self._draw() * ends[-1])
        one = members[place]
        # The second is drawn from all but the first: its stretch is stepped over.
        point = self._draw() * (ends[-1] - one.factor)
        if point >= ends[place] - one.factor:
            point += one.factor
        other = members[bisect_right(ends, point)]
        load, others = one.busy + one.others + 1, other.busy + other.others + 1
        if others * one.factor < load * other.factor:
            return other
        return one

    def released(self, member: Member) -> None:
        """
        C{busy} is read when it matters.
        """

    def reset(self, members: Sequence[Member]) -> None:
        """
        Nothing is kept.
        """


factory = LeastLoad
