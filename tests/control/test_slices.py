"""
Long work in slices, and how much of it is done in one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, TaskStopped

from tests.control.manager.boards import CONFIGURATION, Browser
from txbalancer.control.slices import Slices, Steps, at_once, of_each

MEMBERS = 300


def counting(turns: int, done: list[int]) -> Steps[str]:
    """
    Work in so many slices.
    """
    for number in range(turns):
        if number:
            yield
        done.append(number)
    return "done"


class Turns:
    """
    A clock of which each turn can be looked at.
    """

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def callLater(self, delay: float, call: Any) -> object:
        """
        Have something called in the next turn.
        """
        assert delay == 0.0
        self.calls.append(call)
        return call

    def turn(self) -> None:
        """
        Do what is due, but not what becomes due by it.
        """
        due, self.calls = self.calls, []
        for each in due:
            each()


def test_what_is_short_is_done_at_once() -> None:
    """
    Nobody waits for a turn that is not needed.
    """
    clock, done = Clock(), []
    found: list[str] = []
    Slices(clock).run(counting(1, done)).addCallback(found.append)
    assert (found, done, clock.getDelayedCalls()) == (["done"], [0], [])


def test_one_slice_a_turn() -> None:
    """
    However many want something done, others have their turn between any two slices.
    """
    clock, one, two = Turns(), [], []
    slices = Slices(clock)
    found: list[str] = []
    for done in (one, two):
        slices.run(counting(3, done)).addCallback(found.append)
    assert (one, two) == ([0], [0])
    while clock.calls:
        before = len(one + two)
        clock.turn()
        assert len(one + two) - before <= 1
    assert (one, two, found) == ([0, 1, 2], [0, 1, 2], ["done", "done"])


@pytest.mark.parametrize("turns", [0, 2])
def test_work_that_fails(turns: int) -> None:
    """
    Whether in its first slice or later, who waits is told.
    """

    def fails() -> Iterator[Any]:
        yield from counting(turns, [])
        raise ValueError("no")

    clock = Clock()
    work: Deferred[None] = Slices(clock).run(fails())
    failures: list[str] = []
    work.addErrback(lambda reason: failures.append(reason.getErrorMessage()))
    clock.advance(0)
    assert failures == ["no"]


def test_work_that_nobody_wants_any_more() -> None:
    """
    It ends.
    """
    clock, done = Clock(), []
    work = Slices(clock).run(counting(5, done))
    work.cancel()
    clock.advance(0)
    assert done == [0]
    stopped: list[Any] = []
    work.addErrback(lambda reason: stopped.append(reason.check(TaskStopped)))
    assert stopped == [TaskStopped]


def test_each() -> None:
    """
    Batches are of the size that is wanted, and nothing is lost.
    """
    steps = of_each(str, range(5), 2)
    assert [next(steps), next(steps)] == [None, None]
    assert at_once(of_each(str, range(5), 2)) == ["0", "1", "2", "3", "4"]
    assert at_once(of_each(str, [])) == []


class Counted:
    """
    Does all slices at once and counts what each looks at.

    @ivar looks: how often a member's history is asked for, slice by slice.
    """

    def __init__(self, browser: Browser) -> None:
        self.looks: list[int] = []
        self._asked = 0
        telemetry = browser.rig.targets.telemetry
        history = telemetry.history

        def counted(balancer: str, member: str) -> Any:
            self._asked += 1
            return history(balancer, member)

        telemetry.history = counted  # type: ignore[method-assign]
        browser.rig.targets.steering.slices = self  # type: ignore[assignment]

    def run(self, steps: Steps[Any]) -> Deferred[Any]:
        """
        Do the work.
        """
        while True:
            before = self._asked
            try:
                next(steps)
            except StopIteration as end:
                return succeed(end.value)
            finally:
                self.looks.append(self._asked - before)


@pytest.mark.parametrize(
    "target",
    ["/bm", "/bm?live=1", "/bm/api/v1/", "/bm/api/v1/balancers/two", "/bm/api/v1/sessions"],
)
def test_nobody_who_looks_holds_the_loop(target: str) -> None:
    """
    However many members there are, a slice is about some of them: pages, streams and reports.
    """
    members = "\n".join(f"    http://10.1.{n // 250}.{n % 250} route=r{n}" for n in range(MEMBERS))
    browser = Browser(CONFIGURATION.replace("members = http://10.0.0.3", f"members =\n{members}"))
    counted = Counted(browser)
    answer = browser.send("GET", target)
    assert "http://10.1.1.1" in answer
    assert sum(counted.looks) >= MEMBERS
    assert max(counted.looks) <= 125
    if "api" in target:
        assert str(json.loads(answer)).count("'http://10.1.") >= MEMBERS
