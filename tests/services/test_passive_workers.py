"""
What passive health finds in one worker: the supervisor notes it once, and all do as if they had
found it themselves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.several import Process, World, sent
from txbalancer import errors
from txbalancer.core import flags
from txbalancer.core.passive.breaker import CLOSED, HALF_OPEN, OPEN
from txbalancer.core.passive.ejection import Ejection
from txbalancer.services.relays import word_of
from txbalancer.services.ties import Ties

EJECTING: dict[str, Any] = {"outlier_failures": 3, "outlier_time": 5.0}
BREAKING: dict[str, Any] = {"breaker_percent": 50, "breaker_requests": 4, "breaker_open": 5.0}


def told(world: World) -> None:
    """
    Let all messages arrive.
    """
    world.clock.pump([0.01, 0.0, 0.01, 0.0])


def all_of(world: World) -> list[Process]:
    """
    Return the supervisor and its workers.
    """
    return [world.supervisor, *world.workers]


def states(world: World) -> list[str]:
    """
    Return the states of the balancer's circuit breaker.
    """
    return [each.balancer.breaker.state for each in all_of(world) if each.balancer.breaker]


def answers(world: World, worker: int, status: int, count: int, member: int = 0) -> None:
    """
    Let a member answer a worker so many times.
    """
    balancer = world.workers[worker].balancer
    for _ in range(count):
        balancer.answered(balancer.members[member], status, 0.01, world.clock.seconds())


def sweep(world: World) -> None:
    """
    Let time be looked at everywhere, the workers' first.
    """
    for each in reversed(all_of(world)):
        each.balancer.sweep(world.clock.seconds())


def test_an_ejection_is_everywhere_and_ends_everywhere() -> None:
    """
    Its cause and end are known to all, it is noted once, and no worker keeps it for longer.
    """
    world = World(**EJECTING)
    answers(world, 0, 500, 3)
    told(world)
    out = flags.INIT | flags.EJECTED
    assert [each.flags for each in all_of(world)] == [[out, flags.INIT]] * 3
    its = [each.balancer.members[0].watched for each in all_of(world)]
    assert its[0].ejection == Ejection("failures", "3 failed answers in a row", 5.0, 1)
    assert {each.ejection for each in its} == {its[0].ejection}
    assert [each.ejections["failures"] for each in its] == [1, 1, 1]
    world.clock.advance(5.0)
    world.workers[1].balancer.sweep(world.clock.seconds())
    told(world)
    assert [each.flags for each in all_of(world)] == [[flags.INIT] * 2] * 3
    sweep(world)
    told(world)
    assert [each.cause for each in world.flips] == [
        "ejected: 3 failed answers in a row, for 5s, 1st time",
        "reinstated: its ejection is over",
    ]


def test_two_workers_eject_no_more_than_one_may() -> None:
    """
    At the same moment each ejects one of two members: the first counts, the other is back.
    """
    world = World(**EJECTING, outlier_most=50)
    answers(world, 0, 500, 3, member=0)
    answers(world, 1, 500, 3, member=1)
    told(world)
    out = flags.INIT | flags.EJECTED
    assert [each.flags for each in all_of(world)] == [[out, flags.INIT]] * 3
    assert len(world.flips) == 1
    assert world.supervisor.balancer.spared == 1


def test_two_that_eject_the_same_one_spare_nobody() -> None:
    """
    The second is told what it says, which is no outlier that stays in use.
    """
    world = World(**EJECTING, outlier_most=50)
    for worker in (0, 1):
        answers(world, worker, 500, 3, member=0)
    told(world)
    out = flags.INIT | flags.EJECTED
    assert [each.flags for each in all_of(world)] == [[out, flags.INIT]] * 3
    assert world.supervisor.balancer.spared == 0


def member_breakers(world: World) -> None:
    """
    Give the members circuit breakers.
    """
    for each in all_of(world):
        for member in each.balancer.members:
            member.spec = replace(member.spec, **BREAKING)
        each.balancer.watch(each.balancer.spec)


def test_a_members_circuit_breaker_is_one() -> None:
    """
    It is open in all, tries in all, and closes in all once one worker's trials went well.
    """
    world = World()
    member_breakers(world)
    answers(world, 0, 500, 4)
    told(world)
    assert {each.flags[0] for each in all_of(world)} == {flags.INIT | flags.TRIPPED}
    world.clock.advance(5.0)
    world.supervisor.balancer.sweep(world.clock.seconds())
    told(world)
    trial = flags.INIT | flags.TRIAL
    assert {each.flags[0] for each in all_of(world)} == {trial}
    for each in all_of(world):
        member = each.balancer.members[0]
        assert member.quota == member.elected + member.spec.breaker_trials
    answers(world, 1, 200, 3)
    told(world)
    assert {each.flags[0] for each in all_of(world)} == {flags.INIT}
    causes = [each.cause for each in world.flips]
    assert causes[0].startswith("circuit breaker open: 4 of 4 requests failed")
    assert causes[1:] == [
        "circuit breaker half-open: 3 requests are let through",
        "circuit breaker closed: all trials went well",
    ]
    assert {each.balancer.members[0].watched.breaker.state for each in all_of(world)} == {CLOSED}


def test_a_failed_trial_opens_it_everywhere() -> None:
    """
    A bad trial in one worker ends those of all.
    """
    world = World()
    member_breakers(world)
    answers(world, 0, 500, 4)
    told(world)
    world.clock.advance(5.0)
    sweep(world)
    told(world)
    answers(world, 1, 500, 1)
    told(world)
    assert {each.flags[0] for each in all_of(world)} == {flags.INIT | flags.TRIPPED}
    ends = {each.balancer.members[0].watched.breaker.until for each in all_of(world)}
    assert len(ends) == 1
    assert len(world.flips) == 3


def test_a_balancers_circuit_breaker_is_one() -> None:
    """
    What one worker's breaker does all do, and each step is told once with its cause.
    """
    world = World(**BREAKING)
    answers(world, 0, 500, 4)
    told(world)
    assert states(world) == [OPEN] * 3
    world.clock.advance(5.0)
    sweep(world)
    told(world)
    assert states(world) == [HALF_OPEN] * 3
    answers(world, 1, 200, 3)
    told(world)
    assert states(world) == [CLOSED] * 3
    assert [each.text for each in world.alarms] == [
        "circuit breaker open: 4 of 4 requests failed, requests get 503 for 5s",
        "circuit breaker half-open: 3 requests are let through",
        "circuit breaker closed: all trials went well",
    ]
    assert world.supervisor.balancer.breaker is not None
    assert world.supervisor.balancer.breaker.openings == 1


def test_two_that_open_together_are_one_opening() -> None:
    """
    Both workers see the same failures; it is told once, and a trial that fails later is another.
    """
    world = World(**BREAKING)
    answers(world, 0, 500, 4)
    world.clock.advance(0.001)
    answers(world, 1, 500, 4)
    told(world)
    assert states(world) == [OPEN] * 3
    assert len(world.alarms) == 1
    world.clock.advance(5.0)
    world.workers[1].balancer.sweep(world.clock.seconds())
    answers(world, 1, 500, 1)
    told(world)
    assert states(world) == [OPEN] * 3
    assert [each.text for each in world.alarms[1:]] == [
        "circuit breaker open: a trial failed: 4 of 4 requests failed, requests get 503 for 5s"
    ]


def test_a_panic_is_told_once() -> None:
    """
    It follows from the members' flags, which all know; who tells of it is the supervisor.
    """
    world = World(**EJECTING, outlier_most=100, panic=60)
    answers(world, 0, 500, 3)
    told(world)
    assert [each.balancer.panicking for each in all_of(world)] == [True] * 3
    (alarm,) = world.alarms
    assert alarm.text.startswith("1 of 2 members are healthy, below panic = 60 %")
    assert world.workers[0].words == 1


def test_a_worker_that_begins_knows_it_all() -> None:
    """
    A new one in the place of another leaves out whom all leave out, for as long.
    """
    world = World(**EJECTING, **BREAKING)
    answers(world, 0, 500, 4)
    told(world)
    fresh = Process(world.clock, **EJECTING, **BREAKING)
    ties = Ties(fresh.runtime, fresh.find, lambda word: None)  # type: ignore[arg-type, return-value]
    ties.heed(sent(word_of({"shop": world.supervisor.resource})))
    assert fresh.flags == world.supervisor.flags
    mine, its = (each.balancer.members[0].watched for each in (fresh, world.supervisor))
    assert mine.ejection == its.ejection is not None
    assert fresh.balancer.breaker is not None
    assert fresh.balancer.breaker.state == OPEN
    fresh.balancer.sweep(5.0)
    assert fresh.flags == [flags.INIT] * 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["answer", "answer", "lost", "sweep", "wait", "tell"]),
        st.integers(0, 2),
        st.sampled_from([200, 500]),
        st.integers(0, 1),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(STEPS)
def test_all_end_alike(steps: list[tuple[str, int, int, int]]) -> None:
    """
    Whatever workers see, and when: once all is told all leave out the same and have the same
    breaker, and once time is over nobody leaves out anybody.
    """
    world = World(**EJECTING, **{**BREAKING, "breaker_open": 1.0}, outlier_most=100, panic=50)
    member_breakers(world)
    everybody = all_of(world)
    for what, number, status, member in steps:
        if what == "answer" and number:
            answers(world, number - 1, status, 1, member)
        elif what == "lost" and number:
            timeout = errors.ResponseTimeout("silent")
            world.workers[number - 1].balancer.lost(timeout, world.clock.seconds())
        elif what == "sweep":
            everybody[number].balancer.sweep(world.clock.seconds())
        else:
            world.clock.advance(0.5 if what == "wait" else 0.005)
    for _ in range(3):
        told(world)
    assert [each.flags for each in everybody] == [world.supervisor.flags] * 3
    assert states(world) == [states(world)[0]] * 3
    for _ in range(20):
        world.clock.advance(5.0)
        sweep(world)
        for worker in range(2):
            for member in range(2):
                answers(world, worker, 200, 3, member)
        told(world)
    assert [each.flags for each in everybody] == [[flags.INIT] * 2] * 3
    assert states(world) == [CLOSED] * 3
    assert all(each.balancer.members[0].watched.ejection is None for each in everybody)
