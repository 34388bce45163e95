"""
How far the draining of a member is.
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.control.manager.words import drain, since
from txbalancer.core import flags
from txbalancer.core.history import History, Outlook, outlook
from txbalancer.core.member import Member


class Draining(NamedTuple):
    """
    @ivar text: what it still has, and when that will be over.
    @ivar since: how long it drains already.
    @ivar part: how much is over, from 0 to 1; C{None} when it cannot be told.
    """

    text: str
    since: str
    part: float | None


def draining(
    member: Member, history: History, now: float, sessions: bool = True
) -> Draining | None:
    """
    Look at a member; C{None} for one that does not drain, or is out altogether.

    @param sessions: whether its balancer has any.
    """
    if not (member.flags & flags.DRAIN and flags.usable(member.flags)):
        return None
    lasted = now - member.since
    found = outlook(history, member.busy, sessions, lasted)
    return Draining(drain(found), since(member.since, now), done_part(found, lasted))


def done_part(found: Outlook, lasted: float) -> float | None:
    """
    Estimate how much of a drain is over; C{None} when it cannot be told.

    @param lasted: seconds since it began.
    """
    if found.done:
        return 1.0
    if found.left is None:
        return None
    return lasted / (lasted + found.left) if lasted > 0 else 0.0
