"""
Counts that grow for a while.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.passive.surge import CALM, Surge


def test_it_begins_and_ends() -> None:
    """
    It has begun with the first growth, goes on while there is more of it before it is calm, and is
    over afterwards; then it may begin again.
    """
    surge = Surge()
    assert surge.look(0, 0.0) is None
    assert surge.look(2, 1.0) == 0
    assert surge.look(2, CALM) is None
    assert surge.look(5, CALM) is None
    assert (surge.look(5, CALM * 2 - 1), surge.more) == (None, 5)
    assert (surge.look(5, CALM * 2), surge.more) == (5, 0)
    assert surge.look(5, CALM * 9) is None
    assert surge.look(6, CALM * 9) == 0


def test_a_counter_that_begins_anew() -> None:
    """
    As with another budget after a reload: what it has is news.
    """
    surge = Surge()
    surge.look(7, 0.0)
    assert surge.look(0, CALM) == 7
    assert surge.look(3, CALM + 1) == 0
    assert surge.look(3, CALM * 3) == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.1, CALM * 2))))
def test_nothing_is_left_out(steps: list[tuple[int, float]]) -> None:
    """
    Beginnings and ends take turns, and ends tell of all that was counted in between.
    """
    surge, count, now, told = Surge(), 0, 0.0, list[int]()
    for grown, seconds in [*steps, (0, CALM)]:
        count, now = count + grown, now + seconds
        found = surge.look(count, now)
        if found is not None:
            told.append(found)
    assert all((each == 0) is (place % 2 == 0) for place, each in enumerate(told))
    assert sum(told) == count
    assert surge.more == 0
