"""
Who is an outlier: by failures in a row, by the failures of an interval, by being slow.

Source: PEERS 2.6, after Envoy's outlier detection. Unlike there, a success rate has to lie
L{LEAST_GAP} below the mean as well, for among members that hardly fail the deviation is next to
nothing, and the most that may be ejected counts all members that are out by health.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median, pstdev
from typing import NamedTuple

from txbalancer.core.member import Member
from txbalancer.core.passive.tally import Marks, Tally
from txbalancer.core.specs import BalancerSpec
from txbalancer.core.specs.passive import OutlierOptions

LEAST_GAP = 5.0
"""Points of success rate below the mean that no deviation explains."""

_LEAST_OTHERS = 2
"""Members that one is compared with in latency, at least."""


class Outlier(NamedTuple):
    """
    @ivar kind: as in L{Ejection<txbalancer.core.passive.ejection.Ejection>}; C{cause} too.
    """

    member: Member
    kind: str
    cause: str


def ejects(spec: OutlierOptions) -> bool:
    """
    Tell whether options have a rule that ejects.
    """
    return bool(
        spec.outlier_failures
        or spec.outlier_gateway
        or spec.outlier_local
        or spec.outlier_percent
        or spec.outlier_deviation
        or spec.outlier_latency
    )


def may_eject_one(spec: BalancerSpec) -> bool:
    """
    Tell whether anybody can be ejected while all configured members are well.
    """
    return _fits(1, len(spec.members), spec) or (spec.outlier_always_one and len(spec.members) > 1)


def _fits(out: int, members: int, spec: OutlierOptions) -> bool:
    return out * 100 <= spec.outlier_most * members


def in_a_row(tally: Tally, spec: OutlierOptions) -> tuple[str, str] | None:
    """
    Judge after a failure by how many there were in a row.

    @return: kind and cause.
    """
    if spec.outlier_local and tally.local >= spec.outlier_local:
        return "local", f"{tally.local} attempts in a row without an answer"
    if spec.outlier_gateway and tally.gateway >= spec.outlier_gateway:
        return "gateway", f"{tally.gateway} attempts in a row without an answer or with 502 to 504"
    if spec.outlier_failures and tally.row >= spec.outlier_failures:
        return "failures", f"{tally.row} failed answers in a row"
    return None


def judge(seen: Mapping[Member, Marks], spec: OutlierOptions) -> list[Outlier]:
    """
    Judge what members did in an interval.

    @param seen: what was counted of members that were in use.
    @return: each outlier once, the worst first: those that failed before those that are slow.
    """
    enough = {
        member: 100.0 * (its.requests - its.failed) / its.requests
        for member, its in seen.items()
        if its.requests >= spec.outlier_requests
    }
    found: dict[Member, Outlier] = {}
    worst = sorted(enough, key=enough.__getitem__)
    rules = (*_by_percent(enough, spec), *_by_deviation(enough, spec))
    for each in sorted(rules, key=lambda outlier: worst.index(outlier.member)):
        found.setdefault(each.member, each)
    for each in _by_latency(seen, spec):
        found.setdefault(each.member, each)
    return list(found.values())


def _by_percent(rates: Mapping[Member, float], spec: OutlierOptions) -> Iterable[Outlier]:
    if not spec.outlier_percent:
        return
    for member, rate in rates.items():
        if 100.0 - rate >= spec.outlier_percent:
            yield Outlier(member, "percent", f"{100.0 - rate:.0f} % of its requests failed")


def _by_deviation(rates: Mapping[Member, float], spec: OutlierOptions) -> Iterable[Outlier]:
    if not spec.outlier_deviation or len(rates) < spec.outlier_members:
        return
    mean, deviation = fmean(rates.values()), pstdev(rates.values())
    least = mean - max(spec.outlier_deviation * deviation, LEAST_GAP)
    for member, rate in rates.items():
        if rate < least:
            text = f"{rate:.1f} % of its requests went well, of all members' {mean:.1f} %"
            yield Outlier(member, "deviation", text)


def _by_latency(seen: Mapping[Member, Marks], spec: OutlierOptions) -> Iterable[Outlier]:
    if not spec.outlier_latency:
        return
    means = {
        member: its.seconds / its.timed
        for member, its in seen.items()
        if its.timed >= spec.outlier_requests
    }
    if len(means) <= _LEAST_OTHERS:
        return
    for member in sorted(means, key=means.__getitem__, reverse=True):
        usual = _median_of_others(means, member)
        if means[member] > max(spec.outlier_latency * usual, spec.outlier_floor):
            text = f"first bytes took {means[member] * 1000:.0f} ms, those of others"
            yield Outlier(member, "latency", f"{text} {usual * 1000:.0f} ms")


def _median_of_others(means: Mapping[Member, float], member: Member) -> float:
    return median(its for other, its in means.items() if other is not member)


def may_eject(out: int, members: Sequence[Member], spec: OutlierOptions) -> bool:
    """
    Tell whether one more may be ejected: afterwards no larger share may be out of use.

    @param out: members that are out by health now, for whatever reason.
    @param members: all that are not out by hand.
    """
    if _fits(out + 1, len(members), spec):
        return True
    # The last one that is in use is not ejected, for it would not help anybody.
    return spec.outlier_always_one and out == 0 and len(members) > 1
