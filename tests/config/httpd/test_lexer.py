"""
Lines and words of Apache's syntax, as Apache 2.4.71 reads them.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config.httpd.lexer import (
    BLANKS,
    Line,
    fault_of,
    logical_lines,
    next_word,
    split_words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Listen 80", [(1, "Listen 80")]),
        ("  Listen 80\t\r\n\n\n\tServerName a \n", [(1, "Listen 80"), (4, "ServerName a")]),
        ("\ufeffListen 80\n", [(1, "Listen 80")]),
        ("Lis\\\nten \\\n80\nServerName a", [(1, "Listen 80"), (4, "ServerName a")]),
        ("Listen \\\r\n80\r\n", [(1, "Listen 80")]),
        # A comment goes on too, and what it swallows does not count.
        ("# a \\\nListen 80\nListen 81", [(1, "# a Listen 80"), (3, "Listen 81")]),
        # A blank after the backslash, and nothing goes on.
        ("A x\\ \nB y", [(1, "A x\\"), (2, "B y")]),
        # Two backslashes: one is left, and the line goes on.
        ("A x\\\\\ny", [(1, "A x\\y")]),
        ("A x \\", [(1, "A x")]),
        ("\\\n\\\n", []),
        ("\v\fA\n", [(1, "A")]),
        ("A # no comment", [(1, "A # no comment")]),
    ],
)
def test_lines(text: str, expected: list[tuple[int, str]]) -> None:
    """
    Lines are joined, stripped and numbered where they begin.
    """
    assert list(logical_lines(text)) == [Line(number, each) for number, each in expected]


def test_comments() -> None:
    """
    A line is a comment when it begins with #.
    """
    assert [each.is_comment for each in logical_lines("#a\n  # b\na # c\n")] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "expected", "closed"),
    [
        ("", [], True),
        (" \t", [], True),
        ("a  b\tc", ["a", "b", "c"], True),
        ('"a b" c', ["a b", "c"], True),
        ("'a b' c", ["a b", "c"], True),
        ("\"a 'b' c\"", ["a 'b' c"], True),
        ("'a \"b\"'", ['a "b"'], True),
        (r'"a \"b\" c"', ['a "b" c'], True),
        (r"'it\'s'", ["it's"], True),
        (r'"a\\"', ["a\\"], True),
        (r'"a\nb"', [r"a\nb"], True),
        (r'"it\'s"', [r"it\'s"], True),
        ('""', [""], True),
        ("'' x", ["", "x"], True),
        # A quote within a word is a part of it, a word may follow a quoted one at once.
        ('a"b c"', ['a"b', 'c"'], True),
        ('"a"b', ["a", "b"], True),
        ('"a""b"', ["a", "b"], True),
        ("key='a b'", ["key='a", "b'"], True),
        # Outside of quotes, a backslash stands for itself, two for one.
        (r"a\ b", ["a\\", "b"], True),
        (r"^/a\.b \\x\"", [r"^/a\.b", r"\x\""], True),
        ('"a b', ["a b"], False),
        ("a 'b", ["a", "b"], False),
        ('"', [""], False),
        (r'"a\"', ['a"'], False),
        ("a # b", ["a", "#", "b"], True),
    ],
)
def test_words(text: str, expected: list[str], closed: bool) -> None:
    """
    Quotes hold a word together; backslashes in them shield the quote and themselves only.
    """
    assert split_words(text) == (expected, closed)


def test_the_first_word() -> None:
    """
    The rest is left as it was written.
    """
    assert next_word('  Header  set X "a\\"b" ') == ("Header", 'set X "a\\"b" ')
    assert next_word('"Server Name"x') == ("Server Name", "x")
    assert next_word("") == ("", "")


@given(st.text(st.sampled_from("ab\\\"' \t#<>${}\n\r\v")))
def test_words_take_all_there_is(text: str) -> None:
    """
    Splitting word by word and all at once agree, and only quotes, blanks and backslashes go.
    """
    one_by_one = []
    rest = text.lstrip(BLANKS)
    while rest:
        word, rest = next_word(rest)
        one_by_one.append(word)
    assert one_by_one == split_words(text)[0]
    kept = [char for char in text if char not in BLANKS + "\\\"'"]
    assert kept == [char for char in "".join(one_by_one) if char not in BLANKS + "\\\"'"]


@given(st.lists(st.text(min_size=1)))
def test_a_quoted_word_is_read_back(words: list[str]) -> None:
    """
    Any word can be written in quotes.
    """
    quoted = ['"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in words]
    assert split_words(" ".join(quoted)) == (words, True)


def test_faults() -> None:
    """
    Zero bytes, and bytes that are no UTF-8, make a line unreadable.
    """
    assert fault_of("ServerName münchen.example") == ""
    assert fault_of("a\0b") == "there is a zero byte in the line"
    line = b"ServerName m\xfcnchen".decode("utf-8", "surrogateescape")
    assert fault_of(line) == "byte 0xfc is not UTF-8 text"
