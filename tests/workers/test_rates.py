"""
Rates that count all processes.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.limitkeys import Keys
from txbalancer.workers.rates import RateMemory, SharedRates, create_rates


def team(rate: float, burst: int, keys: int = 100, now: float = 0.0) -> list[SharedRates]:
    """
    Make what two processes have of one limit.
    """
    memory = create_rates(keys)
    both = [memory, RateMemory(os.dup(memory.descriptor))]
    found = [SharedRates(each, lambda: now) for each in both]
    for each in found:
        each.configure(rate, burst, keys)
    return found


_KEYS = Keys(b"key")


def numbered(number: int) -> int:
    """
    Return a key, as spread as those of clients are.
    """
    return _KEYS.of(b"%d" % number)


STEPS = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 3)), max_size=60)


@given(
    rate=st.floats(0.01, 100), burst=st.integers(1, 20), steps=STEPS, start=st.floats(0.001, 1e7)
)
def test_never_more_than_burst_and_rate(
    rate: float, burst: int, steps: list[tuple[int, float]], start: float
) -> None:
    """
    In no span of time more pass than the burst and what the rate gives for it, whichever process
    they come to.
    """
    tables = team(rate, burst)
    now, passed = start, []
    for number, step in steps:
        now += step / rate
        if not tables[number].take(1, now):
            passed.append(now)
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= burst + rate * (end - begin) + 1e-6


def test_the_wait_that_is_told_is_exact() -> None:
    """
    Who comes back after it, anywhere, is let through, and not a little earlier.
    """
    one, two = team(2.0, 3)
    assert [one.take(7, 100.0), two.take(7, 100.0), one.take(7, 100.0)] == [0, 0, 0]
    wait = two.take(7, 100.0)
    assert wait == one.take(7, 100.0) > 0
    assert one.take(7, 100.0 + wait * 0.99) > 0
    assert two.take(7, 100.0 + wait + 1e-6) == 0


def test_keys_do_not_share() -> None:
    """
    Also those that want the same place: each of eight has one.
    """
    one, two = team(1.0, 1)
    keys = [1 << 20 | number << 30 for number in range(8)]
    assert not any(one.take(key, 5.0) for key in keys)
    assert all(two.take(key, 5.0) for key in keys)


def test_who_has_least_to_pay_back_is_forgotten() -> None:
    """
    Of a ninth key for the same eight places: those that have used up most stay.
    """
    one, two = team(1.0, 3)
    keys = [1 << 20 | number << 30 for number in range(9)]
    for key in keys[1:8]:
        assert [one.take(key, 5.0) for _ in "123"] == [0, 0, 0]
    assert not one.take(keys[0], 5.0)
    assert not two.take(keys[8], 5.0)
    assert all(two.take(key, 5.0) for key in keys[1:8])


def test_what_is_paid_back_makes_room() -> None:
    """
    A place whose key has nothing left to pay back is another's, and counts for nobody.
    """
    one, two = team(1.0, 1, now=5.5)
    keys = [1 << 20 | number << 30 for number in range(8)]
    for key in keys[:7]:
        one.take(key, 5.0)
    one.take(keys[7], 1.0)
    assert len(two) == 7
    assert not two.take(keys[0] | 9 << 50, 5.0)
    assert all(one.take(key, 5.0) for key in keys[:7])


def test_there_is_room_for_so_many() -> None:
    """
    Of as many keys as a limit wants to remember hardly one is forgotten, and all are counted; by
    one process, which is enough.
    """
    one, two = team(0.001, 1, 1000, 1.0)
    keys = [numbered(number) for number in range(1000)]
    assert not any(one.take(key, 1.0) for key in keys)
    assert sum(bool(two.take(key, 1.0)) for key in keys) >= 980
    assert len(two) >= 980
    assert len(SharedRates(two.memory)) == 0


def test_of_very_many_a_part_is_looked_at() -> None:
    """
    How many there are is told within some percents.
    """
    one, _ = team(0.001, 1, 1 << 20, 1.0)
    for number in range(20000):
        one.take(numbered(number), 1.0)
    assert 18000 < len(one) < 22000


def test_another_rate_holds_for_what_is_there() -> None:
    """
    What is still to be paid back stays.
    """
    one, two = team(1.0, 2)
    assert [one.take(3, 1.0), one.take(3, 1.0)] == [0, 0]
    two.configure(10.0, 2, 100)
    assert two.take(3, 1.0) > 0


def test_what_is_owed_goes_to_other_memory() -> None:
    """
    Only the process that tells how many keys there are tells which; those with most come first.
    """
    one, two = team(1.0, 3, 1000, 5.0)
    for times in (1, 2, 3):
        for _ in range(times):
            two.take(numbered(times), 5.0)
    found = dict(one.owing(5.0, 2))
    assert found == {numbered(3): pytest.approx(3.0), numbered(2): pytest.approx(2.0)}
    assert SharedRates(two.memory).owing(5.0, 2) == []
    (other, _) = team(1.0, 3, 1000, 105.0)
    other.owe(found.items(), 105.0)
    assert other.take(numbered(3), 105.0) == pytest.approx(1.0)
    assert other.take(numbered(2), 105.0) == 0.0


def test_the_key_that_came_most_is_told_by_one() -> None:
    """
    As L{RateTable} does, of what all processes have let through.
    """
    one, two = team(2.0, 3, now=0.5)
    assert two.deepest(0.0) == 0.0
    for key in (1 << 30, 2 << 30, 2 << 30):
        one.take(key, 1.0)
    assert two.deepest(1.5) == 0.5
    assert two.deepest(9.0) == 0.0
    assert SharedRates(two.memory).deepest(1.5) == 0.0
