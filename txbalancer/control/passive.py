"""
What passive health found, as values of JSON's types.
"""

from __future__ import annotations

from math import inf
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.passive.breaker import Breaker

Report = dict[str, Any]


def of_member(member: Member, now: float, wall: float) -> Report:
    """
    Tell about a member.

    @param now: the time of the balancers' clock; C{wall}: since the epoch.
    """
    its = member.watched
    ejection = None
    if its.ejection is not None:
        ejection = {
            "kind": its.ejection.kind,
            "cause": its.ejection.cause,
            "until": wall + its.ejection.until - now,
            "times": its.ejection.times,
        }
    return {
        "ejection": ejection,
        "ejections": dict(its.ejections),
        "breaker": _breaker(its.breaker, now, wall),
        "share": member.share,
    }


def of_balancer(balancer: Balancer, now: float, wall: float) -> Report:
    """
    Tell about a balancer.
    """
    budget = balancer.budget
    return {
        "panic": balancer.panicking,
        "panics": balancer.panics,
        "spared": balancer.spared,
        "breaker": _breaker(balancer.breaker, now, wall),
        "retries": None
        if budget is None
        else {"in_progress": budget.in_progress, "denied": budget.denied},
    }


def _breaker(breaker: Breaker | None, now: float, wall: float) -> Report | None:
    if breaker is None:
        return None
    return {
        "state": breaker.state,
        "cause": breaker.cause,
        "until": None if breaker.until == inf else wall + breaker.until - now,
        "openings": breaker.openings,
    }
