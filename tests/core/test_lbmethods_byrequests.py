"""
C{byrequests}: Apache's documented and observed sequences.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member
from txbalancer.core.balancer import Session
from txbalancer.core.lbmethods.byrequests import FEW


def named(names, factors, **status):
    return balancer(
        *(
            member(name, loadfactor=int(factor * 100), status=status.get(name, ""))
            for name, factor in zip(names, factors, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((70, 30), "a b a a a b a a b a"),
        ((1, 4, 1), "b a b b c b"),
        ((25, 25, 25, 25), "a b c d"),
        ((1, 1, 1, 1), "a b c d"),
        ((1, 2, 3), "c b a c b c"),
        ((1, 2, 3, 4, 5), "e d c b e d a e c d e b c d e"),
        ((1.5, 1, 2.25), "c a b c a c b c a c a c b c a c b a c"),
    ],
)
def test_A6_tables(factors, expected):
    """
    Each documented sequence comes, and comes again.
    """
    lb = named("abcde"[: len(factors)], factors)
    expected = expected.split()
    assert elected(lb, 3 * len(expected)) == 3 * expected


def test_A6_disabled_member_is_left_out():
    """
    Factors 25 each with b disabled: a c d a c d.
    """
    lb = named("abcd", (25, 25, 25, 25), b="+D")
    assert elected(lb, 9) == ["a", "c", "d"] * 3


def test_A6_weights_100_1():
    """
    One in 101 goes to the small one, after the first 50.
    """
    lb = named("ab", (100, 1))
    names = elected(lb, 303)
    assert names[:51] == ["a"] * 50 + ["b"]
    assert [names[i : i + 101].count("b") for i in (0, 101, 202)] == [1, 1, 1]


def test_A7_lbstatus_step_by_step():
    """
    70/30: the documented lbstatus after each of ten elections.
    """
    lb = named("ab", (70, 30))
    seen = []
    for _ in range(10):
        elected(lb, 1)
        seen.append(tuple(lb.lbstatus(each) // 100 for each in lb.members))
    assert seen == [
        (-30, 30),
        (40, -40),
        (10, -10),
        (-20, 20),
        (-50, 50),
        (20, -20),
        (-10, 10),
        (-40, 40),
        (30, -30),
        (0, 0),
    ]


def test_A8_no_burst_after_an_absence():
    """
    A member that was out resumes with its old lbstatus.
    """
    lb = named("abc", (1, 1, 1))
    a = lb.members[0]
    elected(lb, 4)
    frozen = lb.lbstatus(a)
    lb.set_flags(a, a.flags | 0x20, "", 0.0)
    assert elected(lb, 50).count("a") == 0
    assert lb.lbstatus(a) == frozen
    lb.set_flags(a, a.flags & ~0x20, "", 0.0)
    assert 9 <= elected(lb, 30).count("a") <= 11


def test_A9_failover_is_an_election_per_attempt():
    """
    One of three down: m1, then m2 fails and m3 takes over, m3, m1, m3 …
    """
    lb = balancer("m1", "m2", "m3")
    names = elected(lb, 2)
    lb.force_error(lb.members[1], "refused", 0.0)
    assert names + elected(lb, 5) == ["m1", "m2", "m3", "m3", "m1", "m3", "m1"]


def test_A10_others_catch_up_after_sticky_traffic():
    """
    Ten sticky requests to m1, paid for by all of four: twenty in a row go to m2.
    """
    lb = balancer(member("m1", route="r"), "m2", member("m3", status="+H"), member("m4", lbset=1))
    session = Session(b"s", b"r", lb.carriers(b"r"))
    for _ in range(10):
        lb.release(lb.follow(session, 0.0))
    assert [lb.lbstatus(each) // 100 for each in lb.members] == [-30, 10, 10, 10]
    assert elected(lb, 22) == ["m2"] * 20 + ["m1", "m2"]


@pytest.mark.parametrize("factors", [(1,), (3, 5, 7), tuple(range(1, 30))])
def test_shares_are_exact_over_a_period(factors):
    """
    Over as many elections as the factors sum up to, each member gets its factor.
    """
    names = [f"m{i}" for i in range(len(factors))]
    lb = named(names, factors)
    got = elected(lb, sum(factors))
    assert [got.count(name) for name in names] == list(factors)
    assert [lb.lbstatus(each) for each in lb.members] == [0] * len(factors)


@given(
    st.lists(st.integers(100, 10000), min_size=FEW - 2, max_size=60),
    st.randoms(use_true_random=False),
)
def test_A5_with_many_factors(factors, random):
    """
    Looking only at those that may win soon never misses the one that wins.
    """
    lb = balancer(*(member(f"m{i}", loadfactor=f) for i, f in enumerate(factors)))
    members = lb.members
    status = [0] * len(members)
    total = sum(factors)
    for _ in range(80):
        status = [each + factor for each, factor in zip(status, factors, strict=True)]
        if random.random() < 0.2:
            place = random.randrange(len(members))
            lb.follow(Session(b"s", b"r", [members[place]]), 0.0)
        else:
            place = status.index(max(status))
            assert lb.elect(0.0) is members[place]
        status[place] -= total
        assert [lb.lbstatus(each) for each in members] == status
