"""
Rate limits: never more than was allowed, and no memory that grows.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.ratelimits import RateTable

STEPS = st.lists(st.floats(0, 3), max_size=60)


@given(
    rate=st.floats(0.01, 100),
    burst=st.integers(1, 20),
    steps=STEPS,
    start=st.floats(0, 1e7),
)
def test_never_more_than_burst_and_rate(rate, burst, steps, start) -> None:
    """
    In no span of time more pass than the burst and what the rate gives for it.
    """
    table = RateTable(rate, burst, 10)
    now, passed = start, []
    for step in steps:
        now += step / rate
        if not table.take(1, now):
            passed.append(now)
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= burst + rate * (end - begin) + 1e-6


@given(rate=st.floats(0.01, 100), burst=st.integers(1, 20), extra=st.integers(0, 5))
def test_the_wait_that_is_told_is_exact(rate, burst, extra) -> None:
    """
    Who comes back after it is let through, and who comes a little earlier is not.
    """
    table = RateTable(rate, burst, 10)
    waits = [table.take(7, 100.0) for _ in range(burst + 1 + extra)]
    assert not any(waits[:burst])
    assert len(set(waits[burst:])) == 1
    wait = waits[burst]
    assert table.take(7, 100.0 + wait * 0.99) > 0
    assert table.take(7, 100.0 + wait + 1e-6) == 0


def test_a_refusal_costs_nothing_of_the_rate() -> None:
    """
    Who keeps on asking is let through as often as one who waits.
    """
    table = RateTable(1, 1, 10)
    passed = sum(not table.take(1, tick / 10) for tick in range(100))
    assert passed == 10


def test_keys_do_not_share() -> None:
    """
    What one has used up is no other's loss.
    """
    table = RateTable(1, 1, 10)
    assert [bool(table.take(key, 0.0)) for key in (1, 1, 2)] == [False, True, False]


@given(keys=st.lists(st.integers(0, 50), max_size=200), most=st.integers(1, 8))
def test_the_table_stays_in_bounds(keys, most) -> None:
    """
    However many keys come, only so many are remembered.
    """
    table = RateTable(1, 1, most)
    for key in keys:
        table.take(key, 0.0)
        assert len(table) <= most


def test_the_one_that_came_longest_ago_is_forgotten() -> None:
    """
    Who comes all the time cannot get rid of its entry by others' keys.
    """
    table = RateTable(0.001, 1, 3)
    table.take(1, 0.0)
    for key in range(2, 20):
        assert table.take(1, 0.0) > 0
        table.take(key, 0.0)


def test_what_is_paid_back_is_dropped() -> None:
    """
    The table shrinks while others come.
    """
    table = RateTable(1, 1, 1000)
    for key in range(100):
        table.take(key, 0.0)
    for key in range(1000, 1200):
        table.take(key, 5.0 + key)
    assert len(table) < 5


def test_another_rate_holds_for_what_is_there() -> None:
    """
    A reload keeps what is still to be paid back, and a smaller table forgets the oldest.
    """
    table = RateTable(1, 2, 10)
    for key in (1, 1, 2, 2, 3):
        table.take(key, 0.0)
    table.configure(1, 1, 2)
    assert len(table) == 2
    assert table.take(2, 0.0) > 0


def test_the_key_that_came_most():
    """
    How long it has to pay back, until it has; 0 without any.
    """
    table = RateTable(2, 3, 10)
    assert table.deepest(0.0) == 0.0
    for key in (1, 2, 2, 2, 1):
        table.take(key, 0.0)
    assert table.deepest(0.5) == 1.0
    assert table.deepest(9.0) == 0.0
