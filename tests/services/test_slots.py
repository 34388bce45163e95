"""
Bounded numbers of things at once.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from txbalancer.services.slots import Slots


def test_first_come_first_served() -> None:
    """
    Those that wait get a slot in the order in which they came, one for each given back.
    """
    slots, got = Slots(2), []
    for number in range(5):
        slots.acquire().addCallback(lambda _, number=number: got.append(number))
    assert got == [0, 1]
    slots.release()
    assert got == [0, 1, 2]
    slots.release()
    slots.release()
    assert got == [0, 1, 2, 3, 4]
    assert slots.taken == 2
    slots.release()
    slots.release()
    assert slots.taken == 0


def test_no_limit() -> None:
    """
    0 bounds nothing.
    """
    slots = Slots()
    assert all(slots.acquire().called for _ in range(100))
    assert slots.taken == 100


def test_who_gives_up_is_passed_over() -> None:
    """
    A wait that is cancelled takes no slot.
    """
    slots = Slots(1)
    slots.acquire()
    gone, next_one = slots.acquire(), slots.acquire()
    caught: list[object] = []
    gone.addErrback(lambda failure: caught.append(failure.check(CancelledError)))
    gone.cancel()
    assert caught == [CancelledError]
    slots.release()
    assert next_one.called


def test_nobody_overtakes_those_that_wait() -> None:
    """
    Whoever comes while a slot is being given back waits behind the others.
    """
    slots, got = Slots(1), []
    slots.acquire()
    slots.acquire().addCallback(lambda _: slots.acquire().addCallback(lambda _: got.append("late")))
    slots.acquire().addCallback(lambda _: got.append("waits"))
    slots.release()
    slots.release()
    assert got == ["waits"]


def test_a_new_limit_counts_at_once() -> None:
    """
    More slots serve those that wait; fewer take none away.
    """
    slots = Slots(1)
    slots.acquire()
    waiting = [slots.acquire() for _ in range(3)]
    slots.resize(3)
    assert [each.called for each in waiting] == [True, True, False]
    slots.resize(1)
    slots.release()
    assert not waiting[2].called
    slots.resize(0)
    assert waiting[2].called


def test_many_that_are_done_at_once() -> None:
    """
    A long queue of short turns needs no deep stack.
    """
    slots = Slots(1)
    slots.acquire()
    done = []
    for _ in range(5000):
        slots.acquire().addCallback(lambda _: done.append(slots.release()))
    slots.release()
    assert len(done) == 5000
