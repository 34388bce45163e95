"""
C{bybusyness}: the fewest requests in progress, then the largest lbstatus (APACHE A14).

One heap per load factor, as in byrequests, and per share of a slow start, by which the requests
in progress are scaled: at 10 % one counts as ten. A choice makes a member's rank only
worse, which is put right when it comes to the head; a release makes it better, so
it brings a fresh entry, and the old one is dropped when it surfaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from random import Random

from zope.interface import implementer, provider

from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.passive.slowstart import FULL
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod, ILBMethodFactory

Entry = tuple[int, int, int, Member]
"""Busy and debt (C{-base}) when noted, place in the order of comparison, member."""


class Group:
    """
    The members of one factor, ranked.

    @ivar low: each member's entry that ranks it no worse than it is; always in the heap.
    """

    __slots__ = ("heap", "low", "roomy")

    def __init__(self, entries: list[Entry]) -> None:
        self.heap = entries
        self.low = {entry[3]: entry for entry in entries}
        self.roomy = 2 * len(entries) + 64
        heapify(entries)

    def head(self) -> Entry:
        """
        Return the true entry of the best member.
        """
        heap, low = self.heap, self.low
        while True:
            entry = heap[0]
            busy, debt, place, member = entry
            if busy == member.busy + member.others and debt == -member.base:
                return entry
            if low[member] is entry:
                entry = (member.busy + member.others, -member.base, place, member)
                low[member] = entry
                heapreplace(heap, entry)
            else:
                heappop(heap)

    def better(self, member: Member) -> None:
        """
        Note that a member may rank better than before.
        """
        noted = self.low[member]
        entry = (member.busy + member.others, -member.base, noted[2], member)
        if entry < noted:
            self.low[member] = entry
            heappush(self.heap, entry)
            if len(self.heap) > self.roomy:
                self.heap = list(self.low.values())
                heapify(self.heap)


@provider(ILBMethodFactory)
@implementer(ILBMethod)
class ByBusyness:
    """
    The least busy wins, then the largest lbstatus, then the member compared first.
    """

    name = "bybusyness"
    needs: frozenset[str] = frozenset()

    __slots__ = ("_groups", "_ledger", "_of")

    def __init__(self, spec: BalancerSpec) -> None:
        self._groups: list[tuple[int, int, Group]] = []
        self._of: dict[Member, Group] = {}

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._ledger = ledger
        entries: dict[tuple[int, int], list[Entry]] = {}
        for place, member in enumerate(members):
            entry = (member.busy + member.others, -member.base, place, member)
            entries.setdefault((member.factor, member.share), []).append(entry)
        self._groups = [(*kind, Group(each)) for kind, each in entries.items()]
        self._of = {member: group for _, _, group in self._groups for member in group.low}

    def choose(self, request: Request | None) -> Member:
        groups, ledger = self._groups, self._ledger
        if len(groups) == 1:
            best = groups[0][2].head()[3]
            ledger.charge_election(best)
            return best
        turns = ledger.elections + ledger.hits + 1
        least, owed, first = inf, 0, 0
        for factor, share, group in groups:
            busy, debt, place, member = group.heap[0]
            if busy != member.busy + member.others or debt != -member.base:
                busy, debt, place, member = group.head()
            if share != FULL:
                busy = busy * FULL // share
            if busy > least:
                continue
            debt -= factor * turns
            if busy < least or debt < owed or (debt == owed and place < first):
                least, owed, first, best = busy, debt, place, member
        ledger.charge_election(best)
        return best

    def released(self, member: Member) -> None:
        group = self._of.get(member)
        if group is not None:
            group.better(member)

    def reset(self, members: Sequence[Member]) -> None:
        """
        Nothing to clear: C{busy} counts real requests, which are still there. Apache
        sets it to 0 (APACHE A17, X15) and loses them.
        """


factory = ByBusyness
