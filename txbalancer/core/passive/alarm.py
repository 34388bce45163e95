"""
What is said when something about a balancer is other that no flags show.
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.core.passive.breaker import HALF_OPEN, OPEN, Breaker
from txbalancer.core.values import counted


class Alarm(NamedTuple):
    """
    That something about a balancer is other now.

    @ivar kind: C{panic}, C{breaker}, C{retries}, C{spared} or C{slow-start}.
    @ivar bad: whether it is worse than before.
    @ivar text: for people, one line.
    @ivar member: its name, where it is about one.
    """

    kind: str
    bad: bool
    text: str
    member: str = ""


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


def of_retries(denied: int, percent: int) -> Alarm:
    """
    Say that the budget of retries is spent.

    @param denied: 0 when it begins; of an end, how many were denied.
    """
    if denied:
        text = f"retry-budget has room again: {counted(denied, 'further attempt')} denied meanwhile"
    else:
        text = f"retry-budget = {percent} % is spent: further attempts are denied"
    return Alarm("retries", not denied, text)


def of_spared(times: int, most: int) -> Alarm:
    """
    Say that outliers stay in use.

    @param times: 0 when it begins; of an end, how often one was spared.
    """
    if times:
        text = f"no outlier stays in use any more: {counted(times, 'ejection')} not made meanwhile"
    else:
        text = f"an outlier stays in use: outlier-most = {most} % of all allows for no more"
    return Alarm("spared", not times, text)


def of_slow_start(member: str, share: int, left: float) -> Alarm:
    """
    Say that a member starts slowly.

    @param left: seconds until it has all of its share; 0 once it has.
    """
    text = f"starts slowly: {share} % of its share, all of it in {left:.0f}s"
    return Alarm("slow-start", False, text if left else "has all of its share", member)
