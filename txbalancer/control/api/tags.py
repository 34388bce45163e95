"""
Entity tags: of what is configured and set by hand, not of what is counted, so that a tag tells
whether somebody else has changed something meanwhile (RFC 9110 sections 8.8.3 and 13.1).
"""

from __future__ import annotations

import re
from collections.abc import Hashable

from txbalancer.control.api.problem import Problem
from txbalancer.control.slices import Steps, of_each
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.overrides import hand_flags

_TAG = re.compile(r'\s*(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|\Z)')

_MANY = 100
"""Members that are looked at in one slice: half a millisecond's work."""


def of_member(member: Member) -> str:
    """
    Return the tag of a member.
    """
    return _tag(_member(member))


def of_balancer(balancer: Balancer) -> Steps[str]:
    """
    Return the tag of a balancer with its members.
    """
    members = yield from of_each(lambda each: hash(_member(each)), balancer.members, _MANY)
    return _tag((balancer.spec, *members))


def _tag(value: Hashable) -> str:
    # Of one process, as what is changed at run time is at first.
    return f'"{hash(value) & 0xFFFF_FFFF_FFFF_FFFF:016x}"'


def _member(member: Member) -> Hashable:
    temporary = member.temporary
    return (
        member.spec,
        member.lbfactor,
        member.lbset,
        member.route,
        member.redirect,
        member.flags & hand_flags(member.spec),
        None if temporary is None else temporary.loadfactor,
    )


def tags_in(header: str) -> list[str] | None:
    """
    Read If-Match or If-None-Match: its tags, or C{None} for C{*}.

    Weak ones count as strong: ours change with every change.
    """
    if header.strip() == "*":
        return None
    return [match[1] for match in _TAG.finditer(header)]


def check_match(header: str | None, tag: str) -> None:
    """
    @param header: If-Match, C{None} where it is not sent.
    @raise Problem: 412 when what is there is not what the sender knows.
    """
    if header is None:
        return
    wanted = tags_in(header)
    if wanted is not None and tag not in wanted:
        raise Problem(
            412,
            "somebody else has changed it meanwhile",
            "read it again, and send its new ETag as If-Match",
            headers={"ETag": tag},
        )


def unchanged(header: str | None, tag: str) -> bool:
    """
    Tell whether the sender of If-None-Match has what is there.
    """
    if header is None:
        return False
    known = tags_in(header)
    return known is None or tag in known
