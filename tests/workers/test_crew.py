"""
As many workers as there should be.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from txbalancer.workers.crew import Crew
from txbalancer.workers.orders import Stop


class Fake:
    """
    A worker without a process.
    """

    def __init__(self, camp: Camp, pid: int) -> None:
        self.camp = camp
        self.number, self.column, self.pid, self.last_pid = 0, pid, pid, pid
        self.at_work = self.expected = self.beat = self.since = self.allowed = 0.0
        self.ended: Deferred[str] = Deferred()
        self.why = ""
        self.told: list[Any] = []
        self.on_trouble: Any = None

    def start(self) -> None:
        if self.camp.refused:
            self.camp.refused -= 1
            raise OSError(11, "Resource temporarily unavailable")
        self.beat = self.camp.clock.seconds()

    def expect(self, seconds: float) -> None:
        self.expected = self.camp.clock.seconds() + seconds

    def give_time(self, seconds: float) -> None:
        if self.silence() >= 0:
            self.since = self.camp.clock.seconds()
        self.allowed = seconds

    def silence(self) -> float:
        allowed = self.allowed if self.beat > self.since else 0.0
        return self.camp.clock.seconds() - (self.beat + allowed or self.expected)

    def call(self, command: Any, others: bool) -> Deferred[Any]:
        self.told.append((command, others))
        answered: Deferred[Any] = Deferred()
        answered.callback({})
        return answered

    def give_up(self, why: str) -> None:
        self.kill(why)

    def kill(self, why: str) -> None:
        if not self.why:
            self.why = why
            self.camp.clock.callLater(0, self.end, why)

    def end(self, cause: str = "it was ended by SIGKILL") -> None:
        if self.pid:
            self.pid = 0
            self.ended.callback(cause)


class Camp:
    """
    A crew of fakes on a clock.

    @ivar slow: workers are prepared only by C{prepared}.
    @ivar refused: processes that cannot be started; C{without}: those that have no box.
    """

    def __init__(self, count: int = 2) -> None:
        self.clock = Clock()
        self.all: list[Fake] = []
        self.over: list[Fake] = []
        self.lost: list[str] = []
        self.slow, self.refused, self.without = False, 0, 0
        self.preparing: list[tuple[Fake, Deferred[Any]]] = []
        self.crew: Any = Crew(
            self.clock,
            self.clock.seconds,
            self.make,  # type: ignore[arg-type]
            self.prepare,  # type: ignore[arg-type]
            self.over.append,  # type: ignore[arg-type]
            lambda child, cause: self.lost.append(cause),
        )
        if count:
            self.crew.resize(count, 5.0, 10.0)

    def make(self) -> Fake:
        if self.without:
            self.without -= 1
            raise OSError(24, "Too many open files")
        made = Fake(self, 100 + len(self.all))
        self.all.append(made)
        return made

    def prepare(self, child: Fake) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        if self.slow:
            self.preparing.append((child, done))
        else:
            done.callback("")
        return done

    def prepared(self, fault: str = "") -> None:
        """
        Let the first that is being prepared be so.
        """
        self.preparing.pop(0)[1].callback(fault)

    def at_work(self) -> list[int]:
        """
        Return the process of each worker.
        """
        return [self.crew.members[number].pid for number in sorted(self.crew.members)]

    def live(self, seconds: float) -> None:
        """
        Let time pass in which everybody gives signs of life.
        """
        for _ in range(round(seconds * 4)):
            for each in self.all:
                each.beat = self.clock.seconds()
            self.clock.advance(0.25)


def test_a_spare_is_there() -> None:
    """
    Beside those that are wanted one more is started, and has no work.
    """
    camp = Camp()
    assert sorted(each.number for each in camp.all) == [0, 1, 2]
    assert len(camp.crew.members) == 2
    assert sum(not each.number for each in camp.all) == 1


def test_the_spare_takes_the_place() -> None:
    """
    A worker that ends is replaced at once by the spare, and that by a new one.
    """
    camp = Camp()
    spare = next(each for each in camp.all if not each.number)
    victim = camp.crew.members[1]
    victim.end()
    assert camp.crew.members[1] is spare
    assert (spare.number, camp.lost) == (1, ["it was ended by SIGKILL"])
    assert camp.over == [victim]
    assert sum(bool(each.pid and not each.number) for each in camp.all) == 1


def test_silence_ends_a_worker() -> None:
    """
    Who gives no sign of life for longer than the timeout is ended and replaced.
    """
    camp = Camp()
    camp.live(10.0)
    before = camp.at_work()
    for each in camp.all:
        if each.number != 2:
            each.beat = camp.clock.seconds() + 100.0
    camp.clock.pump([0.25] * 24)
    after = camp.at_work()
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert camp.lost == ["it gave no sign of life for 5.2 s"]


def test_a_beginner_has_time() -> None:
    """
    Until it serves a worker has half a minute, then as long as every other.
    """
    camp = Camp(0)
    camp.slow = True
    camp.crew.resize(1, 5.0, 10.0)
    camp.clock.pump([0.25] * 100)
    assert camp.lost == []
    camp.all[0].beat = camp.clock.seconds()
    camp.prepared()
    camp.clock.pump([0.25] * 24)
    assert camp.lost == ["it gave no sign of life for 5.2 s"]


def test_those_that_die_young_wait() -> None:
    """
    The third in a row that ends at once is replaced later, and there is never a pause of more
    than half a second with nobody at work.
    """
    camp = Camp(1)
    for _ in range(12):
        if camp.at_work():
            camp.crew.members[1].end()
        pause = 0.0
        while not camp.at_work():
            camp.clock.advance(0.1)
            pause += 0.1
        assert pause < 0.7


def test_what_cannot_be_started_is_tried_again() -> None:
    """
    Where the system has no process to give, the next attempt follows; nothing of it stays.
    """
    camp = Camp(0)
    camp.refused = 2
    camp.crew.resize(1, 5.0, 10.0)
    assert camp.at_work() == []
    assert len(camp.over) == 1
    camp.clock.pump([0.1] * 5)
    assert len(camp.at_work()) == 1


def test_one_for_which_nothing_is_left_is_tried_again() -> None:
    """
    Where there is no descriptor for its box, the worker that is missing comes later.
    """
    camp = Camp(1)
    camp.live(6.0)
    camp.without = 3
    camp.all[1].end()  # the spare
    camp.all[0].end()
    assert (camp.at_work(), camp.over) == ([], [camp.all[1], camp.all[0]])
    camp.clock.pump([0.1] * 10)
    assert len(camp.at_work()) == 1


def test_a_lasting_fault_is_told_once() -> None:
    """
    For as long as nobody can be started each place is tried for once in a while, however often
    the configuration is read again meanwhile, and the log has the fault once.
    """
    camp = Camp(0)
    camp.without = 1000
    with capturedLogs() as events:
        for _ in range(5):
            camp.crew.resize(1, 5.0, 10.0)
        before = camp.without
        camp.clock.pump([0.1] * 10)
        assert before - camp.without <= 11
        assert [formatEvent(each) for each in events] == [
            "no worker can be started: Too many open files"
        ]
        camp.without = 0
        camp.clock.pump([0.1] * 5)
        assert len(camp.at_work()) == 1
    camp.crew.stop()


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
