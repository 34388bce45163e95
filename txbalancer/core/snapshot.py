"""
The live state of members as plain values, to be written down and read back.
"""

from __future__ import annotations

from math import inf
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.health import Health


def export(balancer: Balancer, now: float) -> dict[str, dict[str, Any]]:
    """
    Return each member's state by its name, made of JSON's types.

    Times are ages in seconds, for a monotonic clock means nothing to another process.
    Attempts in progress and connections are not part of it.
    """
    return {
        member.name: {
            "flags": member.flags,
            "cause": member.cause,
            "age": _age(member.since, now),
            "lbfactor": member.lbfactor,
            "lbset": member.lbset,
            "route": member.route.decode(),
            "redirect": member.redirect.decode(),
            "lbstatus": balancer.lbstatus(member),
            "elected": member.elected,
            "transferred": member.transferred,
            "read": member.read,
            "retries": member.retries,
            "error_age": _age(member.error_time, now),
            "up": member.health.up,
            "run": member.health.run,
        }
        for member in balancer.members
    }


def restore(balancer: Balancer, state: dict[str, dict[str, Any]], now: float) -> None:
    """
    Give members the state that L{export} wrote; those that are not there are left alone.
    """
    balancer.ledger.arrange(())
    for member in balancer.members:
        found = state.get(member.name)
        if found is None:
            continue
        member.flags, member.cause = found["flags"], found["cause"]
        member.since = _time(found["age"], now)
        member.lbfactor, member.lbset = found["lbfactor"], found["lbset"]
        member.route, member.redirect = found["route"].encode(), found["redirect"].encode()
        member.base = found["lbstatus"]
        member.elected, member.retries = found["elected"], found["retries"]
        member.transferred, member.read = found["transferred"], found["read"]
        member.error_time = _time(found["error_age"], now)
        member.health = Health(found["up"], found["run"])
    balancer.index()


def _age(time: float, now: float) -> float | None:
    return None if time == -inf else now - time


def _time(age: float | None, now: float) -> float:
    return -inf if age is None else now - age
