"""
C{bybusyness}.
"""

from __future__ import annotations

from collections import deque

from tests.core.balancers import balancer, elected, member


def test_A14_factors_only_break_ties():
    """
    With held requests, factors 5 and 1 alternate 1:1.
    """
    lb = balancer(member("a", loadfactor=500), "b", lbmethod="bybusyness")
    names = [lb.elect(0.0).name for _ in range(40)]
    assert names.count("a") == 20


def test_A14_least_busy_wins():
    """
    A release makes a member the next choice.
    """
    lb = balancer("a", "b", "c", lbmethod="bybusyness")
    held = [lb.elect(0.0) for _ in range(6)]
    assert sorted(each.name for each in held) == sorted("abc" * 2)
    lb.release(lb.members[1])
    assert lb.elect(0.0).name == "b"


def test_A16_sequential_traffic_goes_by_requests():
    """
    With nobody busy the documented sequence for 70/30 comes.
    """
    lb = balancer(member("a", loadfactor=7000), member("b", loadfactor=3000), lbmethod="bybusyness")
    assert elected(lb, 20) == ["a", "b", "a", "a", "a", "b", "a", "a", "b", "a"] * 2


def test_many_releases_do_not_pile_up():
    """
    The bookkeeping stays as large as the number of members asks for, and stays true.
    """
    lb = balancer(*"abcd", lbmethod="bybusyness")
    held = deque(lb.elect(0.0) for _ in range(2))
    group = lb._method._groups[0][-1]
    largest = 0
    for _ in range(1000):
        best = min(lb.members, key=lambda each: (each.busy, -lb.lbstatus(each), each.index))
        held.append(lb.elect(0.0))
        assert held[-1] is best
        lb.release(held.popleft())
        largest = max(largest, len(group.heap))
    assert largest == group.roomy == 72
    assert set(group.low) == set(lb.members)


def test_a_release_of_somebody_not_up_for_election_is_fine():
    """
    A disabled member finishes what it has.
    """
    lb = balancer("a", "b", lbmethod="bybusyness")
    a = lb.elect(0.0)
    lb.set_flags(a, a.flags | 0x20, "", 0.0)
    assert lb.elect(0.0).name == "b"
    lb.release(a)
    assert a.busy == 0


def test_an_overtaken_rank_is_dropped_when_it_surfaces():
    """
    One entry is left of a member that was ranked better in between.
    """
    lb = balancer("a", lbmethod="bybusyness")
    for _ in range(2):
        held = [lb.elect(0.0) for _ in range(2)]
        group = lb._method._groups[0][-1]
        entries = len(group.heap)
        for each in held:
            lb.release(each)
    assert entries == 1
    assert len(group.heap) == 2
