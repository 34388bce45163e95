"""
Passive health over a restart, and among several processes.
"""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.core.balancers import balancer, elected, member, words
from tests.core.test_outliers import answer, ejected
from txbalancer.core import flags, snapshot
from txbalancer.core.passive.breaker import HALF_OPEN, OPEN
from txbalancer.core.state import read
from txbalancer.workers.word import take_over, turn_of, turn_to

OUTLIERS = {"outlier_failures": 2, "outlier_time": 30.0, "outlier_interval": 10.0}
BREAKER = {"breaker_percent": 50, "breaker_requests": 2, "breaker_open": 20.0, "breaker_trials": 1}


def watched(**options):
    """
    Make a balancer with a rule that ejects.
    """
    return balancer("a", "b", "c", **(options or OUTLIERS))


def came_back(one, two, now, since, clock):
    """
    Put what one knows into two, through JSON; return what was told.
    """
    written = json.loads(json.dumps(snapshot.export(one, now)))
    return snapshot.restore(two, read(written), since, clock)


def put_out(lb, times=1):
    """
    Eject the first member some times in a row; the last one at 100.
    """
    for _ in range(times - 1):
        answer(lb, 0, 500, count=2, now=100.0)
        lb.reinstate(lb.members[0], "over", 100.0)
    answer(lb, 0, 500, count=2, now=100.0)


def test_an_ejection_lasts_over_a_restart():
    """
    Until the same moment, for the same cause; the next one is longer still.
    """
    one, two = watched(), watched()
    put_out(one, times=2)
    assert came_back(one, two, 110.0, 1000.0, 1020.0) == []
    (a, *_) = two.members
    assert ejected(two) == ["a"]
    assert a.cause == "ejected: 2 failed answers in a row, for 60s, 2nd time"
    assert a.watched.ejection.until == 1050.0
    assert a.watched.ejections["failures"] == 2
    assert set(elected(two, 4, now=1020.0)) == {"b", "c"}
    two.sweep(1049.0)
    assert ejected(two) == ["a"]
    two.sweep(1050.0)
    assert ejected(two) == []
    answer(two, 0, 500, count=2, now=1051.0)
    assert a.watched.ejection.times == 3


@pytest.mark.parametrize(("clock", "times"), [(1050.0, 2), (1069.0, 1), (1200.0, 0)])
def test_one_that_is_over_is_not_put_back(clock, times):
    """
    How often it was counts less with each interval since then.
    """
    one, two = watched(), watched()
    put_out(one, times=2)
    assert came_back(one, two, 110.0, 1000.0, clock) == []
    assert ejected(two) == []
    assert words(two.members[0]) == "Init Ok "
    assert two.members[0].watched.times == times


def test_only_what_is_configured_is_put_back():
    """
    Without a rule that ejects, or where errors are ignored, nobody is out.
    """
    one = watched(**OUTLIERS, **BREAKER)
    put_out(one)
    for two in (balancer("a", "b", "c"), balancer(member("a", status="+I"), "b", "c", **OUTLIERS)):
        assert came_back(one, two, 110.0, 110.0, 110.0) == []
        assert not two.members[0].flags & flags.PASSIVE


def test_a_breaker_stays_open_for_its_time():
    """
    A member's, and the balancer's own; then trials come. One that had trials begins them anew.
    """
    make = partial(balancer, member("a", **BREAKER), "b", **BREAKER)
    one, two, three = make(), make(), make()
    answer(one, 0, 500, count=2, now=100.0)
    assert (one.breaker.state, one.members[0].watched.breaker.state) == (OPEN, OPEN)
    assert came_back(one, two, 110.0, 1000.0, 1005.0) == []
    a = two.members[0]
    assert words(a) == "Init Brkr "
    assert not two.admits()
    two.sweep(1009.0)
    assert not two.admits()
    two.sweep(1010.0)
    assert (two.breaker.state, words(a)) == (HALF_OPEN, "Init Tria Ok ")
    assert (two.breaker.openings, a.watched.breaker.openings) == (1, 1)
    assert [two.admits(), two.admits()] == [True, False]
    assert came_back(two, three, 1010.0, 1010.0, 1010.0) == []
    assert words(three.members[0]) == "Init Brkr "
    three.sweep(1010.0)
    assert (three.breaker.state, words(three.members[0])) == (HALF_OPEN, "Init Tria Ok ")
    answer(three, 0, 200)
    assert words(three.members[0]) == "Init Ok "
    assert three.admits()


