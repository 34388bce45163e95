"""
How long to wait before a worker is replaced.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.workers.setbacks import YOUNG, Setbacks


@given(st.lists(st.floats(0.0, 100.0), max_size=60), st.booleans())
def test_delays_are_bounded(ages: list[float], others: bool) -> None:
    """
    Nobody ever waits for more than five seconds, nor half a second where nobody else serves.
    """
    setbacks = Setbacks()
    for age in ages:
        setbacks.note(age)
        assert 0.0 <= setbacks.delay(others) <= (5.0 if others else 0.5)
        if age >= YOUNG:
            assert setbacks.delay(others) == 0.0


def test_delays_grow() -> None:
    """
    The first two are replaced at once, then the pauses double.
    """
    setbacks = Setbacks()
    delays = []
    for _ in range(8):
        setbacks.note(0.1)
        delays.append(setbacks.delay(True))
    assert delays == [0.0, 0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    setbacks.note(YOUNG)
    assert setbacks.delay(True) == 0.0
