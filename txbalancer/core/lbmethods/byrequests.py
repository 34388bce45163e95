"""
C{byrequests}: shares of the number of requests, by load factor (APACHE A5 to A8).

Among members of one factor the order of lbstatus is the order of C{base}, which
only falls between builds: each factor has a heap whose head is put right when it is
chosen, and after sessions have charged it. Across factors the heads are compared, and
where factors are many, only those that may win soon: an election costs about the same
with any number of members.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace, nlargest
from math import inf, isqrt
from random import Random

from zope.interface import implementer, provider

from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod, ILBMethodFactory

Entry = tuple[int, int, Member]
"""Debt (C{-base}) when last looked at, place in the order of comparison, member."""

Group = tuple[int, list[Entry]]
"""A load factor and the heap of its members."""

FEW = 12
"""So many factors are compared each time without further ado."""


def head(heap: list[Entry]) -> Entry:
    """
    Return the true entry of the least indebted.
    """
    entry = heap[0]
    while entry[0] != -entry[2].base:
        heapreplace(heap, (-entry[2].base, entry[1], entry[2]))
        entry = heap[0]
    return entry


@provider(ILBMethodFactory)
@implementer(ILBMethod)
class ByRequests:
    """
    The largest lbstatus wins, ties go to the member compared first.
    """

    name = "byrequests"
    needs: frozenset[str] = frozenset()

    __slots__ = ("_groups", "_ledger", "_short", "_until")

    def __init__(self, spec: BalancerSpec) -> None:
        self._groups: list[Group] = []

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._ledger = ledger
        groups: dict[int, list[Entry]] = {}
        for place, member in enumerate(members):
            groups.setdefault(member.factor, []).append((-member.base, place, member))
        for heap in groups.values():
            heapify(heap)
        self._groups = self._short = list(groups.items())
        self._until: float = inf if len(groups) <= FEW else 0

    def choose(self, request: Request | None) -> Member:
        ledger = self._ledger
        turn = ledger.elections + ledger.hits + 1
        if turn > self._until:
            self._shorten(turn)
        most, first = -inf, 0
        for factor, heap in self._short:
            debt, place, member = heap[0]
            if debt != -member.base:
                debt, place, member = head(heap)
            status = factor * turn - debt
            if status > most or (status == most and place < first):
                most, first, best, won = status, place, member, heap
        ledger.charge_election(best)
        heapreplace(won, (-best.base, first, best))
        return best

    def _shorten(self, turn: int) -> None:
        """
        Leave out the factors whose best member cannot win within the next few turns.

        A turn charges one member, so after C{ahead} turns one of the C{ahead + 1} best
        of now is still uncharged, and no worse than now: it beats whoever, uncharged
        himself, does not come up to the last of these by then.
        """
        ahead = isqrt(len(self._groups))
        statuses = [factor * turn - head(heap)[0] for factor, heap in self._groups]
        least = nlargest(ahead + 1, statuses)[-1]
        self._short = [
            group
            for group, status in zip(self._groups, statuses, strict=True)
            if status + group[0] * ahead >= least
        ]
        self._until = turn + ahead

    def released(self, member: Member) -> None:
        """
        Nothing here depends on C{busy} or bytes.
        """

    def reset(self, members: Sequence[Member]) -> None:
        """
        Nothing to clear: lbstatus is the ledger's.
        """


factory = ByRequests
