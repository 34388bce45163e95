"""
The sums of what several workers do.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock

from txbalancer.control.metrics.of_listeners import ListenerView, TLSView
from txbalancer.control.record import Record
from txbalancer.core.meters import Meter, Meters
from txbalancer.core.passive.budget import Budget
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.pictures import Picture
from txbalancer.services.sums import Sums, Work
from txbalancer.testing import make_balancer
from txbalancer.workers.reports import Levels, MemberNews, Report, Restraint, pack

NAMES = ("http://a", "http://b")


class World:
    """
    A picture of a balancer with its sums.
    """

    def __init__(self) -> None:
        runtime = Runtime(MemoryReactorClock(), lambda outcome: None)
        self.balancer = make_balancer(*NAMES)
        self.picture = Picture(runtime, self.balancer)
        self.picture.open_pools()
        self.meters = Meters()
        self.sums = Sums(self.meters, lambda: [self.picture])

    def levels(self) -> list[tuple[int, ...]]:
        """
        Return what is shown of each member.
        """
        return [
            (each.busy, each.pool.open, each.pool.at_rest, each.pool.connecting, each.pool.waiting)
            for each in self.balancer.members
        ]


def served(count: int) -> Any:
    """
    Return a packed meter of so many exchanges.
    """
    meter = Meter()
    meter.classes[2] = count
    meter.total.counts[3] = count
    return pack(meter)


STEP = st.tuples(
    st.integers(1, 3),
    st.none()
    | st.tuples(
        st.integers(0, 1), st.integers(0, 5), st.tuples(*[st.integers(0, 9)] * 5), st.integers(0, 9)
    ),
)


@given(st.lists(STEP, max_size=30))
def test_any_reports_and_deaths(steps: list[Any]) -> None:
    """
    However workers report and end: what was counted is the sum of all that was ever told, what is
    going on is the sum of what those say last who are there.
    """
    world = World()
    there: dict[int, dict[int, Any]] = {}
    waiting: dict[int, int] = {}
    elected, requests = [0, 0], 0
    for worker, step in steps:
        if step is None:
            world.sums.settle(worker)
            there.pop(worker, None)
            waiting.pop(worker, None)
        else:
            place, count, levels, waits = step
            if worker not in world.sums:
                world.sums.begin(worker)
            report = Report({("web", "shop", NAMES[place]): served(count)})
            report.members["shop", NAMES[place]] = MemberNews(count, 2, 3, Levels(*levels))
            report.waiting["shop"] = waits
            world.sums.take(worker, report)
            there.setdefault(worker, {})[place] = levels
            waiting[worker] = waits
            elected[place] += count
            requests += count
        for place, found in enumerate(world.levels()):
            mine = [each[place] for each in there.values() if place in each]
            assert found == tuple(map(sum, zip(*mine, strict=True))) if mine else (0,) * 5
        assert world.picture.waiting == sum(waiting.values())
        assert [each.elected for each in world.balancer.members] == elected
        whole = world.meters.select(balancer="shop")
        assert whole.requests == requests == sum(whole.total.counts)


def test_late_words_count() -> None:
    """
    What a worker had counted counts when it is heard after its end; what it did is over.
    """
    world = World()
    world.sums.begin("one")
    world.sums.settle("one")
    report = Report({("web", "shop", NAMES[0]): served(3)})
    report.members["shop", NAMES[0]] = MemberNews(3, 0, 0, Levels(busy=1))
    world.sums.take("one", report)
    assert world.meters.select().requests == 3
    assert world.balancer.members[0].elected == 3
    assert world.levels()[0] == (0,) * 5


def test_members_that_are_not_there() -> None:
    """
    News of what the supervisor does not have any more, or not yet, are no fault.
    """
    world = World()
    world.sums.begin(1)
    report = Report(waiting={"other": 1}, standings={"other": [1], "shop": [1]})
    report.members["shop", "http://c"] = MemberNews(1, 0, 0, Levels(1))
    report.members["other", "http://c"] = MemberNews(1, 0, 0, Levels(1))
    report.gone = [("shop", "http://d"), ("shop", "http://c")]
    world.sums.take(1, report)
    assert world.levels() == [(0,) * 5] * 2


def test_lbstatus_is_summed() -> None:
    """
    A member's lbstatus is what it lags behind in all workers.
    """
    world = World()
    for worker, standing in ((1, [30, -30]), (2, [10, -10])):
        world.sums.begin(worker)
        world.sums.take(worker, Report(standings={"shop": standing}))
    shown = [world.balancer.lbstatus(each) for each in world.balancer.members]
    assert shown == [40, -40]
    world.sums.settle(1)
    assert world.balancer.lbstatus(world.balancer.members[0]) == 10


def test_what_was_left_undone_is_summed() -> None:
    """
    Counts stay when a worker ends; retries in progress end with it.
    """
    world = World()
    world.balancer.budget = budget = Budget(20, 3)
    for worker in (1, 2):
        world.sums.begin(worker)
        world.sums.take(worker, Report(restraints={"shop": Restraint(1, 2, 3)}))
    world.sums.take(2, Report(restraints={"shop": Restraint(1, 0, 1), "other": Restraint(1)}))
    assert (world.balancer.spared, budget.denied, budget.in_progress) == (3, 4, 4)
    world.sums.settle(1)
    assert (world.balancer.spared, budget.denied, budget.in_progress) == (3, 4, 1)


def view(**more: Any) -> ListenerView:
    """
    Return a listener's view.
    """
    return ListenerView("web", 10, 4, 2, 100, **more)


def test_listeners() -> None:
    """
    Totals of listeners stay when a worker ends, and what is open ends with it.
    """
    world, record = World(), Record()
    record.note(True, 5.0)
    tls = TLSView(3, 1, {"timeout": 2}, 1, 1, record, {"cert.pem": 30.0})
    for worker in (1, 2):
        world.sums.begin(worker)
        found = view(tls=tls, refused={"proxy-header": 1}, abuses={"ping": worker})
        world.sums.take(worker, Report(listeners={"web": found}))
    (both,) = world.sums.listeners()
    assert (both.accepted, both.connections, both.busy, both.most) == (20, 8, 4, 100)
    assert (both.refused, both.abuses) == ({"proxy-header": 2}, {"ping": 3})
    assert both.tls is not None
    assert both.tls[:5] == (6, 2, {"timeout": 4}, 2, 2)
    assert (both.tls.renewals.passed, both.tls.days) == (1, {"cert.pem": 30.0})
    assert world.sums.connections() == {"web": 8}
    assert world.sums.load() == (92, 4)
    assert world.sums.work(1) == Work(0, 4, 2)
    world.sums.settle(1)
    (left,) = world.sums.listeners()
    assert (left.accepted, left.connections, left.busy) == (20, 4, 2)
    assert left.tls is not None
    assert left.tls[:5] == (6, 2, {"timeout": 4}, 1, 1)
    world.sums.take(2, Report(listeners={}))
    assert world.sums.listeners() == []


def test_load_without_a_limit() -> None:
    """
    Each worker is said to take as many connections as one process.
    """
    world = World()
    for worker in (1, 2):
        world.sums.begin(worker)
        found = view()._replace(most=0)
        world.sums.take(worker, Report(listeners={"web": found}))
    assert world.sums.load() == (20000 - 8, 4)


@pytest.mark.parametrize("lost", [0, 3])
def test_lost_lines(lost: int) -> None:
    """
    Lines that could not be written add up.
    """
    world = World()
    for worker in (1, 2):
        world.sums.begin(worker)
        world.sums.take(worker, Report(lost=lost))
    world.sums.settle(1)
    assert world.sums.lost == 2 * lost
