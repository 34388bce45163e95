"""
What workers tell of their work.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.balancer import Balancer
from txbalancer.core.meters import Meter, Meters
from txbalancer.core.outcome import Outcome
from txbalancer.core.passive.budget import Budget
from txbalancer.core.request import Peer
from txbalancer.testing import make_balancer
from txbalancer.workers.reports import AT_REST, Levels, Reporter, count, pack, requests_of

SPANS = st.sampled_from([0.0, 0.0001, 0.02, 3.0, 900.0])
OUTCOMES = st.fixed_dictionaries(
    {
        "status": st.sampled_from([0, 200, 404, 502]),
        "reason": st.sampled_from(["ok", "connect", "timeout"]),
        "attempts": st.integers(0, 3),
        "bytes_in": st.integers(0, 9),
        "bytes_out": st.integers(0, 9),
        "duration": SPANS,
        "queue": SPANS,
        "connect": SPANS,
        "first_byte": SPANS,
        "sticky": st.none() | st.just((b"name", b"route")),
    }
).map(lambda found: Outcome(None, Peer("192.0.2.1", listener="web"), **found))


def shown(meter: Meter) -> dict[str, Any]:
    """
    Return everything that a meter has.
    """
    names = ("classes", "retries", "bytes_in", "bytes_out", "sticky", "failures", "failed")
    times = ("total", "first_byte", "connect", "queue")
    return {name: getattr(meter, name) for name in names} | {
        name: getattr(meter, name).counts for name in times
    }


@given(st.lists(st.lists(OUTCOMES, max_size=5), max_size=5))
def test_what_was_counted_is_the_same_elsewhere(parts: list[list[Outcome]]) -> None:
    """
    Counting what each part of the exchanges packs into a report gives the meter of all.
    """
    whole, total, requests = Meter(), Meter(), 0
    for part in parts:
        meter = Meter()
        for outcome in part:
            whole.measure(outcome)
            meter.measure(outcome)
            meter.failed["reset"] = meter.failed.get("reset", 0) + 1
            whole.failed["reset"] = whole.failed.get("reset", 0) + 1
        packed = pack(meter)
        requests += requests_of(packed)
        count(total, packed)
    assert shown(total) == shown(whole)
    assert abs(total.seconds - whole.seconds) < 1e-6
    assert requests == whole.requests


class Work:
    """
    Balancers of which a reporter tells.
    """

    def __init__(self, *names: str) -> None:
        self.balancer: Balancer = make_balancer(*names)
        for each in self.balancer.members:
            self.furnish(each)
        self.meters, self.lost = Meters(), 0
        self.resource = SimpleNamespace(balancer=self.balancer, waiting=0)
        self.reporter = Reporter(self.meters, lambda: [self.resource], tuple, lambda: self.lost)

    def furnish(self, member: Any) -> None:
        """
        Give a member a pool.
        """
        member.pool = SimpleNamespace(open=0, at_rest=0, connecting=0, waiting=0)


def test_nothing_is_told_twice() -> None:
    """
    A report has the members with news, as differences; without any it is empty.
    """
    work = Work("http://a", "http://b")
    assert len(work.reporter.report(0.0).members) == 2
    one, _ = work.balancer.members
    one.elected, one.busy, one.transferred, one.pool.open = 3, 1, 700, 2
    ((place, news),) = work.reporter.report(0.1).members.items()
    assert place == ("shop", "http://a")
    assert news == (3, 700, 0, Levels(1, 2))
    assert not work.reporter.report(0.2).members
    one.busy, one.pool.open = 0, 0
    ((_, news),) = work.reporter.report(0.3).members.items()
    assert news == (0, 0, 0, AT_REST)
    one.transferred = 0  # as bytraffic does when it becomes the lbmethod
    one.elected = 4
    ((_, news),) = work.reporter.report(0.4).members.items()
    assert news == (1, 0, 0, AT_REST)


def test_members_that_go() -> None:
    """
    A member that is gone is told once; one of the same name in its place begins anew.
    """
    work = Work("http://a", "http://b")
    one, other = work.balancer.members
    one.elected = 5
    work.reporter.report(0.0)
    work.balancer.install([other])
    assert work.reporter.report(0.1).gone == [("shop", "http://a")]
    assert not work.reporter.report(0.2).gone
    (again,) = make_balancer("http://a").members
    work.furnish(again)
    again.elected = 1
    work.balancer.install([other, again])
    ((place, news),) = work.reporter.report(0.3).members.items()
    assert (place, news.elected) == (("shop", "http://a"), 1)


def test_what_is_told_seldom() -> None:
    """
    Listeners and lbstatus are told once a second, and in a whole report; waiting exchanges and
    lost lines when there is news of them.
    """
    work = Work("http://a")
    assert work.reporter.report(0.0).listeners == {}
    work.resource.waiting, work.lost = 2, 3
    report = work.reporter.report(0.5)
    assert (report.listeners, report.waiting, report.lost) == (None, {"shop": 2}, 3)
    report = work.reporter.report(0.9)
    assert (report.waiting, report.lost, report.standings) == ({}, 0, {})
    work.balancer.members[0].base = 50
    assert work.reporter.report(0.95, whole=True).standings == {"shop": [50]}


def test_what_was_left_undone() -> None:
    """
    Outliers that were spared and retries that were stopped are told as differences, once a second.
    """
    work = Work("http://a")
    work.balancer.budget = Budget(20, 3)
    assert work.reporter.report(0.0).restraints == {}
    work.balancer.spared, work.balancer.budget.denied = 2, 5
    assert work.reporter.report(1.0).restraints == {"shop": (2, 5, 0)}
    work.balancer.spared = 3
    work.balancer.budget = None
    assert work.reporter.report(2.0).restraints == {"shop": (1, 0, 0)}
    assert work.reporter.report(3.0).restraints == {}
