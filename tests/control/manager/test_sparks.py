"""
The little graphs, and the numbers beside them.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.control.manager.draining import done_part
from txbalancer.control.manager.numbers import rate, share, spans
from txbalancer.control.manager.sparks import HEIGHT, POINTS, area, scale, top
from txbalancer.control.manager.words import drain
from txbalancer.core.history import KEPT, History, Outlook, Sample


def history(*requests: int) -> History:
    """
    Return a history with samples of so many requests, a tenth of them errors.
    """
    made = History()
    for each in requests:
        made.note(Sample(each, each // 10, 0, 0.01, 0.04))
    return made


def test_points_join_three_samples() -> None:
    """
    Each point is the rate over 15 seconds, the last one over what there is of them.
    """
    found = history(10, 20, 30, 40, 50, 60, 20).points
    assert list(found.requests) == pytest.approx([4.0, 10.0, 4.0])
    assert list(found.errors) == pytest.approx([6 / 15, 1.0, 0.4])
    assert (list(found.median), list(found.slow)) == ([0.01] * 3, [0.04] * 3)


def test_a_graph_moves_without_changing_its_shape() -> None:
    """
    With the next sample only the newest point is other.
    """
    numbers = list(range(0, 900, 5))
    before = list(history(*numbers[:-1]).points.requests)
    after = list(history(*numbers).points.requests)
    assert before[:-1] == after[:-1]
    moved = list(history(*numbers, 1000).points.requests)
    assert moved[-1] == 200.0
    assert moved[:-1] == after[1:]


def test_without_samples_there_is_nothing() -> None:
    """
    A new member has an empty graph and fits every scale.
    """
    empty = History()
    assert scale([top(empty)]) == (0.0, 0.0, 0.0)
    assert area(empty.points.requests, 0.0) == ""


def test_members_are_drawn_to_one_scale() -> None:
    """
    What fills one graph is half of another.
    """
    one, two = history(50, 50, 50), history(100, 100, 100)
    most = scale(map(top, (one, two)))
    assert most.requests == 20.0
    assert area(one.points.requests, most.requests) == f"M59,{HEIGHT}H59V10H60V{HEIGHT}Z"
    assert area(two.points.requests, most.requests) == f"M59,{HEIGHT}H59V0H60V{HEIGHT}Z"


def test_gaps_are_gaps() -> None:
    """
    Where nothing was nothing is drawn, and what is little is seen.
    """
    assert area([1.0, 0.0, 0.0, 0.001], 1.0) == "M56,20H56V0H57V20H59V19H60V20Z"


@given(st.lists(st.floats(0, 1e6, allow_subnormal=False), max_size=POINTS))
def test_a_graph_stays_in_its_frame(values: list[float]) -> None:
    """
    Whatever the values are, the path is closed and within width and height.
    """
    path = area(values, max(values, default=0.0))
    assert (path[:1], path[-1:]) == (("M", "Z") if any(values) else ("", ""))
    assert all(0 <= float(y) <= HEIGHT for y in re.findall(r"V([\d.]+)", path))
    assert all(0 <= int(x) <= POINTS for x in re.findall(r"[MH](\d+)", path))


@given(st.lists(st.integers(0, 1000), max_size=200))
def test_no_request_is_lost(requests: list[int]) -> None:
    """
    Of a full history at most the oldest point is left out, for there is a newer one.
    """
    found = history(*requests).points.requests
    assert len(found) <= POINTS
    if len(requests) <= KEPT:
        assert sum(each > 0 for each in found) <= len(requests)
        assert bool(sum(found)) is bool(sum(requests))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rate(0), "0/s"),
        (rate(0.25), "0.2/s"),
        (rate(12.6), "13/s"),
        (share(0, 5), "0 %"),
        (share(0, 0), "0 %"),
        (share(1, 100000), "0.1 %"),
        (share(1, 40), "2.5 %"),
        (share(5, 5), "100 %"),
        (spans((0.0125, 0.04, 0.1)), "12.5 / 40 / 100 ms"),
        (spans((0.5, 1.0, 12.5)), "0.5 / 1 / 12.5 s"),
        (spans((None, None, None)), ""),
        (drain(Outlook(3, 12, 20, 0.0, False, 240.0)), "3 in progress, 12 requests of sessions"
            " in the last minute, 20 in the one before, empty in about 4 min"),
        (drain(Outlook(0, 5, 0, 0.0, False, None)), "0 in progress, 5 requests of sessions in the"
            " last minute, no end in sight, sessions do not become fewer"),
        (drain(Outlook(0, 5, 0, 0.0, False, None, True)), "0 in progress, 5 requests of sessions in"
            " the last minute, too early to tell for how long"),
        (drain(Outlook(1, 0, 0, 90.0, False, 0.0)), "1 in progress, no request of a session for"
            " 1 min"),
        (drain(Outlook(0, 0, 0, 70.0, True, 0.0)), "empty: no request of a session for 1 min"),
    ],
)  # fmt: skip
def test_words(text: str, expected: str) -> None:
    """
    Numbers are written as people read them.
    """
    assert text == expected


@pytest.mark.parametrize(
    ("outlook", "lasted", "part"),
    [
        (Outlook(0, 0, 0, 70.0, True, 0.0), 70.0, 1.0),
        (Outlook(1, 5, 5, 0.0, False, None), 70.0, None),
        (Outlook(0, 0, 0, 20.0, False, 40.0), 20.0, 1 / 3),
        (Outlook(0, 0, 0, 0.0, False, 60.0), 0.0, 0.0),
    ],
)
def test_how_much_of_a_drain_is_over(outlook: Outlook, lasted: float, part: float | None) -> None:
    """
    Time that went by, of all the time that it will take.
    """
    assert done_part(outlook, lasted) == (part if part is None else pytest.approx(part))
