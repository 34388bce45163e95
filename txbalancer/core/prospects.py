"""
When a member that is out may be back, as far as that can be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from txbalancer.core import flags
from txbalancer.core.member import Member
from txbalancer.core.passive.breaker import OPEN


class Checks(NamedTuple):
    """
    What checks have to find before a member is back.

    @ivar passes: how many of them have passed so far that count for it.
    @ivar due: when the next one is expected.
    @ivar soonest: when the last one is, should all pass.
    """

    passes: int
    due: float
    soonest: float


def of_checks(member: Member, now: float) -> Checks | None:
    """
    Tell what the checks of a member that is out have to find; C{None} when there are none.

    A process that does not check itself knows of no results: then the next check is expected
    within a whole interval.
    """
    spec, health = member.spec, member.health
    if spec.hcmethod.lower() == "none" or member.flags & flags.STOPPED:
        return None
    passes = health.passes if spec.hccounting == "sums" else max(health.run, 0)
    missing = max(1, spec.hcpasses - passes)
    due = max(now, member.probed + spec.hcinterval)
    if now - member.probed > 2 * spec.hcinterval:
        due = now + spec.hcinterval
    return Checks(passes, due, due + (missing - 1) * spec.hcinterval)


def back(member: Member, now: float) -> float:
    """
    Return when a member may take requests at the soonest: now for one that does, C{inf} for one
    that only people bring back.
    """
    if member.usable:
        return now
    bits, its = member.flags, member.watched
    if bits & flags.HELD or not bits & flags.INIT:
        return inf
    checks = of_checks(member, now)
    found = inf if checks is None else checks.soonest
    if not bits & flags.HC_FAILED:
        # Passed checks end an error, too (APACHE C10).
        found = min(found, _after_error(member)) if bits & flags.IN_ERROR else now
    if bits & flags.EJECTED and its.ejection is not None:
        found = max(found, its.ejection.until)
    if bits & flags.TRIPPED and its.breaker is not None and its.breaker.state == OPEN:
        found = max(found, its.breaker.until)
    return max(now, found)


def _after_error(member: Member) -> float:
    if member.flags & flags.IGNORE_ERRORS:
        return -inf
    return member.error_time + member.spec.retry


def readiest(members: Iterable[Member], now: float) -> Member | None:
    """
    Return the member that is L{back} first of those that L{first_back} counts, if any ever is.
    """
    found, soonest = None, inf
    for member in members:
        if not member.flags & flags.DRAIN and (at := back(member, now)) < soonest:
            found, soonest = member, at
            if at <= now:
                break
    return found


def first_back(members: Iterable[Member], now: float) -> float:
    """
    Return when the first of several members may take requests; C{inf} for never. Draining ones
    do not count, for they take none but those of their sessions.
    """
    found = readiest(members, now)
    return inf if found is None else back(found, now)
