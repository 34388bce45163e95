"""
Why a balancer has no member for a request, in words.
"""

from __future__ import annotations

from collections.abc import Iterable

from txbalancer.core import flags
from txbalancer.core.member import Member

MOST_NAMED = 6
"""Members of one condition that are named."""


def roll_call(members: Iterable[Member]) -> str:
    """
    Tell how many members are in which condition, and which; each is counted once.
    """
    found: dict[str, list[str]] = {}
    for member in members:
        word = next((word for bit, word in flags.REASONS if member.flags & bit), "usable")
        found.setdefault(word, []).append(member.name)
    return ", ".join(f"{len(names)} {word} ({_some(names)})" for word, names in found.items()) or (
        "it has none"
    )


def _some(names: list[str]) -> str:
    more = ["…"] if len(names) > MOST_NAMED else []
    return ", ".join(names[:MOST_NAMED] + more)
