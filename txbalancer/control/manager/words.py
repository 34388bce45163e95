"""
A member's condition in words, and numbers as people read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.health import ProbeResult
from txbalancer.core.history import Outlook
from txbalancer.core.member import Member
from txbalancer.core.passive.breaker import HALF_OPEN, OPEN
from txbalancer.core.passive.slowstart import FULL
from txbalancer.core.prospects import of_checks
from txbalancer.core.standing import COMMANDED
from txbalancer.core.values import counted

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


class Condition(NamedTuple):
    """
    @ivar tone: C{good}, C{watch}, C{bad} or C{off}, for a colour.
    @ivar text: what it means for requests, in words.
    """

    tone: str
    text: str


def condition(member: Member, now: float) -> Condition:
    """
    Say whether a member is in use, and if not, why and for how long.
    """
    bits = member.flags
    found = _by_flags(member, bits, now)
    if member.usable and not flags.usable(bits):
        return Condition("bad", f"used in panic all the same; {found.text}")
    return found


def _by_flags(member: Member, bits: int, now: float) -> Condition:
    if bits & flags.STOPPED:
        return Condition("off", "out: stopped, takes no requests and no checks")
    if bits & flags.DISABLED:
        return Condition("off", "out: disabled")
    if bits & flags.HC_FAILED:
        # Passed checks end an error, too, and nothing else ends this (APACHE C10).
        return Condition(
            "bad", f"out: its health checks fail{_found(member)}{_passes(member, now)}"
        )
    if bits & flags.IN_ERROR:
        return Condition("bad", f"out: in error{_cause(member)}{_again(member, now)}")
    if bits & flags.PASSIVE:
        return Condition("bad", _left_out(member, now))
    if not flags.usable(bits):
        return Condition("off", "out: not ready")
    if bits & flags.DRAIN:
        return Condition("watch", "draining: takes the requests of its sessions only")
    if bits & flags.SPARE:
        return Condition("watch", "hot spare: takes requests when another is out")
    if bits & flags.STANDBY:
        return Condition("watch", "hot standby: takes requests when all others are out")
    if member.share != FULL:
        return Condition("good", f"in use, starts slowly: {member.share} % of its share")
    return Condition("good", "in use")


def _left_out(member: Member, now: float) -> str:
    """
    Say what its own traffic did to a member.
    """
    bits, ejection, breaker = member.flags, member.watched.ejection, member.watched.breaker
    if bits & flags.EJECTED:
        if ejection is None:
            return "out: ejected"
        left = span(ejection.until - now)
        return f"out: ejected: {ejection.cause}, {ejection.turn}; back in {left}"
    if bits & flags.TRIPPED:
        if breaker is None:
            return "out: its circuit breaker is open"
        left = span(breaker.until - now)
        return f"out: its circuit breaker is open: {breaker.cause}; tried again in {left}"
    return "out but for trials: its circuit breaker is half-open"


def alarms(balancer: Balancer, now: float) -> list[str]:
    """
    Say what is wrong with a balancer as a whole.
    """
    found = []
    if balancer.panicking:
        found.append(
            f"Panic: less than {balancer.spec.panic} % of the members are healthy, so health is"
            " ignored and all are used"
        )
    breaker = balancer.breaker
    if breaker is not None and breaker.state == OPEN:
        left = span(breaker.until - now)
        found.append(f"Circuit breaker open: {breaker.cause}; requests get 503 for {left}")
    elif breaker is not None and breaker.state == HALF_OPEN:
        found.append("Circuit breaker half-open: only trials get through")
    if balancer.denying.more:
        many = counted(balancer.denying.more, "further attempt")
        found.append(f"Retry budget spent: {many} denied")
    if balancer.sparing.more:
        many = counted(balancer.sparing.more, "ejection")
        most = balancer.spec.outlier_most
        found.append(f"Outliers stay in use: {many} not made, for outlier-most = {most} %")
    return found


def drain(outlook: Outlook) -> str:
    """
    Say what a draining member still has, and when that will be over.
    """
    if outlook.done:
        return f"empty: {_sessions(outlook)}" if outlook.quiet else "empty"
    parts = [f"{outlook.busy} in progress", _sessions(outlook)]
    if outlook.early:
        parts.append("too early to tell for how long")
    elif outlook.left is None and outlook.sticky:
        parts.append("no end in sight, sessions do not become fewer")
    elif outlook.left:
        parts.append(f"empty in about {span(outlook.left)}")
    return ", ".join(parts)


def _sessions(outlook: Outlook) -> str:
    if not outlook.sticky:
        return f"no request of a session for {span(outlook.quiet)}"
    before = f", {outlook.before} in the one before" if outlook.before else ""
    return f"{counted(outlook.sticky, 'request')} of sessions in the last minute{before}"


def found(result: ProbeResult) -> str:
    """
    Say what a check found, and how long that took.
    """
    took = f"{result.duration * 1000:.0f} ms"
    if not result.text:
        return f"in {took}"
    # Most say it themselves.
    return result.text if " ms" in result.text else f"{result.text}, took {took}"


def _cause(member: Member) -> str:
    # What people changed since does not say why.
    return f": {member.cause}" if member.cause not in ("", COMMANDED) else ""


def _found(member: Member) -> str:
    """
    Say what the last check that failed has found.
    """
    failed = next((each for _, each in reversed(member.probes) if not each.passed), member.probe)
    return "" if failed is None or failed.passed or not failed.text else f": {failed.text}"


def _passes(member: Member, now: float) -> str:
    """
    Say what brings a member back that its checks have taken out.
    """
    checks, wanted = of_checks(member, now), member.spec.hcpasses
    if checks is None:
        return "; nothing checks it now, it has to be brought back by hand"
    passes = "the first that passes" if wanted == 1 else f"{wanted} passes"
    if wanted > 1 and member.spec.hccounting != "sums":
        passes += " in a row"
    so_far = f" ({checks.passes} so far)" if wanted > 1 else ""
    return f"; back after {passes}{so_far}, next check {_soon(checks.due - now)}"


def _soon(left: float) -> str:
    return f"in {span(left)}" if left >= 0.5 else "now"


def _again(member: Member, now: float) -> str:
    left = member.error_time + member.spec.retry - now
    if member.flags & flags.IGNORE_ERRORS:
        return "; tried all the same"
    if left <= 0:
        return "; tried again with the next request"
    checks = of_checks(member, now)
    sooner = (
        ", or when its checks pass" if checks is not None and checks.soonest - now < left else ""
    )
    return f"; tried again in {span(left)}{sooner}"


def since(time: float, now: float) -> str:
    """
    Say how long ago something was; empty for never.
    """
    return "" if time == -inf else span(now - time)


def span(seconds: float) -> str:
    """
    Write a length of time with its largest unit: C{45 s}, C{3 min}.
    """
    for worth, unit in _UNITS:
        if seconds >= worth:
            return f"{seconds // worth:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def summary(tones: Sequence[str]) -> str:
    """
    Count what state members are in: C{3 members: 2 in use, 1 out}.

    @param tones: those of their L{Condition}s.
    """
    parts = {
        "in use": tones.count("good"),
        "in reserve or draining": tones.count("watch"),
        "out": tones.count("bad") + tones.count("off"),
    }
    shown = ", ".join(f"{number} {what}" for what, number in parts.items() if number)
    return counted(len(tones), "member") + (f": {shown}" if shown else "")


def short_size(count: int) -> str:
    """
    Write bytes in four characters, as Apache does: C{"805 "}, C{"3.3K"}, C{" 47M"}.
    """
    if count < 973:
        return f"{count:3d} "
    for unit in "KMGTPE":
        count, rest = divmod(count, 1024)
        if count >= 973 and unit != "E":
            continue
        if count < 9 or (count == 9 and rest < 973):
            tenths = (rest * 5 + 256) // 512
            if tenths >= 10:
                count, tenths = count + 1, 0
            return f"{count}.{tenths}{unit}"
        return f"{count + (rest >= 512):3d}{unit}"
    raise AssertionError
