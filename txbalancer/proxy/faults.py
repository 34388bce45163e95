"""
What members do wrong again and again, in the log: no state of theirs tells of it.
"""

from __future__ import annotations

from twisted.logger import Logger

from txbalancer.core.failure import doubt_of
from txbalancer.core.member import Member
from txbalancer.errors import BalancerError, TLSFailed
from txbalancer.proxy.throttle import Throttle

PERIOD = 60.0
"""Seconds between two messages about one member."""


class Faults:
    """
    Warns of failures that will not pass by themselves: of TLS, and of members that have never
    answered, for they may speak something else.
    """

    __slots__ = ("_throttles",)

    log = Logger()

    def __init__(self) -> None:
        self._throttles: dict[str, Throttle] = {}

    def note(self, balancer: str, member: Member, error: BalancerError, now: float) -> None:
        """
        Warn of a failed attempt if it is of that kind: the first time, and then once a minute.

        @param now: monotonic seconds.
        """
        told = str(error).removeprefix(f"{member.name}: ").rstrip(".")
        if not isinstance(error, TLSFailed):
            doubt = doubt_of(member, error)
            if not doubt:
                return
            told += doubt
        more = self._throttles.setdefault(member.name, Throttle(PERIOD)).permit(now)
        if more is not None:
            self.log.warn(
                "{balancer}: {member}: {reason}: {told}{more}",
                balancer=balancer,
                member=member.name,
                reason=error.reason,
                told=told,
                more=more,
            )

    def forget(self, member: Member) -> None:
        """
        Drop what is known of a member that is gone.
        """
        self._throttles.pop(member.name, None)