def test_a_slow_start_goes_on():
    """
    From the share that it had reached by then.
    """
    one, two = (balancer(member("a", slow_start=100.0), "b") for _ in range(2))
    one.start_slowly(one.members[:1], 0.0)
    one.sweep(40.0)
    came_back(one, two, 40.0, 500.0, 510.0)
    assert two.members[0].share == 50
    two.sweep(560.0)
    assert two.members[0].share == 100


@pytest.mark.parametrize(
    "passive",
    [1, [], {"ejection": 5}, {"ejection": ["x", "", 1.0, 1]}, {"times": -1}, {"breaker": [1]}],
)
def test_damage_loses_that_of_one_member_only(passive):
    """
    With a line that names it; all else of the state holds.
    """
    one, two = watched(), watched()
    put_out(one)
    one.set_flags(one.members[1], one.members[1].flags | flags.DRAIN, "by command", 100.0)
    written = json.loads(json.dumps(snapshot.export(one, 100.0)))
    written["members"]["a"]["passive"] = passive
    (note,) = snapshot.restore(two, read(written), 100.0)
    assert note.startswith("shop: a: what passive health had found is lost: ")
    assert ejected(two) == []
    assert two.members[1].flags & flags.DRAIN


def test_a_state_of_before_has_nothing_of_it():
    """
    Then nobody is ejected, and nothing is said.
    """
    one, two = watched(), watched()
    put_out(one)
    written = snapshot.export(one, 100.0)
    del written["members"]["a"]["passive"]
    assert snapshot.restore(two, read(written), 100.0) == []
    assert ejected(two) == []


def test_another_process_ends_an_ejection_too():
    """
    Whoever was told of one knows until when it is: the worker that found it may be gone by then.
    """
    flips = []
    one, two = balancer("a", "b", "c", on_flip=flips.append, **OUTLIERS), watched()
    put_out(one, times=2)
    list(take_over(lambda name: two, [turn_of(flips[-1], "shop")], 100.0))
    a = two.members[0]
    assert (ejected(two), a.watched.times, a.watched.ejections["failures"]) == (["a"], 2, 1)
    assert a.watched.ejection.until == 160.0
    two.sweep(159.0)
    assert ejected(two) == ["a"]
    two.sweep(160.0)
    assert ejected(two) == []
    list(take_over(lambda name: one, [turn_to(a, "shop")], 160.0))
    assert ejected(one) == []


def test_each_process_has_trials_of_its_own():
    """
    A breaker that opened in one is open in all, and half-open at the same time; no process lets
    more through than its trials.
    """
    flips = []
    make = partial(balancer, member("a", **BREAKER), "b")
    one, two = make(on_flip=flips.append), make()
    answer(one, 0, 500, count=2, now=100.0)
    list(take_over(lambda name: two, [turn_of(flips[-1], "shop")], 100.0))
    a = two.members[0]
    assert (words(a), a.watched.breaker.until) == ("Init Brkr ", 120.0)
    one.sweep(120.0)
    list(take_over(lambda name: two, [turn_of(flips[-1], "shop")], 120.0))
    assert words(a) == "Init Tria Ok "
    assert elected(two, 5, now=121.0).count("a") == 1
    answer(one, 0, 200, now=121.0)
    list(take_over(lambda name: two, [turn_of(flips[-1], "shop")], 121.0))
    assert words(a) == "Init Ok "
    assert elected(two, 4, now=122.0).count("a") == 2
