"""
Who is in use and who is out, and why: everything that changes a member's flags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf
from typing import NamedTuple

from txbalancer import errors
from txbalancer.core import candidates, failure, flags
from txbalancer.core.health import observe, tally
from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member

_OUT = flags.HC_FAILED | flags.IN_ERROR


TRIED_AGAIN = "tried again"
"""The cause of a L{Flip} out of error that nothing but time, or need, brought about."""


COMMANDED = "by command"
"""The cause of a L{Flip} that somebody ordered."""


class Flip(NamedTuple):
    """
    A change of a member's flags.

    @ivar before: the flags before; C{after}: since.
    @ivar cause: why, for people.
    """

    member: Member
    before: int
    after: int
    cause: str


class Standing:
    """
    The members of a balancer and their condition.

    @ivar members: live members in order of declaration; C{named}: by their names.
    @ivar ledger: their lbstatus.
    @ivar valid_until: until when the last look at who is eligible holds; C{-inf} when
        something has changed since.
    @ivar on_flip: called with each L{Flip}, once all is consistent.
    """

    __slots__ = ("_plain", "ledger", "members", "named", "on_flip", "valid_until")

    def __init__(self, on_flip: Callable[[Flip], object], plain: bool) -> None:
        self._plain = plain
        self.on_flip = on_flip
        self.members: tuple[Member, ...] = ()
        self.named: dict[str, Member] = {}
        self.ledger = Ledger(())
        self.valid_until = -inf

    def connected(self, member: Member) -> None:
        """
        Note that a new connection to a member was made (APACHE A28).
        """
        member.error_time = -inf
        member.retries = 0

    def failed(
        self, member: Member, error: errors.BalancerError, now: float, reused: bool = False
    ) -> Flip | None:
        """
        Note a failed attempt; C{maxfails} of them within C{failwindow} put the member
        in error. A member just out of error has one try only, until it is L{connected}.

        @param reused: the connection had carried a request before.
        """
        spec = member.spec
        if not failure.blames(error, reused, spec.blame):
            return None
        limit = 1 if member.retries else spec.maxfails
        if not failure.count(member.failures, now, spec.failwindow, limit):
            return None
        cause = error.cause + failure.doubt_of(member, error)
        if limit > 1:
            cause = f"{limit} failures within {spec.failwindow:g}s, last: {cause}"
        return self.force_error(member, cause, now)

    def force_error(self, member: Member, cause: str, now: float) -> Flip | None:
        """
        Put a member in error at once, as C{failonstatus} and C{failontimeout} do.

        Nothing happens to members that ignore errors (C{+I}) or have no balancer.
        """
        if self._plain or member.flags & flags.IGNORE_ERRORS:
            return None
        member.error_time = now
        member.failures.clear()
        # Only passes from here on count towards the end of the error (APACHE C10).
        member.health = replace(member.health, run=0)
        self.changed()
        return self._emit(self._flag(member, member.flags | flags.IN_ERROR, cause, now))

    def take_over(
        self, member: Member, after: int, cause: str, error_time: float, now: float
    ) -> Flip | None:
        """
        Let a member be as another process with the same members has found it to be.

        @param error_time: the member's, as it is there.
        """
        fallen = after & ~member.flags & flags.IN_ERROR
        if fallen:
            member.failures.clear()
            member.health = replace(member.health, run=0)
        elif cause == TRIED_AGAIN and member.flags & ~after & flags.IN_ERROR:
            # Who fails now is out at once here as well.
            member.retries += 1
        member.error_time = error_time
        self.changed()
        return self.set_flags(member, after, cause, now)

    def health(self, member: Member, passed: bool, now: float, text: str = "") -> Flip | None:
        """
        Count a probe's result (APACHE C8 to C11), in runs or in sums as C{hccounting} says.

        Enough passes end every error, also one by passive failures.

        @param text: what the probe saw.
        """
        if member.flags & flags.STOPPED:
            return None
        after = self._judged(member, passed, now)
        if passed or not text:
            # That one failed is what the state after it says.
            verdict = f"health check {'passed' if passed else 'failed'}"
            text = f"{verdict}: {text}" if text else verdict
        return self.set_flags(member, after, text, now)

    def _judged(self, member: Member, passed: bool, now: float) -> int:
        """
        Count a result and return the flags that follow from it.
        """
        spec, before = member.spec, member.flags
        if spec.hccounting == "sums":
            out = before & _OUT != 0
            if not passed and not out:
                member.error_time = now
            member.health = tally(member.health, passed, out, spec.hcpasses, spec.hcfails)
            if member.health.up is not out:
                return before
            return before & ~_OUT if out else before | flags.HC_FAILED
        member.health = health = observe(member.health, passed, spec.hcpasses, spec.hcfails)
        if health.run >= spec.hcpasses:
            return before & ~_OUT
        return before | flags.HC_FAILED if -health.run >= spec.hcfails else before

    def set_flags(self, member: Member, after: int, cause: str, now: float) -> Flip | None:
        """
        Change a member's flags; C{None} when they are so already.
        """
        return self._emit(self._flag(member, after, cause, now))

    def changed(self) -> None:
        """
        Note that flags, factors or lbsets changed: the next election looks anew.
        """
        self.valid_until = -inf
        self.ledger.stale = True

    def _install(self, members: Iterable[Member]) -> None:
        before, self.members = self.members, tuple(members)
        for member in set(before).difference(self.members):
            member.flags |= flags.SHUTDOWN  # whoever still knows it must not choose it
        self.named = {member.name: member for member in self.members}
        for index, member in enumerate(self.members):
            member.index = index
        self.ledger.arrange(())
        self.ledger.members = self.members
        self.changed()

    def _recover(self, now: float, force: bool) -> None:
        for member in candidates.recovered(self.members, now, force):
            self._emit(self._revive(member, now))

    def _usable(self, member: Member, now: float) -> bool:
        if not member.usable and member.retryable(now):
            self._emit(self._revive(member, now))
        return member.usable and candidates.takes_more(member)

    def _revive(self, member: Member, now: float) -> Flip | None:
        member.retries += 1
        return self._flag(member, member.flags & ~flags.IN_ERROR, TRIED_AGAIN, now)

    def _flag(self, member: Member, after: int, cause: str, now: float) -> Flip | None:
        before = member.flags
        if after == before:
            return None
        member.flags, member.cause, member.since = after, cause, now
        member.flips += 1
        self.changed()
        return Flip(member, before, after, cause)

    def _emit(self, flip: Flip | None) -> Flip | None:
        if flip is not None:
            self.on_flip(flip)
        return flip
