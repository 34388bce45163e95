"""
C{bytraffic}.
"""

from __future__ import annotations

from tests.core.balancers import balancer, elected, member
from txbalancer.core.lbmethods.bytraffic import traffic
from txbalancer.core.member import Member


def test_A11_divisions_are_apart_and_round_down():
    """
    99 bytes each way are nothing for factor 1.
    """
    one = Member(member("a"))
    one.transferred = one.read = 99
    assert traffic(one) == 0
    one.read = 100
    assert traffic(one) == 1


def test_A11_least_traffic_wins_ties_to_the_earlier():
    """
    lbstatus does not move.
    """
    lb = balancer("a", "b", "c", lbmethod="bytraffic")
    assert elected(lb, 2) == ["a", "a"]
    lb.members[0].read = 500
    assert elected(lb, 2) == ["b", "b"]
    lb.members[1].transferred = 500
    lb.members[2].read = 600
    assert elected(lb, 1) == ["a"]
    assert [lb.lbstatus(each) for each in lb.members] == [0, 0, 0]


def test_D23_factor_is_a_share_of_bytes():
    """
    Factors 1, 2, 1: b moves twice the bytes.
    """
    lb = balancer("a", member("b", loadfactor=200), "c", lbmethod="bytraffic")
    for _ in range(400):
        found = lb.elect(0.0)
        found.read += 1000
        lb.release(found)
    assert [each.read for each in lb.members] == [100000, 200000, 100000]


def test_A12_a_new_member_gets_all_until_it_caught_up():
    """
    Counters are since start.
    """
    lb = balancer("a", "b", lbmethod="bytraffic")
    lb.members[0].read = 3000
    for _ in range(4):
        lb.elect(0.0).read += 1000
    assert [each.elected for each in lb.members] == [1, 3]
