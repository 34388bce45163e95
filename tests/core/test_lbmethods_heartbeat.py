"""
C{lbmethod = heartbeat}.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.core.balancers import balancer, elected, member
from txbalancer.core import flags


def with_rooms(*rooms, **options):
    """
    Make a balancer of members a, b, … with that much room.
    """
    lb = balancer(*"abcdef"[: len(rooms)], lbmethod="heartbeat", **options)
    for each, room in zip(lb.members, rooms, strict=True):
        each.room = room
    lb.changed()
    return lb


@pytest.mark.parametrize("rooms", [(None, None), (0, 0), (None, 0)])
def test_A19_without_room_nobody_is_elected(rooms):
    """
    Where nobody is known to have room there is no member, and none is charged.
    """
    lb = with_rooms(*rooms)
    assert lb.elect(0.0) is None
    assert [(each.elected, each.busy) for each in lb.members] == [(0, 0), (0, 0)]


def test_A20_members_are_drawn_by_room():
    """
    Shares follow the rooms; who has none, or is not known, is never drawn (APACHE X17).
    """
    seen = Counter(elected(with_rooms(10, 0, 30, None), 4000))
    assert set(seen) == {"a", "c"}
    assert seen["a"] == pytest.approx(1000, abs=120)


def test_factors_do_not_count():
    """
    The reports say it all: load factors are not used (A18).
    """
    lb = balancer(member("a", loadfactor=10000), "b", lbmethod="heartbeat")
    for each in lb.members:
        each.room = 5
    lb.changed()
    assert Counter(elected(lb, 1000))["a"] == pytest.approx(500, abs=80)


def test_new_rooms_count_once_the_balancer_knows():
    """
    Rooms are looked at when they change, not with each request.
    """
    lb = with_rooms(1, 0)
    assert set(elected(lb, 10)) == {"a"}
    lb.members[0].room, lb.members[1].room = 0, 1
    lb.changed()
    assert set(elected(lb, 10)) == {"b"}


def test_flags_count_as_with_every_method():
    """
    A draining member, a standby or a later lbset gets nothing while another can (APACHE X17).
    """
    lb = with_rooms(1, 100, 100)
    lb.set_flags(lb.members[1], flags.INIT | flags.DRAIN, "test", 0.0)
    lb.set_flags(lb.members[2], flags.INIT | flags.STANDBY, "test", 0.0)
    assert set(elected(lb, 20)) == {"a"}


def test_members_that_failed_the_request_are_left_out():
    """
    A further attempt goes to another member with room.
    """
    lb = with_rooms(100, 1)
    first = lb.members[0]
    assert lb.elect(0.0, None, (first,)) is lb.members[1]


def test_reset_and_release_do_nothing():
    """
    Only reports count.
    """
    lb = with_rooms(1)
    chosen = lb.elect(0.0)
    lb.release(chosen)
    assert chosen.busy == 0
