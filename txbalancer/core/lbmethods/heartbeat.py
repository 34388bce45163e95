"""
C{heartbeat}: members are drawn by the room that they report to have.

Source: APACHE items A18 to A20. Unlike there, lbsets, drains and standbys count as with
every method, and a member without room is never drawn (APACHE X17).
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
class Heartbeat:
    """
    Room is L{Member.room}, which an L{IMemberLoad<txbalancer.interfaces.IMemberLoad>}
    keeps up to date. Load factors and lbstatus are not used.
    """

    name = "heartbeat"
    needs: frozenset[str] = frozenset()

    __slots__ = ("_ends", "_members", "_randrange")

    def __init__(self, spec: BalancerSpec) -> None:
        self._members: Sequence[Member] = ()

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._members = members
        # Who starts slowly has a part of its room; it is rounded up, for none is none.
        rooms = (-(-(member.room or 0) * member.share // 100) for member in members)
        self._ends = list(accumulate(rooms))
        self._randrange = random.randrange

    def choose(self, request: Request | None) -> Member | None:
        """
        Draw a member; C{None} when none is known to have room (A19).
        """
        rooms = self._ends[-1]
        return self._members[bisect_right(self._ends, self._randrange(rooms))] if rooms else None

    def released(self, member: Member) -> None:
        """
        Only reports count.
        """

    def reset(self, members: Sequence[Member]) -> None:
        """
        Nothing is kept.
        """


factory = Heartbeat
