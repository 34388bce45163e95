"""
Who comes back little by little: slow starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from txbalancer.core import flags
from txbalancer.core.lbmethods.bytraffic import traffic
from txbalancer.core.member import Member
from txbalancer.core.passive import slowstart
from txbalancer.core.passive.alarm import Alarm, of_slow_start
from txbalancer.core.standing import Flip, Standing

_BRIEF = 1.0
"""Seconds before a slow start is told: of members that are all down each comes back at any time."""


class Starting(Standing):
    """
    Members that come back after they were out, for whatever reason, begin with a part of their
    load factor. Those that were there at the start of the service do not.

    @ivar slowly: members that start slowly, and since when.
    @ivar on_alarm: called with each L{Alarm}.
    """

    __slots__ = ("_by_traffic", "_told", "on_alarm", "slowly")

    def __init__(self, on_flip: Callable[[Flip], object], plain: bool) -> None:
        super().__init__(on_flip, plain)
        self._by_traffic = False
        self.slowly: dict[Member, float] = {}
        self._told: set[Member] = set()
        self.on_alarm: Callable[[Alarm], object] = lambda alarm: None

    def start_slowly(self, members: Iterable[Member], now: float) -> None:
        """
        Let members come to their share little by little, where they are configured so.
        """
        for member in members:
            if not member.spec.slow_start or self._plain:
                continue
            self.slowly[member] = now
            self._told.discard(member)
            member.set_share(slowstart.LEAST)
            if self._by_traffic:
                # It begins level with the others: what they moved meanwhile would all be its own.
                others = (each for each in self.members if each is not member and each.usable)
                member.lead += min(map(traffic, others), default=0) - traffic(member)
            self.changed()

    def go_on(self, now: float) -> None:
        """
        Let those that start slowly have what they are to have by now.
        """
        for member, since in list(self.slowly.items()):
            spec = member.spec
            part = slowstart.FULL
            if spec.slow_start and member in self.members:
                part = slowstart.share(now - since, spec.slow_start, spec.slow_start_aggression)
            if part != member.share:
                before = traffic(member)
                member.set_share(part)
                member.lead += before - traffic(member)
                self.changed()
            if part == slowstart.FULL:
                del self.slowly[member]
            self._tell_start(member, since, now)

    def _tell_start(self, member: Member, since: float, now: float) -> None:
        """
        Tell that a member starts slowly, once it has lasted, and that it does no more.
        """
        starts = member in self.slowly
        if starts is (member in self._told) or (starts and now < since + _BRIEF):
            return
        if not starts:
            self._told.discard(member)
        if _serves(member.flags):
            if starts:
                self._told.add(member)
            left = since + member.spec.slow_start - now if starts else 0.0
            self.on_alarm(of_slow_start(member.name, member.share, left))

    def _flag(self, member: Member, after: int, cause: str, now: float) -> Flip | None:
        flip = super()._flag(member, after, cause, now)
        if flip is not None and _serves(after) and not _serves(flip.before):
            self.start_slowly((member,), now)
        return flip


def _serves(bits: int) -> bool:
    """
    Tell whether a member may carry traffic that is no trial.
    """
    return flags.usable(bits) and not bits & flags.TRIAL
