"""
As many workers as there should be: who is told what, who leaves, and who hangs.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.workers.camp import Camp
from txbalancer.workers.orders import Stop


def test_fewer() -> None:
    """
    Workers that are too many are told to stop, and nobody takes their place.
    """
    camp = Camp(3)
    gone = camp.crew.members[3]
    camp.slow = True
    camp.crew.refresh(1)
    assert [child for child, _ in camp.preparing] == [camp.crew.members[1]]
    camp.crew.resize(1, 5.0, 10.0)
    assert gone.told == [(Stop, True)]
    # Until its end it is told what others are.
    assert set(camp.crew.everyone()) == set(camp.all[:3])
    gone.end("it ended by itself")
    assert gone not in camp.crew.everyone()
    assert camp.lost == []
    assert list(camp.crew.members) == [1]
    assert gone in camp.over


def test_who_does_not_end_is_ended() -> None:
    """
    A worker that was told to stop has its patience and a little more.
    """
    camp = Camp(2)
    gone = camp.crew.members[2]
    camp.crew.resize(1, 5.0, 10.0)
    camp.live(14.0)
    assert not gone.why
    camp.live(2.0)
    assert gone.why == "it did not end in time"
    assert camp.lost == []


def test_one_that_is_not_well() -> None:
    """
    One that asks to be replaced is, and ends what it has meanwhile.
    """
    camp = Camp()
    ill = camp.crew.members[1]
    ill.on_trouble(ill, "it has no memory left (MemoryError)")
    assert ill.told == [(Stop, True)]
    assert ill.pid
    assert camp.crew.members[1] is not ill
    assert camp.lost == ["it has no memory left (MemoryError)"]
    # What it says later is nothing new.
    ill.on_trouble(ill, "again")
    assert len(camp.lost) == 1


def test_a_fault() -> None:
    """
    A worker that cannot take a configuration over is replaced, and the reason told.
    """
    camp = Camp(2)
    camp.slow = True
    camp.crew.refresh(2)
    first = camp.crew.members[1]
    settled = camp.crew.settled()
    camp.prepared("no such file")
    assert camp.crew.members[1] is not first
    assert camp.lost == ["it cannot serve: no such file"]
    camp.prepared()
    assert not settled.called
    camp.prepared()
    assert settled.called


def test_settled_at_the_start() -> None:
    """
    All are settled once the last of those that are wanted serves; one that is lost before counts
    again when it is replaced.
    """
    camp = Camp(0)
    camp.slow = True
    camp.crew.resize(2, 5.0, 10.0)
    settled = camp.crew.settled()
    camp.prepared()
    assert not settled.called
    camp.preparing.pop(0)[0].end()
    assert not settled.called
    camp.prepared()
    assert settled.called


def test_told_twice() -> None:
    """
    Of two configurations in short order the second counts: until that is in force nothing is
    settled, and whoever takes it over has time for that.
    """
    camp = Camp(1)
    camp.live(1.0)
    camp.slow = True
    camp.crew.refresh(1)
    camp.crew.refresh(1)
    settled: list[Any] = []
    camp.crew.settled().addCallback(settled.append)
    camp.prepared()
    assert settled == []
    assert camp.all[0].allowed > 0
    camp.prepared()
    assert settled == [None]
    assert camp.all[0].allowed == 0


def test_the_end() -> None:
    """
    At the end all are told to stop, the spare is ended, and the last to go is waited for.
    """
    camp = Camp(2)
    workers = list(camp.crew)
    stopped = camp.crew.stop()
    assert stopped.called
    ended = camp.crew.ended()
    camp.clock.advance(0)
    for each in workers:
        assert not ended.called
        each.end("it ended by itself")
    assert ended.called
    assert camp.lost == []
    assert not camp.clock.getDelayedCalls()


def test_the_cut() -> None:
    """
    A second request has them end their connections, and after a second themselves.
    """
    camp = Camp(1)
    (worker,) = camp.crew
    camp.crew.stop()
    camp.crew.cut()
    assert worker.told == [(Stop, False)] * 2
    camp.live(2.0)
    assert worker.why == "it did not end in time"
    assert not camp.clock.getDelayedCalls()


@pytest.mark.parametrize("count", [1, 2])
def test_wellness(count: int) -> None:
    """
    The crew is well while anybody gives signs of life.
    """
    camp = Camp(count)
    camp.live(1.0)
    assert camp.crew.well()
    for each in camp.all:
        each.expected = each.beat = camp.clock.seconds() - 6.0
    assert not camp.crew.well()
    if count == 2:
        camp.crew.members[2].beat = camp.clock.seconds()
        assert camp.crew.well()


def test_a_spare_that_hangs() -> None:
    """
    One that has fallen silent gets no place, so that nobody waits for it: a new process does, and
    the silent one is ended.
    """
    camp = Camp(2)
    camp.live(1.0)
    (spare,) = (each for each in camp.all if not each.number)
    camp.clock.advance(1.25)
    camp.crew.members[1].end()
    assert camp.crew.members[1] is not spare
    camp.clock.advance(0.0)
    assert spare.why == "it gave no sign of life for 1.5 s"
    assert not spare.pid
    assert camp.over.count(spare) == 1
    assert len(camp.lost) == 1
    camp.live(1.0)
    assert [each.number for each in camp.all if each.pid].count(0) == 1


def test_one_that_hangs_when_it_is_told_what_to_do() -> None:
    """
    A worker has much time for another configuration, but not if it gave no sign of life after it
    was told of it: one that hangs already is found as soon as ever.
    """
    camp = Camp(2)
    camp.live(1.0)
    hangs, busy = camp.crew.members[1], camp.crew.members[2]
    camp.slow = True
    camp.crew.refresh(2)
    camp.clock.advance(0.1)
    busy.beat = camp.clock.seconds()
    for _ in range(24):
        camp.clock.advance(0.25)
    assert hangs.why.startswith("it gave no sign of life for 5.")
    assert not busy.why
    for _ in range(112):
        camp.clock.advance(0.25)
    assert not busy.why
    for _ in range(8):
        camp.clock.advance(0.25)
    assert busy.why.startswith("it gave no sign of life for 5.")


def test_a_lost_spare() -> None:
    """
    A spare that is lost is replaced a moment later, whatever happens to it.
    """
    camp = Camp(1)
    for _ in range(6):
        for spare in [each for each in camp.all if each.pid and not each.number]:
            spare.end()
        camp.live(6.0)
    assert sum(bool(each.pid and not each.number) for each in camp.all) == 1
    assert len(camp.crew.members) == 1
