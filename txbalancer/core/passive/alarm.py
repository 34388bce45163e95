"""
What is said when something about a whole balancer is other.
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.core.passive.breaker import HALF_OPEN, OPEN, Breaker


class Alarm(NamedTuple):
    """
    That something about a whole balancer is other now.

    @ivar kind: C{panic} or C{breaker}.
    @ivar bad: whether it is worse than before.
    @ivar text: for people, one line.
    """

    kind: str
    bad: bool
    text: str


def of_panic(healthy: int, members: int, percent: int, panic: bool) -> Alarm:
    """
    Say that health counts no more, or again.
    """
    text = f"{healthy} of {members} members are healthy"
    end = f"below panic = {percent} %: health is ignored, all are used"
    text += f", {end}" if panic else ": panic is over, health counts again"
    return Alarm("panic", panic, text)


def of_breaker(breaker: Breaker) -> Alarm:
    """
    Say what a balancer's circuit breaker does now.
    """
    text = f"circuit breaker {breaker.state}"
    if breaker.state == OPEN:
        text += f": {breaker.cause}, requests get 503 for {breaker.spec.breaker_open:g}s"
    elif breaker.state == HALF_OPEN:
        text += f": {breaker.left} requests are let through"
    else:
        text += ": all trials went well"
    return Alarm("breaker", breaker.state == OPEN, text)
