"""
Bodies, queries, types and tags.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.api.asking import Asker
from txbalancer.control.api import body, media, tags
from txbalancer.control.api.problem import Problem
from txbalancer.control.api.query import read_query
from txbalancer.control.api.shapes import Fields, span, text, whole
from txbalancer.control.slices import at_once
from txbalancer.core.commands import SetMember
from txbalancer.core.values import duration

FIELDS = Fields({"n": whole(0, 9), "t": text("x", str), "s": span(0, 9, duration())})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "not JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
        (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"[" * 5000, "not JSON|nested too deeply"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"{} {}", "not JSON: Extra data"),
    ],
)
def test_bodies_that_are_refused(data: bytes, told: str) -> None:
    """
    What two readers could read in two ways is refused, and the place of a fault is told.
    """
    with pytest.raises(Problem, match=told) as caught:
        body.read_json(data)
    assert caught.value.status == 400


def test_a_large_body() -> None:
    """
    64 KiB are read, one byte more is not.
    """
    assert body.read_json(b'"' + b"x" * (body.MOST - 2) + b'"')
    with pytest.raises(Problem, match="65537 bytes: 65536") as caught:
        body.read_json(b'"' + b"x" * (body.MOST - 1) + b'"')
    assert caught.value.status == 413


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """
    Any bytes are read or refused.
    """
    with suppress(Problem):
        body.read_json(data)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
def test_json_is_json(kind: str) -> None:
    """
    Case and the one charset there is do not matter.
    """
    body.check_type(kind)


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"],
)
def test_other_types(kind: str) -> None:
    """
    What a form of a page can send is no JSON.
    """
    with pytest.raises(Problem, match="not JSON") as caught:
        body.check_type(kind)
    assert caught.value.status == 415


def test_queries() -> None:
    """
    Numbers are numbers where they may be, and text elsewhere.
    """
    assert read_query(FIELDS, b"n=3&t=4&s=1.5") == {"n": 3, "t": "4", "s": 1.5}
    assert read_query(FIELDS, b"s=5s&t=a%20b") == {"s": 5.0, "t": "a b"}
    assert read_query(FIELDS, b"") == {}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (b"n=x", "n: 'x' is not a whole number"),
        (b"n=", "n: '' is not a whole number"),
        (b"m=1", "m: is not known here; use n, s or t"),
        (b"n=1&n=2", "n: given twice"),
        (b"t=%ff", "cannot be read"),
        (b"&".join(b"a%d=1" % number for number in range(30)), "cannot be read"),
        (b"n=1e999", "whole number"),
    ],
)
def test_queries_that_are_refused(query: bytes, told: str) -> None:
    """
    Nothing in a query is overlooked.
    """
    with pytest.raises(Problem, match=told):
        read_query(FIELDS, query)


BOTH = ("application/json", "text/event-stream")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, BOTH[0]),
        ("", BOTH[0]),
        ("*/*", BOTH[0]),
        ("text/event-stream", BOTH[1]),
        ("text/*", BOTH[1]),
        ("application/json;q=0.5, text/event-stream", BOTH[1]),
        ("*/*, application/json;q=0", BOTH[1]),
        ("application/json;q=0.1, */*;q=0.2", BOTH[1]),
        ("text/html", None),
        ("*/*;q=0", None),
        ("application/json;q=x", None),
    ],
)
def test_types_of_answers(accept: str | None, chosen: str | None) -> None:
    """
    What is liked best is sent; what is not liked is not.
    """
    assert media.choose(accept, BOTH) == chosen


def test_a_tag_is_of_what_people_set() -> None:
    """
    Traffic and errors leave it as it is, a change by somebody does not.
    """
    asker = Asker()
    member, balancer = asker.member(), asker.rig.balancer()
    before = tags.of_member(member), at_once(tags.of_balancer(balancer))
    balancer.elect(1.0)
    balancer.force_error(member, "test", 1.0)
    assert (tags.of_member(member), at_once(tags.of_balancer(balancer))) == before
    asker.board.apply(SetMember("shop", member.name, lbset=3), "me")
    assert tags.of_member(member) != before[0]
    assert at_once(tags.of_balancer(balancer)) != before[1]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("*", None),
        ('"a"', ['"a"']),
        ('W/"a" , "b"', ['"a"', '"b"']),
        ("a", []),
        ("", []),
    ],
)
def test_lists_of_tags(header: str, found: Any) -> None:
    """
    Lists, weak tags and the star are read.
    """
    assert tags.tags_in(header) == found
