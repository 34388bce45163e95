"""
Panic: health is ignored where too few are healthy.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member
from txbalancer.core import candidates, flags
from txbalancer.core.passive.alarm import Alarm
from txbalancer.core.standing import Flip


def make(count=4, percent=50, **options):
    lb = balancer(*(member(f"m{each}", **options) for each in range(count)), panic=percent)
    said = []
    lb.on_alarm = said.append
    return lb, said


def put(lb, place, bit, on=True):
    one = lb.members[place]
    lb.set_flags(one, one.flags | bit if on else one.flags & ~bit, "test", 0.0)


def test_all_are_used_below_the_share_and_only_the_healthy_above():
    """
    Half of four is enough, one is not; each change is told once.
    """
    lb, said = make()
    put(lb, 0, flags.HC_FAILED)
    put(lb, 1, flags.EJECTED)
    assert set(elected(lb, 8)) == {"m2", "m3"}
    put(lb, 2, flags.TRIPPED)
    assert set(elected(lb, 8)) == {"m0", "m1", "m2", "m3"}
    put(lb, 3, flags.EJECTED)
    assert [each[:2] for each in said] == [("panic", True)]
    assert said[0].text == (
        "1 of 4 members are healthy, below panic = 50 %: health is ignored, all are used"
    )
    for place, bit in enumerate((flags.HC_FAILED, flags.EJECTED)):
        put(lb, place, bit, on=False)
    assert said[1].text == "2 of 4 members are healthy: panic is over, health counts again"
    assert set(elected(lb, 8)) == {"m0", "m1"}
    assert (lb.panics, lb.panicking) == (1, False)


def test_what_brings_panic_about_is_told_before_it():
    """
    The member that goes out, then the panic; so with its end.
    """
    lb, said = make(2, retry=10.0, slow_start=5.0)
    lb.on_flip = said.append
    for each in lb.members:
        lb.force_error(each, "gone", 0.0)
    assert [type(each) for each in said] == [Flip, Flip, Alarm]
    said.clear()
    lb.elect(20.0)
    assert [type(each) for each in said] == [Flip, Alarm]


def test_what_people_took_out_stays_out_and_does_not_count():
    """
    Disabled, stopped and draining members get nothing in panic either.
    """
    lb, _ = make()
    put(lb, 0, flags.DISABLED)
    put(lb, 1, flags.STOPPED)
    put(lb, 2, flags.DRAIN)
    assert not lb.panicking
    put(lb, 2, flags.HC_FAILED)
    assert not lb.panicking  # one of two
    put(lb, 3, flags.HC_FAILED)
    assert set(elected(lb, 4)) == {"m3"}


def test_all_lbsets_count():
    """
    A healthy lbset in reserve is no reason to use ill members.
    """
    lb = balancer("a", member("b", lbset=1), member("c", lbset=1), panic=50)
    put(lb, 0, flags.HC_FAILED)
    assert not lb.panicking
    assert set(elected(lb, 4)) == {"b", "c"}


def test_forced_recovery_waits_for_the_end_of_panic():
    """
    All are in error and in use: nobody has to be brought in and out with each request.
    """
    lb, _ = make(2)
    put(lb, 0, flags.IN_ERROR)
    put(lb, 1, flags.IN_ERROR)
    for each in lb.members:
        each.error_time = 0.0
    assert set(elected(lb, 4, now=1.0)) == {"m0", "m1"}
    assert all(each.flags & flags.IN_ERROR for each in lb.members)


def test_a_member_that_was_removed_in_panic_comes_back_without_it():
    """
    What it may be used for is worked out anew.
    """
    lb, _ = make(2)
    put(lb, 0, flags.HC_FAILED)
    put(lb, 1, flags.HC_FAILED)
    gone = lb.members[0]
    lb.install(lb.members[1:])
    put(lb, 0, flags.HC_FAILED, on=False)
    assert not gone.usable


BITS = (flags.DISABLED, flags.HC_FAILED, flags.IN_ERROR, flags.EJECTED, flags.TRIPPED, flags.DRAIN)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(BITS), st.booleans())),
    st.integers(0, 100),
)
def test_panic_is_a_matter_of_the_flags_alone(steps, percent):
    """
    In whatever order things happen, also with ejections: panic is where the rule says so, and
    then exactly those are usable that nobody took out by hand.
    """
    lb, _ = make(5, percent, retry=1000.0)
    for place, bit, on in steps:
        put(lb, place, bit, on)
        assert lb.panicking is candidates.in_panic(lb.members, percent)
        out = flags.HELD if lb.panicking else flags.UNUSABLE
        assert [each.usable for each in lb.members] == [not each.flags & out for each in lb.members]
