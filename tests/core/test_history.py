"""
The last quarter of an hour of a member, and when it will be empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.history import KEPT, STEP, History, lately, outlook
from txbalancer.core.meters import Meter
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer


def count(meter: Meter, times: int, seconds: float = 0.01, status: int = 200) -> None:
    """
    Count exchanges.
    """
    for _ in range(times):
        meter.measure(Outcome(None, Peer("x"), status, duration=seconds))


def sticky(per_step: Sequence[int]) -> History:
    """
    Make a history with so many requests of sessions in each step.
    """
    meter, history = Meter(), History()
    for each in per_step:
        for _ in range(each):
            meter.measure(Outcome(None, Peer("x"), 200, sticky=(b"S", b"a")))
        history.step(meter)
    return history


def test_samples() -> None:
    """
    A sample has what came in its step alone.
    """
    meter, history = Meter(), History()
    count(meter, 3)
    history.step(meter)
    count(meter, 1, 1.0, 503)
    history.step(meter)
    history.step(meter)
    first, second, third = history.samples
    assert (first.requests, first.errors, first.median) == (3, 0, pytest.approx(0.01))
    assert (second.requests, second.errors, second.slow) == (1, 1, pytest.approx(1.0))
    assert third == (0, 0, 0, None, None)


def test_the_last_minute() -> None:
    """
    Rate and percentiles are of the last minute.
    """
    meter, history = Meter(), History()
    assert history.percentiles().p50 is None
    assert history.rate() == 0
    count(meter, 100, 8.0)
    history.step(meter)
    for _ in range(12):
        count(meter, 10)
        history.step(meter)
    assert history.rate() == 10 / STEP
    assert history.percentiles() == pytest.approx((0.01,) * 4)
    for _ in range(12):
        history.step(meter)
    assert history.percentiles() == (None,) * 4


@given(st.lists(st.integers(0, 9), max_size=40))
def test_what_is_recent(counts: list[int]) -> None:
    """
    Whenever it is asked for, it is of the samples and points that there are.
    """
    meter, history = Meter(), History()
    for number in counts:
        count(meter, number)
        history.step(meter)
        recent = history.recent()
        assert recent == history.recent()
        assert (recent.requests, recent.errors) == (lately(history.requests), 0)
        assert list(recent.tops) == [max(each) for each in history.points]


def test_what_is_kept() -> None:
    """
    Fifteen minutes.
    """
    assert len(sticky([0] * 500).samples) == KEPT == 900 / STEP


@pytest.mark.parametrize(
    ("steps", "busy", "done", "left"),
    [
        ([5] * 6, 1, False, None),
        ([4] * 12 + [1] * 12, 0, False, 180.0),
        ([1] * 12 + [4] * 12, 0, False, None),
        ([4] * 12 + [0] * 6, 2, False, 30.0),
        ([4] + [0] * 12, 2, False, None),
        ([4] + [0] * 40, 2, False, None),
        ([4] + [0] * 12, 0, True, 0.0),
        ([], 0, False, 60.0),
    ],
)
def test_outlook(steps: list[int], busy: int, done: bool, left: float | None) -> None:
    """
    A member is empty after a minute without sessions and nothing in progress.
    """
    found = outlook(sticky(steps), busy)
    assert (found.done, found.left, found.busy) == (done, left, busy)


@pytest.mark.parametrize(
    ("steps", "lasted", "early", "left"),
    [
        ([5] * 24, 30.0, True, None),
        ([4] * 12 + [1] * 12, 119.0, True, None),
        ([4] * 12 + [1] * 12, 120.0, False, 180.0),
        ([5] * 24, 120.0, False, None),
        ([4] * 12 + [0] * 6, 30.0, False, 30.0),
        ([4] + [0] * 12, 30.0, False, 0.0),
    ],
)
def test_outlook_of_a_young_drain(
    steps: list[int], lasted: float, early: bool, left: float | None
) -> None:
    """
    Two minutes are compared, and those before the drain say nothing of it; silence does.
    """
    found = outlook(sticky(steps), 0, lasted=lasted)
    assert (found.early, found.left) == (early, left)


@pytest.mark.parametrize(("busy", "done", "left"), [(0, True, 0.0), (2, False, None)])
def test_outlook_without_sessions(busy: int, done: bool, left: float | None) -> None:
    """
    Where there are no sessions a member is empty once nothing is in progress.
    """
    found = outlook(sticky([]), busy, sessions=False)
    assert (found.done, found.left) == (done, left)
