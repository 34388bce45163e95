"""
Who comes back little by little: slow starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from txbalancer.core import flags
from txbalancer.core.lbmethods.bytraffic import traffic
from txbalancer.core.member import Member
from txbalancer.core.passive import slowstart
from txbalancer.core.standing import Flip, Standing


class Starting(Standing):
    """
    Members that come back after they were out, for whatever reason, begin with a part of their
    load factor. Those that were there at the start of the service do not.

    @ivar slowly: members that start slowly, and since when.
    """

    __slots__ = ("_by_traffic", "slowly")

    def __init__(self, on_flip: Callable[[Flip], object], plain: bool) -> None:
        super().__init__(on_flip, plain)
        self._by_traffic = False
        self.slowly: dict[Member, float] = {}

    def start_slowly(self, members: Iterable[Member], now: float) -> None:
        """
        Let members come to their share little by little, where they are configured so.
        """
        for member in members:
            if not member.spec.slow_start or self._plain:
                continue
            self.slowly[member] = now
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
