"""
What sources of members say over time, and what follows from it for a balancer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import AddMember, RemoveMember, RenewMember
from txbalancer.core.member import Origin
from txbalancer.core.specs import MemberSpec

CALM = 10
"""Answers in a row that have a member, after which its comings and goings are forgotten."""

_MOST_DOUBLED = 4
_REMEMBERED = 60
"""Answers after which a member that went is forgotten; it then counts as new."""

_MOST_GONE = 1000

Follow = AddMember | RenewMember | RemoveMember
"""What may follow from what sources say."""


class Answer(NamedTuple):
    """
    What a source of members found.

    @ivar lines: its members, each as in a line of C{members =}: C{URL key=value …}.
    @ivar ttl: seconds for which that holds; C{None} when the source does not say.
    @ivar where: for each line, where it stands; may be left empty.
    @ivar note: why there is none, for people; empty for no reason.
    """

    lines: tuple[str, ...]
    ttl: float | None = None
    where: tuple[str, ...] = ()
    note: str = ""


class _Entry:
    """
    @ivar misses: answers in a row that lacked it; C{hits}: those that had it.
    @ivar returns: how often it came back lately.
    """

    __slots__ = ("gone", "hits", "misses", "returns", "spec")

    def __init__(self, spec: MemberSpec) -> None:
        self.spec = spec
        self.misses = self.hits = self.returns = 0
        self.gone = False


class Roster:
    """
    The members of one source: those of its last answers, for one may lack a member by chance.
    """

    __slots__ = ("_entries", "missing")

    def __init__(self, missing: int) -> None:
        """
        @param missing: answers in a row that have to lack a member before it goes.
        """
        self.missing = missing
        self._entries: dict[str, _Entry] = {}

    def answer(self, found: Iterable[MemberSpec]) -> None:
        """
        Note an answer: who is in it is there at once, who is not goes after a while.
        """
        there = {spec.url: spec for spec in found}
        for url in there:
            self._found(there[url])
        for url in self._entries.keys() - there.keys():
            self._missed(url)
        gone = [url for url, each in self._entries.items() if each.gone]
        for url in gone[: max(0, len(gone) - _MOST_GONE)]:
            del self._entries[url]

    def know(self, spec: MemberSpec) -> None:
        """
        Note a member from before the first answer.
        """
        self._entries.setdefault(spec.url, _Entry(spec))

    def clear(self) -> None:
        """
        Forget everything.
        """
        self._entries.clear()

    @property
    def specs(self) -> list[MemberSpec]:
        """
        The members that there are, in the order in which they came.
        """
        return [each.spec for each in self._entries.values() if not each.gone]

    def _found(self, spec: MemberSpec) -> None:
        entry = self._entries.get(spec.url)
        if entry is None:
            entry = self._entries[spec.url] = _Entry(spec)
        if entry.misses:
            entry.returns = min(_MOST_DOUBLED, entry.returns + 1)
            entry.hits = 0
        entry.spec, entry.misses, entry.gone = spec, 0, False
        entry.hits += 1
        if entry.hits >= CALM:
            entry.returns = 0

    def _missed(self, url: str) -> None:
        entry = self._entries[url]
        entry.misses += 1
        if entry.misses >= self.missing << entry.returns:
            entry.gone = True
            if entry.misses >= _REMEMBERED:
                del self._entries[url]


class Wanted(NamedTuple):
    """
    What all sources of a balancer want of it.

    @ivar members: by URL.
    @ivar graces: source -> seconds between the end of new sessions and the removal.
    """

    members: Mapping[str, Origin]
    graces: Mapping[str, float]


def merged(rosters: Iterable[tuple[str, Sequence[MemberSpec]]]) -> dict[str, Origin]:
    """
    Put what several sources know together; of two that know the same member the first counts.
    """
    found: dict[str, Origin] = {}
    for source, specs in rosters:
        for spec in specs:
            found.setdefault(spec.url, Origin(source, spec))
    return found


class Following:
    """
    Makes the commands by which a balancer's members become what sources want.

    Members that people gave are nobody else's business. One that somebody removed stays away
    for as long as a source names it.
    """

    __slots__ = ("_leaving",)

    def __init__(self) -> None:
        self._leaving: dict[str, float] = {}

    def commands(self, balancer: Balancer, wanted: Wanted, now: float) -> list[Follow]:
        """
        Return what is to be done now.
        """
        name = balancer.spec.name
        live = {member.name: member for member in balancer.members}
        configured = {each.url for each in balancer.configured.members}
        balancer.dismissed = {
            url: wanted.members[url]
            for url in balancer.dismissed
            if url in wanted.members and url not in configured
        }
        found: list[Follow] = []
        for url, origin in wanted.members.items():
            member = live.get(url)
            self._leaving.pop(url, None)
            if member is None:
                if url not in balancer.dismissed and url not in configured:
                    found.append(AddMember(name, origin.spec, origin.source))
            elif member.origin is not None and member.origin != origin:
                found.append(RenewMember(name, origin.spec, origin.source))
        for url in self._leaving.keys() - live.keys():
            del self._leaving[url]
        for member in balancer.members:
            if member.origin is not None and member.name not in wanted.members:
                found += self._leave(name, member.origin, member.flags, wanted, now)
        return found

    def _leave(
        self, balancer: str, origin: Origin, flags_now: int, wanted: Wanted, now: float
    ) -> list[Follow]:
        url = origin.spec.url
        grace = wanted.graces.get(origin.source, 0.0)
        since = self._leaving.get(url)
        if since is None:
            since = self._leaving[url] = now
            if grace and not flags_now & flags.DRAIN:
                drained = replace(origin.spec, status=origin.spec.status | flags.DRAIN)
                return [RenewMember(balancer, drained, origin.source)]
        if now - since < grace:
            return []
        del self._leaving[url]
        return [RemoveMember(balancer, url, origin.source)]

    def next_end(self, balancer: Balancer, wanted: Wanted) -> float:
        """
        Return when the first of those that leave is to be removed; C{inf} for never.
        """
        origins = {member.name: member.origin for member in balancer.members}
        ends = [
            since + wanted.graces.get(origin.source, 0.0)
            for url, since in self._leaving.items()
            if (origin := origins.get(url)) is not None
        ]
        return min(ends, default=inf)
