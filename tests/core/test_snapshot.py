"""
State written down and read back.
"""

from __future__ import annotations

import json

from tests.core.balancers import balancer, elected, member, words
from txbalancer.core import flags, snapshot


def test_round_trip():
    """
    Through JSON and with another clock, elections go on where they were.
    """
    one = balancer("a", member("b", loadfactor=300), "c", lbmethod="bytraffic")
    a, b, c = one.members
    elected(one, 5)
    a.read, b.transferred = 500, 700
    one.force_error(c, "refused", 100.0)
    one.health(b, True, 100.0)
    one.set_flags(a, a.flags | flags.DRAIN, "maintenance", 90.0)
    state = json.loads(json.dumps(snapshot.export(one, 103.0)))

    two = balancer("a", member("b", loadfactor=300), "c", lbmethod="bytraffic")
    snapshot.restore(two, state, 7.0)
    assert snapshot.export(two, 7.0) == snapshot.export(one, 103.0)
    assert two.members[2].error_time == 4.0
    assert words(two.members[0]) == "Init Drn Ok "
    assert elected(one, 5, now=103.0) == elected(two, 5, now=7.0)


def test_lbstatus_comes_back():
    """
    Exactly, between two elections of a period.
    """
    one, two = (balancer("a", member("b", loadfactor=300), "c") for _ in "12")
    elected(one, 3)
    elected(two, 1)
    snapshot.restore(two, snapshot.export(one, 0.0), 0.0)
    assert [two.lbstatus(each) for each in two.members] == [
        one.lbstatus(each) for each in one.members
    ]
    assert elected(one, 10) == elected(two, 10)


def test_unknown_members_are_left_alone():
    """
    State of members that are not there is passed over, new members start fresh.
    """
    one, two = balancer("a", "b"), balancer("b", "c")
    elected(one, 1)
    snapshot.restore(two, snapshot.export(one, 0.0), 0.0)
    assert [two.lbstatus(each) for each in two.members] == [100, 0]
