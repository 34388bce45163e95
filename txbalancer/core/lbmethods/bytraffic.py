"""
C{bytraffic}: shares of the bytes moved, by load factor (APACHE A11 to A13).

Byte counters only grow, so one heap with a head that is put right when it is
looked at finds the smallest; nobody has to tell it that bytes have moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace
from random import Random

from zope.interface import implementer, provider

from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod, ILBMethodFactory


def traffic(member: Member) -> int:
    """
    Rate a member: bytes each way over its factor in hundredths, rounded down apart, with
    what a slow start put it ahead.
    """
    return member.transferred // member.factor + member.read // member.factor + member.lead


@provider(ILBMethodFactory)
@implementer(ILBMethod)
class ByTraffic:
    """
    The least traffic for its factor wins, ties go to the member compared first.
    """

    name = "bytraffic"
    needs: frozenset[str] = frozenset()

    __slots__ = ("_heap",)

    def __init__(self, spec: BalancerSpec) -> None:
        self._heap: list[tuple[int, int, Member]] = []

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._heap = [(traffic(member), place, member) for place, member in enumerate(members)]
        heapify(self._heap)

    def choose(self, request: Request | None) -> Member:
        heap = self._heap
        while True:
            noted, place, member = heap[0]
            value = member.transferred // member.factor + member.read // member.factor + member.lead
            if value == noted:
                return member
            heapreplace(heap, (value, place, member))

    def released(self, member: Member) -> None:
        """
        Growth of the counters is found when it matters.
        """

    def reset(self, members: Sequence[Member]) -> None:
        """
        Start counting anew, as on a change of lbmethod (APACHE A17).
        """
        for member in members:
            member.transferred = member.read = member.lead = 0


factory = ByTraffic
