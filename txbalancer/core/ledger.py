"""
Every member's lbstatus, exact and at constant cost per request.

Apache walks all members for each request and adds each one's factor to its
lbstatus (APACHE A5, A10). Members of the same standing all gain by the same rule,
so two counters say it for all of them, and only the chosen one is touched:

C{lbstatus = base + weight * elections + credit * hits}

Weight and credit are the factor or 0, and change only in L{Ledger.arrange}.
"""

from __future__ import annotations

from collections.abc import Sequence

from txbalancer.core.member import Member


class Ledger:
    """
    @ivar elections: charged elections since the last arrangement.
    @ivar hits: sticky hits since the last arrangement.
    @ivar stale: set when flags, factors or members changed: who may gain is then
        worked out anew before the next charge.
    """

    __slots__ = ("_gain", "_share", "elections", "hits", "members", "stale")

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.elections = self.hits = 0
        self._gain = self._share = 0
        self.stale = True

    def status(self, member: Member) -> int:
        """
        Return a member's lbstatus, in hundredths of a turn.
        """
        return member.base + member.weight * self.elections + member.credit * self.hits

    def arrange(self, compared: Sequence[Member]) -> None:
        """
        Settle all members, then let each C{compared} one gain by elections and each
        usable one by sticky hits, from now on.
        """
        elections, hits = self.elections, self.hits
        share = 0
        for member in self.members:
            member.base += member.weight * elections + member.credit * hits
            member.weight = 0
            member.credit = member.factor if member.usable else 0
            share += member.credit
        gain = 0
        for member in compared:
            gain += member.factor
            member.weight = member.factor
        self._gain, self._share = gain, share
        self.elections = self.hits = 0
        self.stale = False

    def charge_election(self, member: Member) -> None:
        """
        Let all compared members gain their factor and C{member} pay for it (APACHE A5).
        """
        self.elections += 1
        member.base -= self._gain

    def charge_sticky(self, member: Member) -> None:
        """
        Let all usable members gain their factor and C{member} pay for it (APACHE A10).
        """
        if self.stale:
            self.arrange(())
        self.hits += 1
        member.base -= self._share

    def restart(self, by_factor: bool = False) -> None:
        """
        Set every lbstatus to 0 (APACHE A17), or to the factor (manager, C{w_lf}).
        """
        self.elections = self.hits = 0
        for member in self.members:
            member.base = member.lbfactor if by_factor else 0
        self.stale = True
