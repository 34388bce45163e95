"""
The schedule of health checks, on a clock of our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from txbalancer.core.hcexpr import Answer
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import GlobalSpec, MemberSpec, NamedText
from txbalancer.errors import StartError
from txbalancer.services.checks import HealthChecks

PASSED = ProbeResult(True, "fine", 0.01)
MEMBER = MemberSpec("http://a", hcmethod="fake", hcinterval=10.0, hctimeout=2.0)


class FakeProbe:
    """
    Notes when it is asked, and answers as it is told.
    """

    name = "fake"

    def __init__(self) -> None:
        self.asked: list[tuple[float, MemberSpec]] = []
        self.answer: Any = lambda: succeed(PASSED)

    def probe(self, reactor: Clock, member: MemberSpec) -> Any:
        self.asked.append((reactor.seconds(), member))
        return self.answer()

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.asked]


class Bench:
    """
    A schedule over a fake probe.
    """

    def __init__(self, seed: int = 1) -> None:
        self.clock = Clock()
        self.probe = FakeProbe()
        self.results: list[tuple[str, str, ProbeResult]] = []
        self.stopped: set[str] = set()
        self.checks = HealthChecks(
            self.clock,
            {"fake": self.probe},
            lambda *result: self.results.append(result),
            wanted=lambda balancer, member: member not in self.stopped,
            random=Random(seed),
        )

    def run(self, seconds: float, step: float = 0.05) -> None:
        self.clock.pump([step] * round(seconds / step))


@pytest.fixture
def bench() -> Bench:
    """
    Make a schedule with a probe that passes.
    """
    return Bench()


@pytest.fixture
def failures() -> Iterator[list[Any]]:
    """
    Collect failures that are logged.
    """
    seen: list[Any] = []

    def observer(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            seen.append(event["log_failure"])

    globalLogPublisher.addObserver(observer)
    yield seen
    globalLogPublisher.removeObserver(observer)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_verdict_comes_at_once(seed: int) -> None:
    """
    A member is checked within a tenth of its interval; Apache lets a whole one pass (C4).
    """
    bench = Bench(seed)
    bench.checks.set_members("shop", [MEMBER])
    assert bench.probe.asked == []
    bench.run(1.05)
    assert bench.results == [("shop", "http://a", PASSED)]


@pytest.mark.parametrize("seed", range(5))
def test_checks_follow_the_interval_with_jitter(seed: int) -> None:
    """
    After the first two, checks come ten per cent about the interval apart, not in step.
    """
    bench = Bench(seed)
    bench.checks.set_members("shop", [MEMBER])
    bench.run(200)
    times = bench.probe.times
    gaps = [after - before for before, after in pairwise(times)]
    assert 0.9 <= gaps[0] <= 12.1
    assert all(8.9 <= gap <= 11.1 for gap in gaps[1:])
    assert len({round(gap, 2) for gap in gaps}) > 5
    assert 18 <= len(times) <= 21


def test_many_members_are_spread_over_the_interval(bench: Bench) -> None:
    """
    A hundred members do not fire together once the first round is over.
    """
    bench.checks.set_members("shop", [replace(MEMBER, url=f"http://{n}") for n in range(100)])
    bench.run(30)
    later = [at for at in bench.probe.times if 15 <= at < 25]
    assert 85 <= len(later) <= 115
    halves = [sum(start <= at < start + 5 for at in later) for start in (15, 20)]
    assert min(halves) >= 25
    assert max(sum(start <= at < start + 1 for at in later) for start in range(15, 25)) <= 25


def test_a_check_ends_within_its_timeout(bench: Bench) -> None:
    """
    A probe that does not answer is cancelled after hctimeout and counts as failed.
    """
    cancelled: list[float] = []
    bench.probe.answer = lambda: Deferred(lambda _: cancelled.append(bench.clock.seconds()))
    bench.checks.set_members("shop", [MEMBER])
    bench.run(4)
    assert [(result.passed, result.text) for _, _, result in bench.results] == [
        (False, "no answer within 2 s")
    ]
    assert cancelled == pytest.approx([bench.probe.times[0] + 2.0], abs=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_a_timeout_longer_than_the_interval_costs_no_turn(seed: int) -> None:
    """
    hctimeout counts up to hcinterval, so that a hanging member is still checked each time.
    """
    bench = Bench(seed)
    bench.probe.answer = Deferred
    bench.checks.set_members("shop", [replace(MEMBER, hcinterval=1.0)])
    bench.run(30, 0.01)
    assert 28 <= len(bench.probe.asked) <= 31
    assert len(bench.results) >= len(bench.probe.asked) - 1


def test_a_probe_that_cannot_be_cancelled_does_not_hold_up(bench: Bench) -> None:
    """
    When a probe goes on after its time, the member is checked again all the same.
    """
    stray: list[Deferred[Any]] = []

    def stubborn() -> Deferred[Any]:
        stray.append(Deferred())
        asking: Deferred[Any] = Deferred()
        return asking.addErrback(lambda _: stray[-1])

    bench.probe.answer = stubborn
    bench.checks.set_members("shop", [MEMBER])
    bench.run(40)
    assert len(bench.results) >= 4
    stray[0].callback(PASSED)
    assert not any(result.passed for _, _, result in bench.results)


def test_checks_never_overlap(bench: Bench) -> None:
    """
    A second check does not begin before the first is over, however slow it is.
    """
    open_at_once: list[int] = []
    running: list[int] = []

    def slow() -> Deferred[Any]:
        running.append(1)
        open_at_once.append(len(running))
        answer: Deferred[Any] = Deferred()
        bench.clock.callLater(1.9, answer.callback, PASSED)
        return answer.addBoth(lambda result: running.pop() and result)

    bench.probe.answer = slow
    bench.checks.set_members("shop", [replace(MEMBER, hcinterval=2.0)])
    bench.run(60, 0.01)
    assert len(open_at_once) >= 25
    assert set(open_at_once) == {1}


@pytest.mark.parametrize(
    "answer",
    [
        lambda: 1 / 0,
        lambda: Deferred().addCallback(lambda _: 1 / 0),
        lambda: succeed(None).addCallback(lambda _: 1 / 0),
    ],
    ids=["at once", "never", "later"],
)
def test_a_broken_probe_is_a_failed_check(bench: Bench, failures: list[Any], answer: Any) -> None:
    """
    Whatever a probe does, its member is checked again, and its fault is on record.
    """
    bench.probe.answer = answer
    bench.checks.set_members("shop", [MEMBER])
    bench.run(40)
    assert len(bench.results) >= 4
    assert not any(result.passed for _, _, result in bench.results)
    assert all(failure.check(ZeroDivisionError) for failure in failures)


def test_a_member_that_cannot_be_asked_is_a_failed_check(bench: Bench, failures: list[Any]) -> None:
    """
    An error of ours, such as an unreadable file of authorities, is told in its own words.
    """

    def unreadable() -> Any:
        raise StartError("ca.pem: there is no certificate in it")

    bench.probe.answer = unreadable
    bench.checks.set_members("shop", [MEMBER])
    bench.run(1.05)
    assert [result.text for _, _, result in bench.results] == [
        "ca.pem: there is no certificate in it"
    ]
    assert failures == []


def test_a_result_that_nobody_takes_does_not_end_the_checks(failures: list[Any]) -> None:
    """
    A fault in the hearer is logged; the loop goes on.
    """
    clock, probe = Clock(), FakeProbe()

    def hear(balancer: str, member: str, result: ProbeResult) -> None:
        raise KeyError(member)

    checks = HealthChecks(clock, {"fake": probe}, hear)
    checks.set_members("shop", [MEMBER])
    clock.pump([0.1] * 400)
    assert len(probe.asked) >= 4
    assert len(failures) == len(probe.asked)


def test_C11_stopped_members_are_not_checked(bench: Bench) -> None:
    """
    A stopped member is left alone, and checked again when it is no longer stopped.
    """
    bench.stopped.add("http://a")
    bench.checks.set_members("shop", [MEMBER])
    bench.run(35)
    assert bench.probe.asked == []
    bench.stopped.clear()
    bench.run(12)
    assert bench.probe.asked != []


def test_members_without_a_method_are_not_checked(bench: Bench) -> None:
    """
    hcmethod=none is no check; the method's case does not matter (C1).
    """
    members = [
        replace(MEMBER, hcmethod="None"),
        replace(MEMBER, url="http://b", hcmethod="FAKE"),
    ]
    bench.checks.set_members("shop", members)
    bench.run(3)
    assert {name for _, name, _ in bench.results} == {"http://b"}


def test_a_reload_keeps_the_rhythm_of_what_stays(bench: Bench) -> None:
    """
    An unchanged member is not checked anew; a new address part counts from the next check on.
    """
    bench.checks.set_members("shop", [MEMBER])
    bench.run(2)
    assert len(bench.probe.asked) == 1
    bench.checks.set_members("shop", [replace(MEMBER, hcuri="/new")])
    bench.run(2)
    assert len(bench.probe.asked) == 1
    bench.run(10)
    assert [member.hcuri for _, member in bench.probe.asked][:2] == ["", "/new"]


@pytest.mark.parametrize("waits", [1.0, 4.0, 25.0])
def test_a_reload_stops_what_is_gone_and_starts_what_is_new(bench: Bench, waits: float) -> None:
    """
    In any state of its loop a removed member is checked no more, a changed one at once.
    """
    other = replace(MEMBER, url="http://b")
    bench.checks.set_members("shop", [MEMBER, other])
    bench.checks.set_members("news", [MEMBER])
    bench.run(waits)
    bench.results.clear()
    bench.checks.set_members("shop", [replace(other, hcinterval=1.0)])
    bench.run(1)
    assert ("shop", "http://b", PASSED) in bench.results
    bench.run(20)
    assert ("shop", "http://a", PASSED) not in bench.results
    assert ("news", "http://a", PASSED) in bench.results


@pytest.mark.parametrize("waits", [0.0, 1.05, 4.0, 25.0, 25.8])
@pytest.mark.parametrize("hanging", [False, True])
def test_stopping_leaves_nothing_behind(
    bench: Bench, failures: list[Any], waits: float, hanging: bool
) -> None:
    """
    After a stop there is no timer, no probe in progress and no result, in any state.
    """
    probes: list[Deferred[Any]] = []

    def hang() -> Deferred[Any]:
        # As Twisted's endpoints do, with an error of its own.
        probes.append(Deferred(lambda asking: asking.errback(KeyError("gave up"))))
        return probes[-1]

    if hanging:
        bench.probe.answer = hang
    bench.checks.set_members("shop", [MEMBER])
    bench.run(waits)
    told = len(bench.results)
    bench.checks.stop()
    assert bench.clock.getDelayedCalls() == []
    assert all(probe.called for probe in probes)
    bench.run(20)
    assert len(bench.results) == told
    assert failures == []


def told(bench: Bench) -> list[tuple[bool, str]]:
    """
    Return what was made of the results so far.
    """
    return [(result.passed, result.text) for _, _, result in bench.results]


@pytest.mark.parametrize(
    ("status", "expression", "passed"),
    [
        (404, "%{REQUEST_STATUS} =~ /^[234]/", True),
        (500, "hc('body') =~ /well/", True),
        (200, "hc('body') =~ /sick/", False),
    ],
)
def test_C6_with_an_expression_only_it_decides(
    bench: Bench, status: int, expression: str, passed: bool
) -> None:
    """
    What the status says does not matter then; the text names the expression and its result.
    """
    bench.checks.configure(GlobalSpec(hcexpr=(NamedText("mine", expression),)))
    found = ProbeResult(200 <= status < 400, f"status {status}", 0.1, Answer(status, (), b"well"))
    bench.probe.answer = lambda: succeed(found)
    bench.checks.set_members("shop", [replace(MEMBER, hcexpr="mine")])
    bench.run(1.05)
    assert told(bench) == [(passed, f"status {status}, mine is {str(passed).lower()}")]
    assert bench.results[0][2].answer is None


def test_C6_an_expression_is_not_asked_without_an_answer(bench: Bench) -> None:
    """
    A connection that is refused, or a body that breaks off, is a failed check whatever it says.
    """
    bench.checks.configure(GlobalSpec(hcexpr=(NamedText("mine", "true"),)))
    bench.probe.answer = lambda: succeed(ProbeResult(False, "refused"))
    bench.checks.set_members("shop", [replace(MEMBER, hcexpr="mine")])
    bench.run(1.05)
    assert told(bench) == [(False, "refused")]


def test_a_reload_changes_expressions(bench: Bench) -> None:
    """
    The next check is judged by the new text; without it, by the status, which is told.
    """
    bench.probe.answer = lambda: succeed(ProbeResult(True, "status 200", 0.1, Answer(200)))
    bench.checks.set_members("shop", [replace(MEMBER, hcexpr="mine")])
    for text in ("true", "false", ""):
        service = GlobalSpec(hcexpr=(NamedText("mine", text),) if text else ())
        bench.checks.configure(service)
        bench.results.clear()
        bench.run(12)
        expected = f"mine is {text}" if text else "there is no mine any more"
        assert set(told(bench)) == {(text != "false", f"status 200, {expected}")}


def test_answers_are_not_kept(bench: Bench) -> None:
    """
    A body is let go as soon as it is judged.
    """
    bench.probe.answer = lambda: succeed(ProbeResult(True, "ok", 0.1, Answer(200, (), b"long")))
    bench.checks.set_members("shop", [MEMBER])
    bench.run(1.05)
    assert bench.results[0][2] == ProbeResult(True, "ok", 0.1)


def busy_bench(limit: int, members: int, **options: Any) -> tuple[Bench, list[Deferred[Any]]]:
    """
    Start checks that hang, of several members, with a bound on how many at once.
    """
    bench, hanging = Bench(), list[Deferred[Any]]()

    def hang() -> Deferred[Any]:
        hanging.append(Deferred())
        return hanging[-1]

    bench.probe.answer = hang
    bench.checks.configure(GlobalSpec(hctpsize=limit))
    bench.checks.set_members(
        "shop", [replace(MEMBER, url=f"http://{n}", **options) for n in range(members)]
    )
    return bench, hanging


def test_hctpsize_bounds_the_checks_at_once() -> None:
    """
    Others wait for their turn, which comes when one ends, however it ends.
    """
    bench, hanging = busy_bench(2, 5)
    bench.run(1.05)
    assert len(hanging) == 2
    hanging[0].callback(PASSED)
    hanging[1].errback(StartError("no"))
    assert len(hanging) == 4
    bench.checks.configure(GlobalSpec(hctpsize=0))
    assert len(hanging) == 5


def test_waiting_for_a_turn_is_not_part_of_hctimeout() -> None:
    """
    Three checks one after another, each with all of its two seconds.
    """
    bench, hanging = busy_bench(1, 3, hcinterval=100.0)
    bench.run(10.5)
    bench.run(5)
    times = [at for at, _ in bench.probe.asked]
    assert len(hanging) == 3
    assert all(after - before >= 1.9 for before, after in pairwise(times))
    assert told(bench) == [(False, "no answer within 2 s")] * 3


def test_stopping_ends_the_wait_for_a_turn(failures: list[Any]) -> None:
    """
    Checks that wait are given up, and those in progress leave their place to nobody.
    """
    bench, hanging = busy_bench(1, 3)
    bench.run(1.05)
    bench.checks.stop()
    assert bench.clock.getDelayedCalls() == []
    assert len(hanging) == 1
    assert bench.checks.slots.taken == 0
    assert failures == []


@pytest.mark.parametrize("interval", [1.0, 10.0])
def test_C6_without_hctimeout_the_members_times_bound_a_check(
    bench: Bench, interval: float
) -> None:
    """
    hctimeout=0 is connectiontimeout and timeout together, even where hcinterval is shorter:
    a slow answer passes, the next check comes after it, and none runs beside another.
    """
    member = replace(MEMBER, hctimeout=0.0, connectiontimeout=1.0, timeout=4.0, hcinterval=interval)
    running: list[int] = []

    def slow() -> Deferred[Any]:
        assert not running
        running.append(1)
        answer: Deferred[Any] = Deferred(lambda _: running.clear())
        seconds = 4.5 if len(bench.probe.asked) < 4 else 6.0

        def end() -> None:
            if not answer.called:
                running.clear()
                answer.callback(PASSED)

        bench.clock.callLater(seconds, end)
        return answer

    bench.probe.answer = slow
    bench.checks.set_members("shop", [member])
    bench.run(60)
    results = told(bench)
    assert results[:3] == [(True, "fine")] * 3
    assert results[3] == (False, "no answer within 5 s")
    gaps = [after - before for before, after in pairwise(bench.probe.times)]
    assert max(gaps) < max(interval * 1.2, 4.5 + 2 * interval)
