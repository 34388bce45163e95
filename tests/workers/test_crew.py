"""
As many workers as there should be: who begins, and in whose place.
"""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent

from tests.workers.camp import Camp


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
