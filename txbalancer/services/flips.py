"""
Changes of members' states that nobody ordered, told to people and to requests that wait.
"""

from __future__ import annotations

from twisted.logger import Logger

from txbalancer.control.journal import Journal
from txbalancer.core import flags
from txbalancer.core.member import Member
from txbalancer.core.standing import Flip
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime

COMMANDED = "by command"
"""The cause of changes that have an event of their own."""

LATE = 1.0
"""Seconds after which it is told how a member is whose changes were too many to tell each."""


class Flips:
    """
    Logs and notes each change once. What somebody ordered is noted as that order instead.

    Where all members are down each request brings them in and out again (forced recovery): of
    such changes only some are told, and the state that they end in.
    """

    log = Logger()

    def __init__(self, runtime: Runtime, journal: Journal) -> None:
        self._runtime = runtime
        self._journal = journal
        # Flags as they were last told, of members about which something was left out.
        self._untold: dict[Member, int] = {}

    def flipped(self, flip: Flip, resource: BalancerResource) -> None:
        """
        Take notice of a change.
        """
        if flags.usable(flip.after):
            self._runtime.reactor.callLater(0, resource.serve_waiting)
        more: str | None = ""
        if flip.member.retries and flip.cause != COMMANDED:
            more = resource.relapses.permit(self._runtime.now())
        if more is None:
            self._leave_out(flip, resource)
        else:
            self._tell(flip, resource.balancer.spec.name, more)

    def _leave_out(self, flip: Flip, resource: BalancerResource) -> None:
        member = flip.member
        if member in self._untold:
            return
        self._untold[member] = flip.before

        def tell() -> None:
            before = self._untold.pop(member)
            if member.flags != before and not member.flags & flags.SHUTDOWN:
                name = resource.balancer.spec.name
                self._tell(Flip(member, before, member.flags, member.cause), name, "")

        self._runtime.reactor.callLater(LATE, tell)

    def _tell(self, flip: Flip, balancer: str, more: str) -> None:
        member = flip.member
        if member in self._untold:
            self._untold[member] = flip.after
        before, after = (flags.describe(each).strip() for each in (flip.before, flip.after))
        level = self.log.info if flags.usable(flip.after) else self.log.warn
        level(
            "{balancer}: {member} {before} -> {after}: {cause}{more}",
            more=more,
            balancer=balancer,
            member=member.name,
            before=before,
            after=after,
            cause=flip.cause,
        )
        if flip.cause != COMMANDED:
            self._journal.note(
                "flip",
                f"{before} -> {after}: {flip.cause}{more}",
                balancer=balancer,
                member=member.name,
                details={"before": before, "after": after, "cause": flip.cause},
            )
