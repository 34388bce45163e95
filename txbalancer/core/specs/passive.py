"""
The options of passive health: outliers, circuit breakers, slow start, panic, retry budget.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.specs.fields import option
from txbalancer.core.specs.kinds import decimal

_PERCENT = values.integer(0, 100)
_COUNT = values.integer(0, 100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOptions:
    """
    The circuit breaker of a balancer, or of each member.
    """

    breaker_percent: int = option(
        _PERCENT, 0, "Percentage of failed requests that opens the circuit breaker; 0 = none does."
    )
    breaker_latency: float = option(
        values.duration(),
        0.0,
        "Time to the first byte that too many answers exceed when it opens; 0 = time is no reason.",
    )
    breaker_quantile: int = option(
        values.integer(1, 99), 95, "Percentage of answers that must be within breaker-latency."
    )
    breaker_window: float = option(
        values.duration(1.0), 10.0, "Time over which the circuit breaker counts."
    )
    breaker_requests: int = option(
        values.integer(1, 100_000), 20, "Requests within breaker-window below which it never opens."
    )
    breaker_open: float = option(
        values.duration(1.0), 10.0, "How long an open circuit breaker lets nothing through."
    )
    breaker_trials: int = option(
        values.integer(1, 1000),
        3,
        "Requests let through after that: it closes when all of them go well, one bad one opens it"
        " again.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierOptions(BreakerOptions):
    """
    When a member is ejected for what its traffic shows, and for how long.
    """

    outlier_failures: int = option(
        _COUNT, 0, "Failed answers in a row (5xx but 501 and 505, or none) that eject; 0 = off."
    )
    outlier_gateway: int = option(
        _COUNT, 0, "Failures in a row that eject, of which 502 to 504 and no answer count; 0 = off."
    )
    outlier_local: int = option(
        _COUNT, 0, "Attempts in a row without an answer that eject; 0 = off."
    )
    outlier_percent: int = option(
        _PERCENT, 0, "Percentage of failed requests in an interval that ejects; 0 = off."
    )
    outlier_deviation: float = option(
        decimal(0, 100),
        0.0,
        "Ejected is whose success rate is so many standard deviations below the mean; 0 = off.",
    )
    outlier_latency: float = option(
        decimal(0, 1000),
        0.0,
        "Ejected is whose mean time to the first byte exceeds the median of the others so many"
        " times; 0 = off.",
    )
    outlier_floor: float = option(
        values.duration(), 0.1, "Mean time to the first byte that outlier-latency never ejects for."
    )
    outlier_requests: int = option(
        values.integer(1, 100_000),
        50,
        "Requests of a member in an interval below which it is not judged by it.",
    )
    outlier_members: int = option(
        values.integer(2, 1000), 5, "Members with outlier-requests that outlier-deviation needs."
    )
    outlier_interval: float = option(
        values.duration(1.0), 10.0, "Interval that percentage, deviation and latency are of."
    )
    outlier_time: float = option(
        values.duration(1.0), 30.0, "How long a first ejection is; the n-th in a row is n times it."
    )
    outlier_longest: float = option(values.duration(1.0), 300.0, "How long an ejection is at most.")
    outlier_most: int = option(
        _PERCENT,
        50,
        "Percentage of the members that may be out by health after an ejection at most.",
    )
    outlier_always_one: bool = option(
        values.flag, False, "Whether one may be ejected even where outlier-most is less than one."
    )
    outlier_check_ends: bool = option(
        values.flag, False, "Whether hcpasses passed checks in a row end an ejection."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancerPassive(OutlierOptions):
    """
    What a balancer makes of the health of its members.
    """

    panic: int = option(
        _PERCENT,
        0,
        "Percentage of healthy members below which health is ignored and all are used; 0 = never.",
    )
    retry_budget: int = option(
        _PERCENT,
        0,
        "Percentage of the requests in progress that may be further attempts; 0 = no limit.",
    )
    retry_budget_min: int = option(
        values.integer(0, 100_000), 3, "Further attempts in progress that retry-budget never stops."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPassive(BreakerOptions):
    """
    What is done for the health of a member.
    """

    slow_start: float = option(
        values.duration(),
        0.0,
        "Time in which a member that comes back, or is new at run time, gets its share; 0 = none.",
    )
    slow_start_aggression: float = option(
        decimal(0.1, 10),
        1.0,
        "Curve of slow-start: 1 = a straight line; above, most comes early; below, late.",
    )
