"""
Circuit breakers: when they open, what they let through, and when they close.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member, words
from txbalancer import errors
from txbalancer.core import flags
from txbalancer.core.balancer import Session
from txbalancer.core.passive.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, Part
from txbalancer.core.passive.tally import LOCAL, Tally
from txbalancer.core.specs.passive import BreakerOptions

TIMED_OUT = errors.ResponseTimeout("silent")


def make(**options):
    """
    A balancer with a breaker of its own, and what it says.
    """
    lb = balancer("a", "b", **{"breaker_percent": 50, "breaker_requests": 4, **options})
    said = []
    lb.on_alarm = said.append
    return lb, said


def fail(lb, count=1, now=0.0):
    for _ in range(count):
        lb.lost(TIMED_OUT, now)


def well(lb, count=1, now=0.0, seconds=0.01):
    for _ in range(count):
        lb.answered(lb.members[0], 200, seconds, now)


def test_it_opens_at_a_share_of_failures_and_not_before_enough_requests():
    """
    Half of at least four; an answer with 5xx counts as well as none.
    """
    lb, said = make()
    fail(lb, 3)
    assert (lb.breaker.state, said) == (CLOSED, [])
    well(lb, 4)
    lb.answered(lb.members[0], 503, 0.01, 0.0)
    assert lb.breaker.state == OPEN
    assert said[0][:2] == ("breaker", True)
    assert said[0].text == (
        "circuit breaker open: 4 of 8 requests failed, requests get 503 for 10s"
    )
    assert not lb.admits()


def test_having_no_member_is_no_reason_to_open():
    """
    That is over as soon as one is back.
    """
    lb, _ = make()
    for _ in range(9):
        lb.lost(errors.NoMemberAvailable("none"), 0.0)
    assert lb.breaker.state == CLOSED


def test_slow_answers_open_it():
    """
    Where more than the rest of the quantile take longer than they may.
    """
    lb, _ = make(breaker_percent=0, breaker_latency=0.2, breaker_quantile=75)
    well(lb, 6)
    well(lb, 2, seconds=0.3)
    assert lb.breaker.state == CLOSED
    well(lb, 1, seconds=0.3)
    assert lb.breaker.cause == "3 of 9 answers took longer than 200ms"


def test_half_open_closes_when_all_trials_go_well():
    """
    So many at once, and no more until they are all answered.
    """
    lb, said = make()
    fail(lb, 4)
    lb.sweep(9.9)
    assert not lb.admits()
    lb.sweep(10.0)
    assert lb.breaker.state == HALF_OPEN
    assert [lb.admits() for _ in range(5)] == [True, True, True, False, False]
    well(lb, 2, 11.0)
    assert lb.breaker.state == HALF_OPEN
    well(lb, 1, 11.0)
    assert lb.breaker.state == CLOSED
    assert lb.admits()
    assert [each.bad for each in said] == [True, False, False]


def test_one_bad_trial_opens_it_again():
    """
    For the same time.
    """
    lb, _ = make()
    fail(lb, 4)
    lb.sweep(10.0)
    well(lb, 2, 11.0)
    fail(lb, 1, 11.0)
    assert (lb.breaker.state, lb.breaker.until, lb.breaker.openings) == (OPEN, 21.0, 2)


def test_trials_that_nobody_answers_are_replaced():
    """
    Clients may leave: then others have their turn.
    """
    lb, _ = make()
    fail(lb, 4)
    lb.sweep(10.0)
    assert [lb.admits() for _ in range(4)] == [True, True, True, False]
    lb.sweep(20.0)
    assert lb.admits()


def test_trials_may_take_their_time():
    """
    Where requests are rare, those that went well still count when others are let through.
    """
    lb, _ = make()
    fail(lb, 4)
    for now in (10.0, 20.0, 30.0):
        lb.sweep(now)
        assert lb.breaker.state == HALF_OPEN
        assert lb.admits()
        well(lb, 1, now)
    assert lb.breaker.state == CLOSED


def test_it_counts_over_a_window():
    """
    What is older than that does not open it.
    """
    lb, _ = make()
    lb.sweep(0.0)
    fail(lb, 3)
    for now in (5.0, 10.0):
        lb.sweep(now)
    well(lb, 3, 10.0)
    fail(lb, 1, 10.0)
    assert lb.breaker.state == CLOSED


def broken(**options):
    """
    A balancer of which the first member's breaker is open.
    """
    spec = {"breaker_percent": 50, "breaker_requests": 4, "maxfails": 99, **options}
    lb = balancer(member("a", **spec), "b", "c")
    for _ in range(4):
        lb.answered(lb.members[0], 500, 0.01, 0.0)
    return lb


def test_a_members_breaker_takes_it_out_and_lets_trials_in():
    """
    It is not eligible while open; then it has so many attempts, however many are asked for.
    """
    lb = broken(breaker_trials=2)
    one = lb.members[0]
    assert words(one) == "Init Brkr "
    assert one.cause == "circuit breaker open: 4 of 4 requests failed, for 10s"
    assert set(elected(lb, 6)) == {"b", "c"}
    lb.sweep(10.0)
    assert words(one) == "Init Tria Ok "
    assert elected(lb, 30, now=10.0).count("a") == 2
    lb.answered(one, 200, 0.01, 11.0)
    lb.answered(one, 200, 0.01, 11.0)
    assert words(one) == "Init Ok "
    assert elected(lb, 30, now=11.0).count("a") == 10


def test_a_session_is_a_trial_as_well():
    """
    A member that is half-open keeps its sessions as far as trials go.
    """
    lb = broken(breaker_trials=1, route="r")
    lb.sweep(10.0)
    one = lb.members[0]
    session = _session(one)
    found = lb.follow(session, 10.0)
    assert found is one
    assert lb.follow(session, 10.0) is None


def _session(one):
    return Session(b"s", b"r", [one])


def test_somebody_may_close_it():
    """
    The flags are what holds it open; it counts anew then.
    """
    lb = broken()
    one = lb.members[0]
    lb.set_flags(one, one.flags & ~flags.PASSIVE, "by command", 1.0)
    assert one.watched.breaker.state == CLOSED
    lb.answered(one, 500, 0.01, 1.0)
    assert words(one) == "Init Ok "


def test_without_options_there_is_none_any_more():
    """
    A reload that takes them away lets the member in.
    """
    lb = broken()
    one = lb.members[0]
    one.spec = member("a")
    lb.watch(lb.spec)
    lb.sweep(1.0)
    assert words(one) == "Init Ok "


def test_members_that_ignore_errors_have_no_breaker():
    """
    C{+I} means it.
    """
    lb = balancer(member("a", status="+I", breaker_percent=1, breaker_requests=1), "b")
    lb.answered(lb.members[0], 500, 0.01, 0.0)
    assert words(lb.members[0]) == "Init Ign Ok "


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["good", "bad", "slow", "wait"]), st.integers(1, 9))))
def test_every_state_leads_on(steps):
    """
    Whatever happens: an open breaker admits nothing, a closed one everything, a half-open one as
    many as there are trials; and time with good answers always closes it.
    """
    tally = Tally()
    spec = BreakerOptions(breaker_percent=50, breaker_latency=0.1, breaker_requests=3)
    breaker, now = Breaker(spec, tally), 0.0

    def one(what):
        if what == "bad":
            tally.failure(LOCAL)
        else:
            tally.requests += 1
            tally.slow += what == "slow"
        breaker.look(now)

    for what, count in steps:
        if what == "wait":
            now += count
            breaker.sweep(now)
        elif breaker.admits():
            one(what)
        admitted = [breaker.admits() for _ in range(spec.breaker_trials + 1)]
        assert any(admitted) <= (breaker.state != OPEN)
        assert all(admitted) is (breaker.state == CLOSED)
    for _ in range(20):
        now += 5.0
        breaker.sweep(now)
        if breaker.admits():
            one("good")
    assert breaker.state == CLOSED


@pytest.mark.parametrize(("percent", "latency"), [(0, 0.0)])
def test_off_is_off(percent, latency):
    """
    Without options there is nothing to ask.
    """
    lb = balancer("a", breaker_percent=percent, breaker_latency=latency)
    assert lb.breaker is None
    assert lb.admits()
    assert not lb.watched


@given(trials=st.integers(1, 50), of=st.integers(1, 20))
def test_several_processes_make_the_trials_together(trials, of):
    """
    As many as are configured, divided evenly; of fewer trials than processes, one each.
    """
    parts = [Part(place, of).trials(trials) for place in range(1, of + 1)]
    assert sum(parts) == max(trials, of)
    assert max(parts) - min(parts) <= 1


def test_a_part_of_the_trials():
    """
    What a process lets through, and what closes the breaker, is its part, which may change.
    """
    lb, _ = make(breaker_trials=5)
    lb.divide_trials(Part(2, 2))
    fail(lb, 4)
    lb.sweep(10.0)
    assert [lb.admits() for _ in range(3)] == [True, True, False]
    well(lb, 2, 10.0)
    assert lb.breaker.state == CLOSED
    lb.divide_trials(Part(1, 1))
    assert lb.breaker.trials == 5
