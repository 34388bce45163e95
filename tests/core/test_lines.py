"""
Lines of two ranks.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.lines import Line

COMERS = st.lists(st.booleans(), max_size=30)


@given(COMERS)
def test_high_ones_first_and_each_rank_in_order(ranks) -> None:
    """
    Nobody of a rank is overtaken by one of the same.
    """
    line: Line[int] = Line()
    for number, high in enumerate(ranks):
        line.add(number, high)
    high_ones = [number for number, high in enumerate(ranks) if high]
    others = [number for number, high in enumerate(ranks) if not high]
    assert (line.length(True), line.length(False)) == (len(high_ones), len(others))
    taken: list[int] = []
    while line:
        first = line.first()
        taken.append(line.take())
        assert taken[-1] == first
    assert taken == high_ones + others


@given(COMERS, st.sets(st.integers(0, 29)))
def test_who_leaves_is_not_there(ranks, leaving) -> None:
    """
    The others stay in their order.
    """
    line: Line[int] = Line()
    for number, high in enumerate(ranks):
        line.add(number, high)
    there = set(range(len(ranks)))
    for number in leaving:
        assert line.discard(number) is (number in there)
        assert not line.discard(number)
    left = [line.take() for _ in range(len(line))]
    assert set(left) == there - leaving
    assert not line
