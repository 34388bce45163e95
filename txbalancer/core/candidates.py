"""
Who may be elected: the one eligibility rule, the same for every lbmethod.

Source: APACHE A1 to A3 (the walk), A25 (retry), A30 to A32 (forced recovery).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from txbalancer.core.flags import (
    DRAIN,
    HELD,
    IN_ERROR,
    INIT,
    SPARE,
    STANDBY,
    STOPPED,
    TRIAL,
    UNHEALTHY,
)
from txbalancer.core.member import Member

Labels = Mapping[bytes, Sequence[Member]]
"""Who carries which label of a sticky scheme."""


class Field(NamedTuple):
    """
    The answer of the rule, for the caller to act upon.

    @ivar members: who is up for election, in the order of comparison, in which
        ties are settled.
    @ivar revived: members whose error is over: the caller clears it.
    @ivar valid_until: past this time the rule may say something else by itself.
    """

    members: list[Member]
    revived: Collection[Member]
    valid_until: float


def recovered(members: Sequence[Member], now: float, force: bool) -> list[Member]:
    """
    Name the members that come out of error before a selection (APACHE A30).

    Either the first one whose retry time is over, looked for only as far as all
    members before it are in error; or, when all are in error for good and C{force}
    is set, all of them. One member without error, even a disabled one, ends it (A31).
    """
    for member in members:
        if not member.flags & IN_ERROR:
            return []
        if member.retryable(now):
            return [member]
    return list(members) if force else []


def field(
    members: Sequence[Member], now: float, force: bool, tried: Collection[Member] = ()
) -> Field:
    """
    Find the members that are up for election.

    @param force: the balancer's C{forcerecovery}.
    @param tried: members that count as unusable for this request.
    """
    revived = dict.fromkeys(recovered(members, now, force))
    compared: list[Member] = []
    seen: list[Member] = []
    for lbset in sorted({member.lbset for member in members}):
        group = [member for member in members if member.lbset == lbset]
        seen += [member for member in group if not member.flags & DRAIN]
        compared = _of_lbset(group, now, tried, revived)
        if compared:
            break
    return Field(compared, revived, _deadline(members, seen, revived))


def _of_lbset(
    group: list[Member], now: float, tried: Collection[Member], revived: dict[Member, None]
) -> list[Member]:
    """
    Walk one lbset (APACHE A1 a-e); adds to C{revived} whoever comes back.
    """
    normals: list[Member] = []
    spares: list[Member] = []
    standbys: list[Member] = []
    missing = 0
    for member in group:
        flags = member.flags
        if flags & DRAIN:
            missing += not flags & (SPARE | STANDBY)
            continue
        able = member not in tried and (member.usable or _comes_back(member, now, revived))
        able = able and takes_more(member)
        rank = spares if flags & SPARE else standbys if flags & STANDBY else normals
        if able:
            rank.append(member)
        elif rank is normals:
            missing += 1
    return (normals + spares[:missing]) or standbys


def takes_more(member: Member) -> bool:
    """
    Tell whether the circuit breaker of a member that is usable leaves anything to try.
    """
    return not member.flags & TRIAL or member.elected < member.quota


def _comes_back(member: Member, now: float, revived: dict[Member, None]) -> bool:
    """
    Tell whether a member is usable once its error is ended (APACHE A25).
    """
    if member not in revived:
        if not member.retryable(now):
            return False
        revived[member] = None
    return member.flags & ~IN_ERROR & member.mask == INIT


def _deadline(members: Sequence[Member], seen: list[Member], revived: Collection[Member]) -> float:
    """
    Find when the next retry time is over, among those that the next walk looks at.
    """
    waiting = [member for member in seen if member.flags & IN_ERROR]
    for member in members:
        if not member.flags & IN_ERROR:
            break
        waiting.append(member)
    return min(
        (
            member.error_time + member.spec.retry
            for member in waiting
            if not member.flags & STOPPED and member not in revived
        ),
        default=inf,
    )


def able(members: Sequence[Member], now: float) -> int:
    """
    Count the members that a request without a session might go to, however busy they are.

    A member in error whose C{retry} is over counts, for only a request can tell; one whose
    checks fail does not. Forced recovery does not count: it is for want of anybody better.
    """
    return len(field(members, now, False).members)


def population(members: Sequence[Member]) -> list[Member]:
    """
    Return the members that people want to be used; of these some may be out by health.
    """
    return [member for member in members if member.flags & (INIT | HELD) == INIT]


def unhealthy(members: Sequence[Member]) -> int:
    """
    Count those that traffic or checks have put out.
    """
    return sum(member.flags & UNHEALTHY != 0 for member in members)


def in_panic(members: Sequence[Member], percent: int) -> bool:
    """
    Tell whether so few members are healthy that health should be ignored, for the few would
    break down under the load of all.

    @param percent: of the members of all lbsets that people want to be used; 0 = never.
    """
    wanted = population(members)
    return (len(wanted) - unhealthy(wanted)) * 100 < percent * len(wanted)


def by_label(members: Sequence[Member], labels: Callable[[Member], Iterable[bytes]]) -> Labels:
    """
    Index members by the labels that their sessions carry; empty ones match nobody.
    """
    found: dict[bytes, list[Member]] = {}
    for member in members:
        for label in labels(member):
            if label:
                found.setdefault(label, []).append(member)
    return found
