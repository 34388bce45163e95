"""
C{leastload}.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.core.balancers import balancer, elected, member


def test_one_member():
    """
    There is nothing to draw.
    """
    assert elected(balancer("a", lbmethod="leastload"), 2) == ["a", "a"]


def test_the_less_loaded_of_two_wins():
    """
    With two members both are drawn, so the idle one always wins.
    """
    lb = balancer("a", "b", lbmethod="leastload")
    lb.members[0].busy = 1
    assert set(elected(lb, 50)) == {"b"}


def test_load_is_relative_to_the_factor():
    """
    Three more requests on a member four times as strong are the lesser load.
    """
    lb = balancer(member("a", loadfactor=400), "b", lbmethod="leastload")
    lb.members[0].busy = 2
    assert set(elected(lb, 50)) == {"a"}


@pytest.mark.parametrize("factors", [(100, 100, 100, 100), (100, 200, 300, 400)])
def test_shares_of_held_requests(factors):
    """
    Requests that stay spread by factor, closer than by lots alone.
    """
    lb = balancer(
        *(member(f"m{f}-{i}", loadfactor=f) for i, f in enumerate(factors)), lbmethod="leastload"
    )
    for _ in range(1000):
        lb.elect(0.0)
    for each, factor in zip(lb.members, factors, strict=True):
        assert each.busy == pytest.approx(1000 * factor / sum(factors), abs=12)


def test_everyone_but_the_most_loaded_is_chosen():
    """
    Two different ones are drawn: the worst never wins, all others do.
    """
    lb = balancer(*"abcdef", lbmethod="leastload")
    for place, each in enumerate(lb.members):
        each.busy = 10 * place
    seen = Counter(elected(lb, 2000))
    assert set(seen) == set("abcde")
    assert seen["a"] == pytest.approx(2000 / 3, abs=100)


def test_lots_are_injected():
    """
    The same seed gives the same elections.
    """
    first, second = (balancer(*"abcdef", lbmethod="leastload", seed=5) for _ in "12")
    assert elected(first, 40) == elected(second, 40)
