"""
When a member that is out may be back.
"""

from __future__ import annotations

from math import inf

import pytest

from tests.core.balancers import balancer, member
from txbalancer.core import flags
from txbalancer.core.health import Health
from txbalancer.core.passive.ejection import Ejection
from txbalancer.core.prospects import of_checks

CHECKED = {"hcmethod": "get", "hcinterval": 5.0, "hcpasses": 3}


def out(bits, *, probed=-inf, passes=0, **options):
    """
    Return a balancer of one member, which has these flags beside C{INIT}.
    """
    lb = balancer(member("a", retry=7.0, **options))
    (a,) = lb.members
    a.probed, a.error_time, a.health = probed, 100.0, Health(False, passes)
    lb.set_flags(a, flags.INIT | bits, "", 100.0)
    return lb


@pytest.mark.parametrize(
    ("bits", "options", "expected"),
    [
        (0, {}, 101.0),
        (flags.IN_ERROR, {}, 107.0),
        (flags.IN_ERROR | flags.IGNORE_ERRORS, {}, 101.0),
        (flags.IN_ERROR | flags.DISABLED, {}, inf),
        (flags.IN_ERROR | flags.DRAIN, {}, inf),
        (flags.DISABLED, CHECKED, inf),
        (flags.HC_FAILED, {}, inf),
        # One check has passed since, at 99, of three.
        (flags.HC_FAILED, {**CHECKED, "probed": 99.0, "passes": 1}, 109.0),
        (flags.HC_FAILED | flags.IN_ERROR, {**CHECKED, "probed": 99.0, "passes": 1}, 109.0),
        # Checks end an error before its time.
        (flags.IN_ERROR, {**CHECKED, "probed": 99.0, "passes": 2}, 104.0),
        (flags.IN_ERROR, {**CHECKED, "probed": 99.0}, 107.0),
        # One is late, or in progress; or another process makes them.
        (flags.HC_FAILED, {**CHECKED, "probed": 95.5, "passes": 2}, 101.0),
        (flags.HC_FAILED, CHECKED, 116.0),
        (flags.HC_FAILED | flags.STOPPED, {**CHECKED, "probed": 99.0}, inf),
    ],
)
def test_the_soonest_return(bits, options, expected):
    """
    By C{retry}, by as many passed checks as are missing, or by nobody but people.
    """
    assert out(bits, **options).next_return(101.0) == expected


def test_sums_are_counted_as_sums():
    """
    With C{hccounting=sums} failures between passes take none of them away.
    """
    lb = out(flags.HC_FAILED, probed=100.0, hccounting="sums", **CHECKED)
    (a,) = lb.members
    a.health = Health(False, -4, passes=2)
    assert of_checks(a, 101.0) == (2, 105.0, 105.0)


def test_what_else_keeps_it_out():
    """
    An ejection and an open breaker end in their own time.
    """
    lb = out(flags.IN_ERROR | flags.EJECTED)
    (a,) = lb.members
    a.watched.ejection = Ejection("failures", "x", 130.0, 1)
    assert lb.next_return(101.0) == 130.0
    lb = balancer("a", breaker_percent=50.0)
    lb.breaker.open("x", 120.0)
    assert lb.next_return(101.0) == 120.0


def test_the_first_of_several():
    """
    Of all, or of those of a session; and looking changes nothing, whatever C{forcerecovery} says.
    """
    lb = balancer(member("a", retry=30.0), member("b", retry=10.0), forcerecovery=True)
    for each in lb.members:
        lb.force_error(each, "refused", 100.0)
    a, _ = lb.members
    assert (lb.next_return(101.0), lb.next_return(101.0, [a])) == (110.0, 130.0)
    assert all(each.flags & flags.IN_ERROR for each in lb.members)
