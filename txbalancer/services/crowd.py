"""
Attempts in progress at members in all workers, for lbmethods that go by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import add, itemgetter
from random import Random
from typing import Any

from zope.interface import implementer

from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.registry import Registry
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod
from txbalancer.workers.table import Table

_PAUSE = 0.001
"""Seconds between two looks at what others do, for a hundred members and less."""

_BATCH = 100


class Crowd:
    """
    Tells others how busy a balancer's members are here, and members how busy they are elsewhere.
    """

    def __init__(
        self,
        table: Table,
        number: int,
        rows: Mapping[tuple[str, ...], int],
        balancer: str,
        now: Callable[[], float],
    ) -> None:
        """
        @param number: the worker's own column.
        @param rows: where in the table what is.
        """
        self._table, self._number, self._rows = table, number, rows
        self._balancer, self._now = balancer, now
        self._cells = table.column(number)
        self._members: list[Member] = []
        self._row_of: dict[Member, int] = {}
        self._get: Any = None
        self._last: Sequence[int] = ()
        self._next, self._pause = 0.0, _PAUSE

    def follow(self, members: Sequence[Member]) -> None:
        """
        Look after these from now on.
        """
        found = {each: self._rows.get(("busy", self._balancer, each.name)) for each in members}
        before, self._row_of = (
            self._row_of,
            {each: row for each, row in found.items() if row is not None},
        )
        for row in set(before.values()).difference(self._row_of.values()):
            self._cells[row] = 0
        self._members = list(self._row_of)
        rows = list(self._row_of.values())
        # With a row twice it returns a sequence even of one.
        self._get = itemgetter(*rows, rows[0]) if rows else None
        self._last = [-1] * len(rows)
        self.tell_all()
        self._next, self._pause = 0.0, _PAUSE * max(1, len(rows) // _BATCH)
        self.look(lambda member: None)

    def tell(self, member: Member, busy: int) -> None:
        """
        Let others know how many attempts at a member are in progress here.
        """
        row = self._row_of.get(member)
        if row is not None:
            self._cells[row] = busy

    def tell_all(self) -> None:
        """
        Do the same for all: sessions come to members without an election.
        """
        cells = self._cells
        for member, row in self._row_of.items():
            cells[row] = member.busy

    def look(self, better: Callable[[Member], object]) -> None:
        """
        See what others do, unless that was done just before.

        @param better: called with each member that has less to do elsewhere than it had.
        """
        now = self._now()
        if now < self._next or self._get is None:
            return
        self._next = now + self._pause
        found: Sequence[int] = ()
        for column in self._table.others(self._number):
            values = self._get(column)
            found = list(map(add, found, values)) if found else values
        last, self._last = self._last, found
        if found == last:
            return
        for member, others, before in zip(self._members, found, last, strict=False):
            if others != before:
                member.others = others
                if others < before:
                    better(member)


@implementer(ILBMethod)
class CrowdedMethod:
    """
    An lbmethod that goes by C{busy} and C{others} of members.
    """

    def __init__(self, method: Any, crowd: Crowd) -> None:
        self._method, self._crowd = method, crowd

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        """
        Look after these members.
        """
        self._crowd.follow(members)
        self._method.build(members, ledger, random)

    def choose(self, request: Request | None) -> Member | None:
        """
        Choose by what all workers do.
        """
        self._crowd.look(self._method.released)
        member: Member | None = self._method.choose(request)
        if member is not None:
            self._crowd.tell(member, member.busy + 1)
        return member

    def released(self, member: Member) -> None:
        """
        Note the end of an attempt.
        """
        self._crowd.tell(member, member.busy)
        self._method.released(member)

    def reset(self, members: Sequence[Member]) -> None:
        """
        Start anew.
        """
        self._method.reset(members)


class _Factory:
    """
    Makes them where the lbmethod itself was made.
    """

    def __init__(self, factory: Any, crowd: Callable[[str], Crowd]) -> None:
        self.name, self.needs = factory.name, factory.needs
        self._factory, self._crowd = factory, crowd

    def __call__(self, spec: BalancerSpec) -> CrowdedMethod:
        return CrowdedMethod(self._factory(spec), self._crowd(spec.name))


def crowded(registry: Registry, names: Iterable[str], crowd: Callable[[str], Crowd]) -> Registry:
    """
    Return a registry in which some lbmethods count what all workers do.

    @param crowd: makes what knows that, for a balancer's name.
    """
    found = {name: _Factory(registry.lbmethods[name], crowd) for name in names}
    return replace(registry, lbmethods={**registry.lbmethods, **found})
