"""
What a request to the manager asks for, and whom it is believed.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.control.manager.asking import Asked, asked, distrust

FORM = "application/x-www-form-urlencoded"
HERE = "http://lb.test/page"


def posted(body: bytes, referer: str = HERE, origin: str = "", kind: str = FORM) -> Asked:
    """
    Ask by POST.
    """
    return asked(b"b=other", body, kind, "lb.test", referer, origin)


def test_M10_a_get_can_only_look() -> None:
    """
    Of a query four fields count; of a POST the body alone.
    """
    query = b"b=shop&w=x&nonce=1&xml=1&w_lf=5&b_lbm=bytraffic&style=2"
    assert asked(query, None, "", "lb.test", HERE, "").fields == {
        "b": "shop",
        "w": "x",
        "nonce": "1",
        "xml": "1",
    }
    assert posted(b"w_lf=5&w_status_D=1").fields == {"w_lf": "5", "w_status_D": "1"}
    assert posted(b"", kind="") == Asked({})


def test_M25_values_are_decoded_once() -> None:
    """
    A percent sign that was encoded is one; plus is a blank, the last of two values counts.
    """
    assert posted(b"w=http%3A%2F%2Fa&w_wr=%2541&b_ss=A%7Cb+c&x=1&x=2").fields == {
        "w": "http://a",
        "w_wr": "%41",
        "b_ss": "A|b c",
        "x": "2",
    }


@pytest.mark.parametrize(
    ("host", "referer"),
    [
        ("lb.test", "http://lb.test/"),
        ("LB.test:8080", "https://lb.TEST:9/x?y#z"),
        ("[::1]:80", "http://[::1]/"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/balancer-manager?b=x"),
    ],
)
def test_M11_a_referer_of_the_same_host(host: str, referer: str) -> None:
    """
    Scheme, port, path and letter case do not matter.
    """
    assert distrust(host, referer, "") == ""


@pytest.mark.parametrize(
    ("referer", "why"),
    [
        ("", "no Referer"),
        ("lb.test", "no Referer"),
        ("http://", "no Referer"),
        ("http://[", "no Referer"),
        ("http://evil.test/lb.test", "a page of evil.test"),
        ("http://lb.test.evil.test/", "lb.test.evil.test"),
        ("http://lb.test@evil.test/", "no Referer"),
        ("http://evil.test\\@lb.test/", "no Referer"),
        ("http://evil.test\t/@lb.test/", "no Referer"),
        ("//lb.test/", "no Referer"),
        ("http://lb.test:80.evil.test/", "no Referer"),
        ("javascript://lb.test/%0aalert(1)", "no Referer"),
        ("http://lb.test/ http://evil.test/", "no Referer"),
    ],
)
def test_M11_any_other_referer(referer: str, why: str) -> None:
    """
    Nothing of the request counts then, not even what would only be shown.
    """
    assert why in asked(b"xml=1", None, "", "lb.test", referer, "").refused
    assert posted(b"b=shop", referer).fields == {}


def test_a_request_without_fields_is_nobodys() -> None:
    """
    The plain page needs no Referer, whatever Host says.
    """
    assert asked(b"", None, "", "[", "", "") == Asked({})
    assert distrust("[", HERE, "") != ""


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.test", "http://lb.test:81", "lb.test", "http://", "https://lb.test:80"],
)
def test_an_origin_elsewhere(origin: str) -> None:
    """
    Browsers tell where a form came from; a Referer does not outweigh it.
    """
    assert origin in posted(b"b=shop", HERE, origin).refused


@pytest.mark.parametrize("origin", ["http://lb.test", "https://LB.test", "http://lb.test:80"])
def test_an_origin_here(origin: str) -> None:
    """
    The port that goes without saying may be said.
    """
    assert posted(b"b=shop", HERE, origin).fields == {"b": "shop"}
    assert distrust("lb.test:8080", HERE, "http://lb.test:8080") == ""


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"{}", "application/json", "not as application/json"),
        (b"b=1", "", "not as anything else"),
        (b"b=%FF", FORM, "percent-encoded UTF-8"),
        (b"b=\xff", FORM, "percent-encoded UTF-8"),
        (b"a=1&" * 200, FORM + "; charset=utf-8", "cannot be read"),
    ],
)
def test_what_is_no_form(body: bytes, kind: str, why: str) -> None:
    """
    It is said what is expected.
    """
    assert why in posted(body, kind=kind).refused


@given(st.binary(max_size=60), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_anything_is_read_or_refused(body: bytes, host: str, referer: str, origin: str) -> None:
    """
    There is no request that cannot be judged.
    """
    found = asked(body, body, FORM, host, referer, origin)
    assert not (found.fields and found.refused)
