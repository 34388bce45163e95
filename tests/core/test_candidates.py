"""
The one eligibility rule.
"""

from __future__ import annotations

from math import inf

import pytest

from tests.core.balancers import member
from txbalancer.core import flags
from txbalancer.core.candidates import able, field, recovered
from txbalancer.core.member import Member


def members(*statuses, lbsets=(), retry=10.0):
    lbsets = lbsets or [0] * len(statuses)
    return [
        Member(member(f"m{i}", status=status, lbset=lbset, retry=retry), i)
        for i, (status, lbset) in enumerate(zip(statuses, lbsets, strict=True))
    ]


def up(every, **arguments):
    arguments = {"now": 0.0, "force": False, **arguments}
    return [each.index for each in field(every, **arguments).members]


@pytest.mark.parametrize(
    ("statuses", "lbsets", "expected"),
    [
        (["", "", ""], [0, 0, 0], [0, 1, 2]),
        (["", "+D", ""], [0, 0, 0], [0, 2]),
        (["", "", "+R"], [0, 0, 0], [0, 1]),
        (["", "+D", "+R", "+R"], [0, 0, 0, 0], [0, 2]),  # one for one
        (["+D", "+D", "+R", "+R"], [0, 0, 0, 0], [2, 3]),
        (["+R", "+D", ""], [0, 0, 0], [2, 0]),  # spares are compared after the others
        (["+D", "+RD", "+R"], [0, 0, 0], [2]),  # an unusable spare is none
        (["", "+N", "+R"], [0, 0, 0], [0, 2]),  # A3: draining brings in a spare
        (["", "+NR", "+NH", "+R"], [0, 0, 0, 0], [0]),  # but not a draining spare or standby
        (["+N", "+N"], [0, 0], []),
        (["", "+H"], [0, 0], [0]),
        (["+D", "+H", "+H"], [0, 0, 0], [1, 2]),
        (["+D", "+HD", "+H"], [0, 0, 0], [2]),
        (["+D", "+HR", "+H"], [0, 0, 0], [1]),  # W42: H with R is a spare
        (["+D", "+D", "", ""], [0, 0, 1, 2], [2]),  # A2
        (["+D", "+H", ""], [0, 0, 1], [1]),  # A2: standby of lbset 0 before lbset 1
        (["", "+D"], [1, 0], [0]),
        (["+D", "+R"], [0, 1], []),  # a spare only replaces within its lbset
        (["+D", "+C", "+S", "+U"], [0, 0, 0, 0], []),
        ([], [], []),
    ],
)
def test_A1_to_A3_the_walk(statuses, lbsets, expected):
    """
    Normals, then spares one for one, then standbys, lbset by lbset.
    """
    assert up(members(*statuses, lbsets=lbsets)) == expected


def test_a_tried_member_counts_as_unusable():
    """
    It is left out and replaced by a spare; the last one gives way to a standby.
    """
    every = members("", "", "+R", "+H")
    assert up(every, tried=[every[0]]) == [1, 2]
    assert up(every, tried=every[:2]) == [2]
    assert up(every, tried=every[:3]) == [3]
    assert up(every, tried=every) == []


def test_a_tried_member_is_not_retried():
    """
    An error that a member got in this request is not forgiven within it.
    """
    every = members("", "+E", retry=0.0)
    found = field(every, 5.0, False, [every[1]])
    assert (found.members, list(found.revived)) == ([every[0]], [])


def test_A25_members_come_back_while_scanned():
    """
    An error whose time is over is named as revived, and the member is up again.
    """
    every = members("", "+E", "+E", "+SE", "+DE")
    every[2].error_time = 0.0
    found = field(every, 10.0, False)
    assert found.members == [every[0], every[1]]
    assert list(found.revived) == [every[1], every[4]]
    assert found.valid_until == 10.0
    assert every[1].flags & flags.IN_ERROR  # deciding changes nothing


def test_A1_retry_reaches_only_the_lbsets_that_are_looked_at():
    """
    A member of a later lbset stays in error, and does not limit the result's validity.
    """
    every = members("", "+E", "+NE", lbsets=[0, 1, 0])
    found = field(every, 0.0, False)
    assert (found.members, list(found.revived), found.valid_until) == ([every[0]], [], inf)


def test_valid_until_is_the_earliest_retry():
    """
    The result holds until the first member that is looked at may be retried.
    """
    every = members("+E", "+E", "", lbsets=[5, 0, 0])
    every[0].error_time = 1.0
    every[1].error_time = 3.0
    assert field(every, 4.0, False).valid_until == 11.0


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["", "+E"], []),
        (["+E", ""], [0]),
        (["+E", "+E"], [0]),
    ],
)
def test_A30_one_whose_time_is_over_ends_recovery(statuses, expected):
    """
    The first that may be retried is, and nobody after it.
    """
    every = members(*statuses)
    assert [each.index for each in recovered(every, 0.0, True)] == expected


def test_A30_all_in_error_are_all_forgiven():
    """
    With forcerecovery even a stopped one loses its error; A32: without, nobody does.
    """
    every = members("+E", "+ES", "+EN")
    for each in every:
        each.error_time = 0.0
    assert recovered(every, 1.0, True) == every
    assert recovered(every, 1.0, False) == []
    assert up(every, now=1.0, force=True) == [0]


@pytest.mark.parametrize("status", ["+D", "+S", "+N", "+C"])
def test_A31_one_without_error_switches_recovery_off(status):
    """
    Whatever else it has: the dead remaining member waits for its time.
    """
    every = members("+E", status)
    every[0].error_time = 0.0
    found = field(every, 1.0, True)
    assert (found.members, list(found.revived), found.valid_until) == ([], [], 10.0)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], 0),
        (["", "+D"], 1),
        (["+D", "+H"], 1),  # a standby would be used now
        (["+N", "+S"], 0),  # sessions go on at the first, but no new one may
        (["+E", "+E"], 0),  # forced recovery is for want of anybody better
        (["+C", "+D"], 0),
    ],
)
def test_how_many_could_take_a_new_session(statuses, expected):
    """
    As many as are up for election, without any forced recovery.
    """
    every = members(*statuses)
    for each in every:
        each.error_time = 0.0
    assert able(every, 5.0) == expected


def test_to_count_changes_nothing():
    """
    A member whose retry time is over counts and is still in error afterwards.
    """
    (only,) = members("+E")
    only.error_time = 0.0
    assert able([only], 10.5) == 1
    assert only.flags & flags.IN_ERROR
    assert only.retries == 0
