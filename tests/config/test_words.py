"""
Values of several words.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config import words


@pytest.mark.parametrize(
    ("text", "commas", "expected"),
    [
        ("", False, []),
        ("a  b\tc", False, ["a", "b", "c"]),
        ("a,b c", False, ["a,b", "c"]),
        ("a,b, c", True, ["a", "b", "c"]),
        ("k='a b' l=\"c d\"", False, ["k=a b", "l=c d"]),
        ("#a ;b", False, ["#a", ";b"]),
        ("''", False, [""]),
    ],
)
def test_split(text: str, commas: bool, expected: list[str]) -> None:
    """
    Blanks divide, quotes hold together, nothing starts a comment.
    """
    assert words.split(text, commas=commas) == expected


@pytest.mark.parametrize("text", ["'a", 'a"', "a\\"])
def test_what_is_not_closed(text: str) -> None:
    """
    An open quote is told.
    """
    with pytest.raises(ValueError, match="a quote is not closed"):
        words.split(text)


@given(st.lists(st.text()))
def test_join_is_the_inverse(found: list[str]) -> None:
    """
    Whatever words are joined come out of a split.
    """
    assert words.split(words.join(found)) == found
