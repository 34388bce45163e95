"""
Values of several words.
"""

from __future__ import annotations

import shlex

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


@given(st.text(st.characters(codec="utf-8") | st.sampled_from(" \t,'\"\\")), st.booleans())
def test_plain_words_are_what_the_lexer_makes_of_them(text: str, commas: bool) -> None:
    """
    Lines without quotes are divided without it, to the same words.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace, lexer.whitespace_split = " \t," if commas else " \t", True
    lexer.commenters = ""
    try:
        wanted = list(lexer)
    except ValueError:
        return
    assert words.split(text, commas=commas) == wanted


def test_plain_words_need_no_lexer(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It takes more time than all else about a line of ten thousand.
    """
    monkeypatch.setattr(shlex, "shlex", None)
    assert words.split("http://10.0.0.1 route=a  max=5") == ["http://10.0.0.1", "route=a", "max=5"]


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
