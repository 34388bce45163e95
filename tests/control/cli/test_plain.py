"""
Numbers and texts as people read them.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.control.cli.plain import moment, plain, rate, share, size, span

numbers = st.floats(0, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3659, "1 h"),
        (7260, "2 h 1 min"),
        (86400 * 2 + 3600 * 4 + 59, "2 d 4 h"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """
    A span has its two largest units, and the second only where it is not 0.
    """
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0.0ms"),
        (0.0008, "0.8ms"),
        (0.00996, "10ms"),
        (0.012, "12ms"),
        (0.9996, "1.00s"),
        (1.2, "1.20s"),
        (12.34, "12.3s"),
        (250, "250s"),
    ],
)
def test_moments(seconds: float | None, text: str) -> None:
    """
    A short time has up to three figures.
    """
    assert moment(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (805, "805B"),
        (999, "999B"),
        (1000, "1.0K"),
        (3400, "3.3K"),
        (47 << 20, "47M"),
        (1e19, "8882P"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    """
    Bytes have up to three figures and a unit of 1024.
    """
    assert size(count) == text


def test_rates_and_shares() -> None:
    """
    Few are never shown as none.
    """
    assert [rate(each) for each in (0, 0.02, 3.44, 210.4)] == ["0", "0.02", "3.4", "210"]
    assert share(0, 100) == share(1, 0) == "0 %"
    assert [share(each, 10000) for each in (1, 251, 4000)] == ["<0.1 %", "2.5 %", "40 %"]


@given(numbers)
def test_cells_are_narrow(value: float) -> None:
    """
    No number breaks the columns of a table.
    """
    assert len(size(min(value, 1e17))) <= 5
    assert len(moment(min(value, 99999))) <= 6
    assert len(rate(min(value, 999999))) <= 6


@given(st.text())
def test_nothing_steers_the_terminal(text: str) -> None:
    """
    What is printed of clients' texts is printable, and what was printable stays.
    """
    assert plain(text).isprintable()
    assert plain(text) == text or not text.isprintable()


def test_escapes_are_readable() -> None:
    """
    An escape sequence is shown, not carried out.
    """
    assert plain("a\x1b[31m\nb\u202e") == "a\\x1b[31m\\nb\\u202e"
