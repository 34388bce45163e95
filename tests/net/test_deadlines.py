"""
Deadlines are swept, coarsely but surely.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from txbalancer.net.deadlines import NEVER, Deadlines


class Thing:
    """
    Notes when it expired.
    """

    def __init__(self, deadline: float, error: Exception | None = None) -> None:
        self.deadline, self.error = deadline, error
        self.expirations: list[float] = []

    def expired(self, now: float) -> None:
        self.expirations.append(now)
        self.deadline = NEVER
        if self.error is not None:
            raise self.error


@pytest.fixture
def clock() -> Clock:
    """
    Return a clock at 0.
    """
    return Clock()


@pytest.fixture
def deadlines(clock: Clock) -> Deadlines:
    """
    Return running deadlines.
    """
    found = Deadlines(clock, period=0.25)
    found.start(clock.seconds)
    return found


def test_a_busy_loop_reads_first(deadlines, clock, monkeypatch) -> None:
    """
    After the loop has done something else for long, deadlines are looked at only when it has read
    what came meanwhile: nobody is late because of that.
    """
    turns = []
    in_time, late = Thing(1.0), Thing(1.0)
    things = [in_time, late, *(Thing(NEVER) for _ in range(511))]
    for each in things:
        deadlines.add(each)
    monkeypatch.setattr(clock, "callLater", lambda delay, *call: turns.append((delay, call)))
    clock.advance(3.0)
    for _ in range(2):
        assert late.expirations == []
        ((go_on, *arguments),) = [call for delay, call in turns if delay == 0]
        turns.clear()
        go_on(*arguments)
        in_time.deadline = 9.0
    assert (in_time.expirations, late.expirations, turns) == ([], [3.0], [])


def test_what_is_late_expires_once(clock, deadlines) -> None:
    """
    A deadline is acted on within one period, and once as long as it is not set again.
    """
    early, late, never = Thing(1.1), Thing(5), Thing(NEVER)
    for each in (early, late, never):
        deadlines.add(each)
    clock.pump([0.25] * 8)
    assert early.expirations == [1.25]
    assert (late.expirations, never.expirations) == ([], [])
    assert len(deadlines) == 3
    assert set(deadlines.each()) == {early, late, never}


def test_one_that_fails_does_not_stop_the_others(clock, deadlines) -> None:
    """
    An exception is logged; the sweep goes on, now and later.
    """
    events: list[object] = []
    globalLogPublisher.addObserver(events.append)
    first, second = Thing(0.1, ValueError("broken")), Thing(0.1)
    deadlines.add(first)
    deadlines.add(second)
    try:
        clock.pump([0.25] * 2)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert (len(first.expirations), len(second.expirations)) == (1, 1)
    assert sum("log_failure" in event for event in events) == 1
    later = Thing(1)
    deadlines.add(later)
    clock.pump([0.25] * 4)
    assert later.expirations


def test_what_left_does_not_expire(clock, deadlines) -> None:
    """
    Discarded things are not looked at, and starting twice or stopping twice is harmless.
    """
    thing = Thing(0.1)
    deadlines.add(thing)
    deadlines.discard(thing)
    deadlines.start(clock.seconds)
    clock.pump([0.25] * 2)
    deadlines.stop()
    deadlines.stop()
    other = Thing(0.1)
    deadlines.add(other)
    clock.pump([0.25] * 2)
    assert (thing.expirations, other.expirations) == ([], [])
    assert clock.getDelayedCalls() == []


def test_what_another_did_in_the_same_sweep_counts(clock, deadlines) -> None:
    """
    A deadline that is moved, or left, while others expire in the same sweep is not acted on.
    """
    things = [Thing(1.0), Thing(1.0)]

    def first_ends_the_other(this: Thing, other: Thing, now: float) -> None:
        this.expirations.append(now)
        this.deadline = NEVER
        if now < 2:
            other.deadline = 9.0
        else:
            deadlines.discard(other)

    for this, other in (things, things[::-1]):
        this.expired = lambda now, this=this, other=other: first_ends_the_other(this, other, now)
        deadlines.add(this)
    clock.pump([0.25] * 6)
    assert sum(len(each.expirations) for each in things) == 1
    for each in things:
        each.deadline = 2.5
    clock.pump([0.25] * 6)
    assert sum(len(each.expirations) for each in things) == 2
