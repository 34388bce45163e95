"""
Heads of CGI answers.
"""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.errors import BadResponse
from txbalancer.fastcgi import heads


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"A: b\r\n\r\nhi", (4, 8)),
        (b"A: b\n\nhi", (4, 6)),
        (b"A: b\r\n\nhi", (4, 7)),
        (b"A: b\n\r\n\r\n", (4, 7)),
        (b"A: b\r\n", None),
        (b"A: b", None),
        (b"", None),
    ],
)
def test_where_a_head_ends(data: bytes, found: tuple[int, int] | None) -> None:
    """
    Lines end in CRLF or LF, in any mixture.
    """
    assert heads.find_end(data) == found


@pytest.mark.parametrize(
    ("data", "made"),
    [
        (b"A: b\r\nC: d", b"HTTP/1.1 200 OK\r\nA: b\r\nC: d"),
        (b"A: b\nC: d", b"HTTP/1.1 200 OK\r\nA: b\r\nC: d"),
        (b"A: b\nStatus: 404 Not There\nC: d", b"HTTP/1.1 404 Not There\r\nA: b\r\nC: d"),
        (b"status : 404\nA: b", b"HTTP/1.1 404 \r\nA: b"),
        (b"Location: http://a.test/", b"HTTP/1.1 302 Found\r\nLocation: http://a.test/"),
        (b"Status: 201 Made\nLocation: /x", b"HTTP/1.1 201 Made\r\nLocation: /x"),
        (b"Status-Line: 3", b"HTTP/1.1 200 OK\r\nStatus-Line: 3"),
    ],
)
def test_heads(data: bytes, made: bytes) -> None:
    """
    Status makes the status line; without it a Location is a redirect (RFC 3875 6.2.3).
    """
    assert heads.head(data) == made


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"Status: abc", "no number from 100 to 999"),
        (b"Status: 99", "no number"),
        (b"Status: 0200 OK", "no number"),
        (b"Status:", "no number"),
        (b"Status: 200 OK\nStatus: 201 OK", "more than one"),
    ],
)
def test_bad_heads(data: bytes, fault: str) -> None:
    """
    A status that is none is refused.
    """
    with pytest.raises(BadResponse, match=fault):
        heads.head(data)


@given(st.binary(max_size=60))
def test_each_line_stays_one(data: bytes) -> None:
    """
    Whatever comes, a head has as many lines as it was given, and never one within another.
    """
    with contextlib.suppress(BadResponse):
        made = heads.head(data)
        assert b"\n" not in made.replace(b"\r\n", b"")


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a"]), max_size=9))
def test_the_first_empty_line_counts(pieces: list[bytes]) -> None:
    """
    Whatever ends the lines before it and after it.
    """
    data = b"".join(pieces)
    found = re.search(rb"\r?\n\r?\n", data)
    assert heads.find_end(data) == (found.span() if found else None)
