"""
Passive failures: which ones a member is blamed for, and when they are too many.
"""

from __future__ import annotations

from txbalancer import errors
from txbalancer.core.member import Member
from txbalancer.core.schemes import mode_of

_SPOKEN = {"http": "http without TLS"}


def blames(error: errors.BalancerError, reused: bool, scope: str) -> bool:
    """
    Tell whether a failed attempt counts against its member.

    Never counted: a client that leaves or misbehaves, the balancer's own queue
    (APACHE X8), and an idle connection that was closed just as it was taken for reuse,
    as every keep-alive timeout does.

    @param reused: the connection had carried a request before.
    @param scope: the member's C{blame}: C{connect} counts only connections that could
        not be made, as Apache does (APACHE F2, F4); C{all} every failure.
    """
    if not isinstance(error, errors.MemberError):
        return False
    if isinstance(error, errors.ConnectFailed):
        return True
    if reused and isinstance(error, errors.MemberClosed):
        return False
    return scope == "all"


def count(times: list[float], now: float, window: float, limit: int) -> bool:
    """
    Note a failure and tell whether there are C{limit} of them within C{window} seconds.

    @param times: the failures noted so far, oldest first; updated.
    """
    times.append(now)
    del times[:-limit]
    return len(times) == limit and now - times[0] <= window


def doubt_of(member: Member, error: errors.BalancerError) -> str:
    """
    Ask whether a member speaks what its URL says; empty where it has answered before, or where
    that is not what failed.
    """
    scheme = member.spec.scheme
    other = not isinstance(error, errors.MemberError) or isinstance(error, errors.ConnectFailed)
    if other or member.read or mode_of(scheme) != "http":
        return ""
    return f" (it has never answered: does it speak {_SPOKEN.get(scheme, scheme)}?)"
