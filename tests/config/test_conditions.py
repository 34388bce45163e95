"""
Conditions of mounts.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config.conditions import read_condition
from txbalancer.config.findings import Findings
from txbalancer.config.scope import Scope
from txbalancer.core.conditions import compile_condition
from txbalancer.core.registry import Registry
from txbalancer.core.specs import Condition

from .helpers import BALANCER, LISTENER, errors, good

SCOPE = Scope(Findings("f"), Registry(), listeners=frozenset({"web", "admin"}))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (
            "host",
            "Shop.Test, *.shop.test *",
            Condition("host", "", ("shop.test", "*.shop.test", "*")),
        ),
        (
            "host",
            "::1 [::1] 10.0.0.1 a.test.",
            Condition("host", "", ("::1", "[::1]", "10.0.0.1", "a.test")),
        ),
        ("method", "get,POST", Condition("method", "", ("GET", "POST"))),
        (
            "client",
            "10.0.0.0/8 ::1 127.0.0.1 Unix",
            Condition("client", "", ("10.0.0.0/8", "::1/128", "127.0.0.1/32", "unix")),
        ),
        ("listener", "WEB admin", Condition("listener", "", ("web", "admin"))),
        ("header.x-env", '"a b" c,d', Condition("header", "x-env", ("a b", "c,d"))),
        ("header.x.y", "*", Condition("header", "x.y", ("*",))),
        ("query.Id", "1", Condition("query", "Id", ("1",))),
    ],
)
def test_conditions(key: str, text: str, expected: Condition) -> None:
    """
    Each kind is read, and the core can make a predicate of it.
    """
    found = read_condition(key, text, SCOPE)
    assert found == expected
    assert callable(compile_condition(found))


@pytest.mark.parametrize(
    ("key", "text", "fault"),
    [
        ("host", "", "is empty: give one word or more, any of which may match"),
        (
            "host",
            "a.test:80",
            "'a.test:80' has a port: give the host alone; ports do not matter here",
        ),
        (
            "host",
            "[::1]:80",
            "'[::1]:80' has a port: give the host alone; ports do not matter here",
        ),
        ("host", "a/b", "'a/b' is not a host: use a name, *.example.com or an address"),
        (
            "method",
            "G@T",
            "'G@T' is not a token: letters, digits and !#$%&'*+-.^_`|~ only",
        ),
        (
            "client",
            "10.0.0.1/8",
            "'10.0.0.1/8' has bits beside its range (did you mean 10.0.0.0/8?)",
        ),
        (
            "client",
            "localhost",
            "'localhost' is not an address, a range such as 10.0.0.0/8, or unix",
        ),
        ("listener", "wob", "no [listener:wob]; use admin or web (did you mean web?)"),
        ("header.", "x", "a name is missing: header.NAME = VALUE …"),
        ("query.", "x", "a name is missing: query.NAME = VALUE …"),
        ("header.a b", "x", "'a b' is not a token: letters, digits and !#$%&'*+-.^_`|~ only"),
        ("header.a", "'x", "a quote is not closed, or a backslash ends the line"),
    ],
)
def test_bad_conditions(key: str, text: str, fault: str) -> None:
    """
    A condition that cannot hold says why.
    """
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        read_condition(key, text, SCOPE)


@given(st.sampled_from(["host", "method", "client", "listener", "header.x", "query.x"]), st.text())
def test_what_is_read_can_be_compiled(key: str, text: str) -> None:
    """
    Every condition that passes here works in the core.
    """
    try:
        found = read_condition(key, text, SCOPE)
    except ValueError:
        return
    compile_condition(found)


def test_conditions_stay_in_file_order() -> None:
    """
    A mount has all of its conditions, in the order of the file.
    """
    text = "[mount:/]\nquery.A = 1\nto = balancer://shop/\nhost = a.test\nheader.B = 2\n"
    (mount,) = good(LISTENER + BALANCER + text).spec.mounts
    assert [(each.kind, each.name) for each in mount.conditions] == [
        ("query", "A"),
        ("host", ""),
        ("header", "b"),
    ]


def test_faults_of_conditions_have_their_line() -> None:
    """
    Two bad conditions are two faults.
    """
    text = "[mount:/]\nto = balancer://shop/\nhost =\nlistener = x\n"
    assert errors(LISTENER + BALANCER + text) == [
        "f:7: [mount:/] host: is empty: give one word or more, any of which may match",
        "f:8: [mount:/] listener: no [listener:x]; use web",
    ]
