"""
How much of the traffic may be second attempts.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.passive.budget import Budget


@dataclass(eq=False)
class Exchange:
    settled: bool = False


def test_a_few_are_always_affordable():
    """
    With hardly any traffic a share of it would be none.
    """
    budget = Budget(20, 3)
    for _ in range(3):
        assert budget.affords(1)
        budget.take(Exchange())
    assert not budget.affords(1)
    assert not budget.affords(19)
    assert budget.affords(20)


def test_what_is_settled_makes_room():
    """
    An answer, or any other end.
    """
    budget = Budget(1, 1)
    one = Exchange()
    budget.take(one)
    assert not budget.affords(10)
    one.settled = True
    assert budget.affords(10)
    assert budget.in_progress == 0


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 200))),
    st.integers(1, 100),
    st.integers(0, 10),
)
def test_it_is_never_exceeded(steps, percent, least):
    """
    Whatever comes: no retry begins that is one too many for the traffic of that moment.
    """
    budget, going = Budget(percent, least), []
    for retry, in_flight in steps:
        if not retry:
            if going:
                going.pop().settled = True
        elif budget.affords(in_flight):
            going.append(Exchange())
            budget.take(going[-1])
            assert budget.in_progress <= max(least, in_flight * percent // 100)
        assert budget.in_progress == len(going)
