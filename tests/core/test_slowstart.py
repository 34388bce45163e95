"""
Slow starts: whose, how fast, and with every lbmethod.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import FakeRequest, balancer, elected, member
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, PutBack, RemoveMember
from txbalancer.core.passive.slowstart import FULL, LEAST, share
from txbalancer.core.performing import apply
from txbalancer.core.reload import reconfigure
from txbalancer.core.specs import BalancerSpec


@given(st.floats(0, 200), st.floats(1, 100), st.floats(0.1, 10))
def test_the_curve_rises_from_a_tenth_to_all(elapsed, window, aggression):
    """
    It never falls, has 20 steps at most, and is over with the window.
    """
    now, later = (share(each, window, aggression) for each in (elapsed, elapsed + 1.0))
    assert LEAST <= now <= later <= FULL
    assert now % 5 == 0
    assert (elapsed < window) or now == FULL


@pytest.mark.parametrize(
    ("elapsed", "aggression", "expected"),
    [(0, 1, 10), (5, 1, 10), (25, 1, 25), (99, 1, 95), (25, 2, 50), (50, 0.5, 25), (100, 1, 100)],
)
def test_points_of_the_curve(elapsed, aggression, expected):
    """
    C{max(10 %, (t / window) ** (1 / aggression))}, in steps of five.
    """
    assert share(elapsed, 100.0, aggression) == expected


def slow(name, **options):
    return member(name, slow_start=100.0, **options)


def down_and_up(lb, place=0, bit=flags.DISABLED, now=0.0):
    one = lb.members[place]
    lb.set_flags(one, one.flags | bit, "down", now)
    elected(lb, 5, now=now)
    lb.set_flags(one, one.flags & ~bit, "up", now)
    return one


@pytest.mark.parametrize(
    "bit",
    [flags.DISABLED, flags.STOPPED, flags.IN_ERROR, flags.HC_FAILED, flags.EJECTED, flags.TRIPPED],
)
def test_whoever_was_out_starts_slowly(bit):
    """
    By whatever: its share comes by and by, and then all is as if nothing had been.
    """
    lb = balancer(slow("a"), "b")
    one = down_and_up(lb, bit=bit)
    assert (one.share, one.factor, one.lbfactor) == (10, 10, 100)
    assert elected(lb, 110).count("a") == 10
    lb.sweep(50.0)
    assert elected(lb, 150, now=50.0).count("a") == 50
    lb.sweep(100.0)
    assert elected(lb, 100, now=100.0).count("a") == 50
    assert not lb.slowly


@pytest.mark.parametrize("bit", [flags.DRAIN, flags.STANDBY])
def test_who_had_traffic_does_not(bit):
    """
    A member that drained had its sessions, and is warm.
    """
    lb = balancer(slow("a"), "b")
    assert down_and_up(lb, bit=bit).share == FULL


def test_nobody_does_at_the_start():
    """
    All are equally cold then.
    """
    assert {each.share for each in balancer(slow("a"), slow("b")).members} == {FULL}


def test_new_members_do():
    """
    Added by hand, put back, or by a reload.
    """
    lb = balancer("a")
    apply(lb, AddMember("shop", slow("b")), 0.0)
    assert lb.members[1].share == LEAST
    lb.sweep(100.0)
    (gone,) = apply(lb, RemoveMember("shop", "b"), 100.0)
    apply(lb, PutBack("shop", gone, 0), 100.0)
    assert lb.members[0].share == LEAST
    reconfigure(lb, BalancerSpec("shop", (slow("c"), slow("a"))), 100.0)
    assert {each.name: each.share for each in lb.members} == {"c": LEAST, "a": FULL, "b": LEAST}


def test_another_factor_meanwhile_is_shared_too():
    """
    The part is of what people set.
    """
    lb = balancer(slow("a"), "b")
    one = down_and_up(lb)
    one.lbfactor = 500
    assert (one.lbfactor, one.factor) == (500, 50)


def test_a_slow_start_that_is_configured_away_is_over():
    """
    With the next sweep.
    """
    lb = balancer(slow("a"), "b")
    one = down_and_up(lb)
    one.spec = member("a")
    lb.sweep(1.0)
    assert one.share == FULL


def busy_shares(lb, now, rounds=400, lasting=12):
    """
    Elect with that many requests in progress at any time; returns the first member's part.
    """
    random, held, count = Random(3), [], 0
    for number in range(rounds):
        found = lb.elect(now, FakeRequest(path=b"/%d" % random.randrange(10**6)))
        found.transferred += 1000
        count += found is lb.members[0]
        held.append(found)
        if number >= lasting:
            lb.release(held.pop(random.randrange(len(held))))
    for each in held:
        lb.release(each)
    return count / rounds


@pytest.mark.parametrize(
    "method", ["byrequests", "bytraffic", "bybusyness", "leastload", "hash", "heartbeat"]
)
def test_every_lbmethod_honours_it(method):
    """
    At a tenth of its factor a member gets far less than its part, half way more, at the end its
    part. What others moved while it was out has not to be made up for.
    """
    lb = balancer(slow("a"), "b", lbmethod=method, hashkey="path")
    for each in lb.members:
        each.room = 1000
        each.transferred = 500_000
    lb.members[1].transferred = 9_000_000
    down_and_up(lb)
    first = busy_shares(lb, 0.0)
    lb.sweep(50.0)
    half = busy_shares(lb, 50.0)
    lb.sweep(100.0)
    last = busy_shares(lb, 100.0)
    assert 0.0 < first < 0.2
    assert first < half < 0.45
    assert 0.4 < last < 0.6
