"""
C{byrequests}: shares of the number of requests, by load factor (APACHE A5 to A8).

Among members of one factor the order of lbstatus is the order of C{base}, which
only falls between builds: each factor has a heap whose head is put right when it
is looked at. Across factors only the heads are compared, so that an election costs
the same with any number of members.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace
from math import inf
from random import Random

from zope.interface import implementer, provider

from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod, ILBMethodFactory

Entry = tuple[int, int, Member]
"""Debt (C{-base}) when last looked at, place in the order of comparison, member."""


@provider(ILBMethodFactory)
@implementer(ILBMethod)
class ByRequests:
    """
    The largest lbstatus wins, ties go to the member compared first.
    """

    name = "byrequests"
    needs: frozenset[str] = frozenset()

    __slots__ = ("_groups", "_ledger")

    def __init__(self, spec: BalancerSpec) -> None:
        self._groups: list[tuple[int, list[Entry]]] = []

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._ledger = ledger
        groups: dict[int, list[Entry]] = {}
        for place, member in enumerate(members):
            groups.setdefault(member.lbfactor, []).append((-member.base, place, member))
        for heap in groups.values():
            heapify(heap)
        self._groups = list(groups.items())

    def choose(self, request: Request | None) -> Member:
        ledger = self._ledger
        turns = ledger.elections + ledger.hits + 1
        most, place = -inf, 0
        for factor, heap in self._groups:
            head = heap[0]
            while head[0] != -head[2].base:
                heapreplace(heap, (-head[2].base, head[1], head[2]))
                head = heap[0]
            status = factor * turns - head[0]
            if status > most or (status == most and head[1] < place):
                most = status
                place, member = head[1], head[2]
        ledger.charge_election(member)
        return member

    def released(self, member: Member) -> None:
        """
        Nothing here depends on C{busy} or bytes.
        """

    def reset(self, members: Sequence[Member]) -> None:
        """
        Nothing to clear: lbstatus is the ledger's.
        """


factory = ByRequests
