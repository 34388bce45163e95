"""
Numbers as people read them.
"""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.control.manager.words import short_size, since, span


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "  0 "),
        (805, "805 "),
        (972, "972 "),
        (973, "1.0K"),
        (3379, "3.3K"),
        (9 * 1024 + 972, "9.9K"),
        (9 * 1024 + 1023, " 10K"),
        (48128, " 47K"),
        (1024**2, "1.0M"),
        (972 * 1024 + 512, "973K"),
        (5 * 1024**4, "5.0T"),
    ],
)
def test_short_size(count: int, text: str) -> None:
    """
    As in Apache's pages, four characters.
    """
    assert short_size(count) == text


@given(st.integers(0, 2**62))
def test_short_size_is_short(count: int) -> None:
    """
    Whatever the number.
    """
    assert len(short_size(count)) == 4


def test_spans() -> None:
    """
    The largest unit, rounded down; never is nothing.
    """
    found = [span(each) for each in (-1, 0, 59, 60, 7300, 90000)]
    assert found == ["0 s", "0 s", "59 s", "1 min", "2 h", "1 d"]
    assert (since(-inf, 5.0), since(2.0, 5.0)) == ("", "3 s")
