"""
Who may use a mount: Apache's C{Require} rules as values.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values


@dataclass(frozen=True, slots=True)
class Require:
    """
    One demand on a client.

    @ivar kind: C{all granted}, C{all denied}, C{ip}, C{local}, C{host}, C{forward-dns},
        C{user} or C{valid-user}.
    @ivar words: addresses and ranges (normalised CIDRs), names or users; any may hold.
    """

    kind: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """
    Holds when its rule does not; may only stand beside rules that hold.
    """

    rule: Rule


@dataclass(frozen=True, slots=True)
class Group:
    """
    Several rules as one.

    @ivar kind: C{any}, C{all} or C{none} of the rules must hold.
    """

    kind: str
    rules: tuple[Rule, ...]


Rule = Require | Not | Group


@values.kind("a rule such as: all granted, ip 10.0.0.0/8, user NAME, all(user NAME, not ip ::1)")
def rule(text: str) -> Rule:
    """
    Read one rule.
    """
    raise ValueError(f"{text!r} cannot be read")


rules = values.each_line(rule)
