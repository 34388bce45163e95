"""
What the log and the journal say of members that go out and come back.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from txbalancer.control.journal import Journal
from txbalancer.core import flags
from txbalancer.core.member import Member
from txbalancer.core.passive.alarm import Alarm
from txbalancer.core.standing import COMMANDED, TRIED_AGAIN, Flip
from txbalancer.proxy.runtime import Runtime

_PERIOD = 1.0
"""Seconds between two lines about a member that is tried again and fails again."""


class FlipLog:
    """
    Tells of the members of one balancer.

    Where all are down each request brings them in and out again (forced recovery). Of that each
    member has a line a second, and a last one with what has come of it.
    """

    log = Logger()

    def __init__(self, runtime: Runtime, balancer: str, journal: Journal) -> None:
        """
        @param balancer: its name, for the lines.
        @param journal: where what nobody ordered is noted.
        """
        self._journal = journal
        self._runtime = runtime
        self._balancer = balancer
        self._held: dict[Member, _Held] = {}

    def tell(self, flip: Flip) -> None:
        """
        Write down a change, now or when there was enough said of its member.
        """
        member = flip.member
        fallen = flip.after & ~flip.before & flags.IN_ERROR
        if member.retries and (fallen or flip.cause == TRIED_AGAIN):
            if member in self._held:
                self._held[member].append(flip)
                return
            self._hold(member)
        elif member in self._held:
            # Whatever was held back is older than this line, which says how it is now.
            self._held[member].clear()
        self._write(flip)

    def alarm(self, alarm: Alarm) -> None:
        """
        Write down what no flags show.
        """
        level = self.log.warn if alarm.bad else self.log.info
        member = f"{alarm.member} " if alarm.member else ""
        level("{balancer}: {member}{text}", balancer=self._balancer, member=member, text=alarm.text)
        self._journal.follow(
            alarm.kind,
            alarm.text,
            balancer=self._balancer,
            member=alarm.member,
            details={"bad": alarm.bad},
        )

    def _hold(self, member: Member) -> None:
        self._held[member] = _Held()
        self._runtime.reactor.callLater(_PERIOD, self._lift, member)

    def _lift(self, member: Member) -> None:
        held = self._held.pop(member)
        if held.last is not None and not member.flags & flags.SHUTDOWN:
            self._write(held.last, f" (and {held.more} more like it)" if held.more else "")
            self._hold(member)

    def _write(self, flip: Flip, more: str = "") -> None:
        before, after = flags.in_words(flip.before), flags.in_words(flip.after)
        if before == after:
            # Bits that have no words of their own.
            before, after = flags.describe(flip.before).strip(), flags.describe(flip.after).strip()
        # A cause may say the state itself, for where it stands alone.
        cause = flip.cause.removeprefix(f"{after}: ")
        level = self.log.info if flags.usable(flip.after) else self.log.warn
        level(
            "{balancer}: {member} {before} -> {after}: {cause}{more}",
            more=more,
            balancer=self._balancer,
            member=flip.member.name,
            before=before,
            after=after,
            cause=cause,
        )
        if flip.cause != COMMANDED:
            # Those are an event of their own.
            self._journal.follow(
                "flip",
                f"{before} -> {after}: {cause}{more}",
                balancer=self._balancer,
                member=flip.member.name,
                details={
                    "before": flags.describe(flip.before).strip(),
                    "after": flags.describe(flip.after).strip(),
                    "cause": flip.cause,
                    **self._ejection(flip),
                },
            )

    def _ejection(self, flip: Flip) -> dict[str, Any]:
        found = flip.member.watched.ejection
        if found is None or flip.before & flags.EJECTED:
            return {}
        until = self._runtime.wall() + found.until - self._runtime.now()
        return {"kind": found.kind, "until": until, "times": found.times}


class _Held:
    """
    What is not told yet of a member of which enough was said for now.

    @ivar last: the latest change; C{None} when there was none.
    @ivar more: the number of those before it.
    """

    __slots__ = ("last", "more")

    def __init__(self) -> None:
        self.last: Flip | None = None
        self.more = 0

    def append(self, flip: Flip) -> None:
        """
        Take a change.
        """
        self.more += self.last is not None
        self.last = flip

    def clear(self) -> None:
        """
        Forget all.
        """
        self.last = None
        self.more = 0
