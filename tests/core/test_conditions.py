"""
What mounts may demand beside the path.
"""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.heads import FakeRequest
from txbalancer.core.conditions import compile_condition, host_name
from txbalancer.core.request import Peer
from txbalancer.core.specs import Condition


def holds(kind: str, name: str, allowed: str, **request: Any) -> bool:
    """
    Judge a request by one condition.
    """
    condition = Condition(kind, name, tuple(allowed.split()))
    return compile_condition(condition)(FakeRequest(**request))


@pytest.mark.parametrize(
    ("allowed", "host", "expected"),
    [
        ("a.example", b"a.example", True),
        ("a.example", b"A.Example:8080", True),
        ("A.Example", b"a.example.", True),
        ("a.example b.example", b"b.example", True),
        ("a.example", b"b.a.example", False),
        ("*.a.example", b"b.a.example", True),
        ("*.a.example", b"c.b.a.example:1", True),
        ("*.a.example", b"a.example", False),
        ("a?.example", b"ab.example", True),
        ("a?.example", b"abc.example", False),
        ("a.example", b"axexample", False),
        ("app-*.example", b"app-7.example", True),
        ("[::1]", b"[::1]:80", True),
        ("::1", b"[::1]", True),
        ("[2001:DB8::1]", b"[2001:db8::1]", True),
        ("[::1]", b"[::2]", False),
        ("*", b"", True),
        ("a.example", b"", False),
        ("", b"a.example", False),
    ],
)
def test_host(allowed: str, host: bytes, expected: bool) -> None:
    """
    Hosts are globs in any case, without port or final dot.
    """
    assert holds("host", "", allowed, host=host) is expected


@given(st.text("ab.*?", min_size=1, max_size=6), st.text("ab.", min_size=1, max_size=6))
def test_host_globs_are_globs(pattern: str, name: str) -> None:
    """
    Star and question mark mean what they mean in the shell.
    """
    bare = name.removesuffix(".")
    expected = fnmatch.fnmatchcase(bare, pattern.removesuffix("."))
    assert holds("host", "", pattern, host=name.encode()) is expected


@pytest.mark.parametrize("host", [b"[", b"[::1", b"]", b":", b""])
def test_host_name_of_rubbish(host: bytes) -> None:
    """
    An authority that makes no sense gives a name, not an error.
    """
    assert isinstance(host_name(host), bytes)


@pytest.mark.parametrize(
    ("allowed", "method", "expected"),
    [
        ("GET HEAD", b"HEAD", True),
        ("get", b"GET", True),
        ("GET", b"get", False),
        ("GET", b"POST", False),
        ("*", b"BREW", True),
    ],
)
def test_method(allowed: str, method: bytes, expected: bool) -> None:
    """
    Methods compare exactly; a configuration may write them small.
    """
    assert holds("method", "", allowed, method=method) is expected


@pytest.mark.parametrize(
    ("allowed", "headers", "expected"),
    [
        ("a b", {b"x-kind": b"b"}, True),
        ("a b", {b"x-kind": b"c"}, False),
        ("a", {}, False),
        ("b", {b"x-kind": b"a, b"}, True),
        ("b", {b"x-kind": b"ab, bb"}, False),
        ("*", {b"x-kind": b""}, True),
        ("*", {}, False),
    ],
)
def test_header(allowed: str, headers: dict[bytes, bytes], expected: bool) -> None:
    """
    A header has one of the values, in any of its lines or list, or is there at all for a star.
    """
    assert holds("header", "X-Kind", allowed, headers=headers) is expected


@pytest.mark.parametrize(
    ("allowed", "query", "expected"),
    [
        ("1", b"v=1", True),
        ("1", b"x=2&v=1", True),
        ("1", b"v=2&v=1", True),
        ("1", b"v=%31", True),
        ("1", b"%76=1", True),
        ("a+b", b"v=a%2Bb", True),
        ("1", b"v=10", False),
        ("1", b"vv=1", False),
        ("*", b"v", True),
        ("*", b"w=1", False),
        ("1", None, False),
        ("*", b"", False),
    ],
)
def test_query(allowed: str, query: bytes | None, expected: bool) -> None:
    """
    A parameter has one of the values after decoding, in any of its occurrences.
    """
    assert holds("query", "v", allowed, query=query) is expected


def test_query_plus_is_a_space() -> None:
    """
    Forms write a space as a plus.
    """
    wanted = compile_condition(Condition("query", "v", ("a b",)))
    assert wanted(FakeRequest(query=b"v=a+b"))
    assert wanted(FakeRequest(query=b"v=a%20b"))


@pytest.mark.parametrize(
    ("allowed", "client", "expected"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::/32", "2001:db8::7", True),
        ("2001:db8::/32", "10.1.2.3", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.0.0.0/8 unix", "", True),
        ("10.0.0.0/8", "", False),
        ("unix", "10.1.2.3", False),
        ("*", "", True),
    ],
)
def test_client(allowed: str, client: str, expected: bool) -> None:
    """
    Clients match by address range; those of unix sockets by the word unix.
    """
    assert holds("client", "", allowed, peer=Peer(client)) is expected


def test_listener() -> None:
    """
    Listeners match by name.
    """
    assert holds("listener", "", "web api", peer=Peer("", listener="api"))
    assert not holds("listener", "", "web", peer=Peer("", listener="api"))


@pytest.mark.parametrize(
    "condition", [Condition("phase", "", ("moon",)), Condition("client", "", ("10.0.0.0/99",))]
)
def test_conditions_that_cannot_be(condition: Condition) -> None:
    """
    Unknown kinds and bad address ranges are told before they are used.
    """
    with pytest.raises(ValueError, match=r"."):
        compile_condition(condition)
