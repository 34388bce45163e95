"""
The start lines of requests: what is refused with which status, and what a head says.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.http1.build import DEFAULT, bare_request, request
from txbalancer.errors import ClientError
from txbalancer.http1 import requests
from txbalancer.http1.heads import RequestHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request

HOST = b"Host: www.example.com"
START = b"GET / HTTP/1.1"


@pytest.mark.parametrize(
    ("status", "start"),
    [
        (400, b""),
        (400, b"GET"),
        (400, b"GET /"),
        (400, b"GET  / HTTP/1.1"),
        (400, b"GET /  HTTP/1.1"),
        (400, b"GET / HTTP/1.1 "),
        (400, b" GET / HTTP/1.1"),
        (400, b"GET /a b HTTP/1.1"),
        (400, b"GET\t/\tHTTP/1.1"),
        (400, b"GET /a\tb HTTP/1.1"),
        (400, b"GET /?a\tHTTP/1.0 HTTP/1.1"),
        (400, b"GET http://a/\tb HTTP/1.1"),
        (400, b"GET /\x00 HTTP/1.1"),
        (400, b"GET /\x7f HTTP/1.1"),
        (400, b"G\xcbT / HTTP/1.1"),
        (400, b"GET{} / HTTP/1.1"),
        (400, b"GET: / HTTP/1.1"),
        (400, b"GET / http/1.1"),
        (400, b"GET / HTTP"),
        (400, b"GET / HTTP/"),
        (400, b"GET / HTTP/x.y"),
        (400, b"GET / HTTPS/1.1"),
        (400, b"GET / ICY"),
        (505, b"GET / HTTP/0.9"),
        (505, b"GET / HTTP/1.2"),
        (505, b"GET / HTTP/1.10"),
        (505, b"GET / HTTP/2.0"),
        (505, b"GET / HTTP/3"),
        (505, b"PRI * HTTP/2.0"),
        (400, b"GET /#fragment HTTP/1.1"),
        (400, b"GET /?a#b HTTP/1.1"),
        (400, b"GET http://a/#b HTTP/1.1"),
        (400, b"GET * HTTP/1.1"),
        (400, b"GET index.html HTTP/1.1"),
        (400, b"GET ?a HTTP/1.1"),
        (400, b"GET ftp://a/ HTTP/1.1"),
        (400, b"GET http:///a HTTP/1.1"),
        (400, b"GET http://user@a/ HTTP/1.1"),
        (400, b"GET http://a:b@c/ HTTP/1.1"),
        (400, b"GET http://[::1/ HTTP/1.1"),
        (400, b"GET http://a\\b/ HTTP/1.1"),
        (405, b"CONNECT a:443 HTTP/1.1"),
        (405, b"CONNECT http://a/ HTTP/1.1"),
        (405, b"CONNECT / HTTP/1.1"),
        (405, b"CONNECT * HTTP/1.1"),
    ],
)
def test_refused_request_lines(status: int, start: bytes) -> None:
    """
    A request line is a method, a usable target and a served version, one blank between.
    """
    with pytest.raises(ClientError) as caught:
        request(start=start)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("start", "path", "query", "host"),
    [
        (b"GET / HTTP/1.1", b"/", None, b"www.example.com"),
        (b"GET /a/b?c=d?e HTTP/1.1", b"/a/b", b"c=d?e", b"www.example.com"),
        (b"GET /? HTTP/1.1", b"/", b"", b"www.example.com"),
        (b"GET //a//b HTTP/1.1", b"//a//b", None, b"www.example.com"),
        (b"GET /%00%2F\xe9 HTTP/1.1", b"/%00%2F\xe9", None, b"www.example.com"),
        (b"GET http://a.example/x?y HTTP/1.1", b"/x", b"y", b"a.example"),
        (b"GET HTTPS://A.example:8443/x HTTP/1.1", b"/x", None, b"A.example:8443"),
        (b"GET http://[::1]:80 HTTP/1.1", b"/", None, b"[::1]:80"),
        (b"GET http://a?b HTTP/1.1", b"/", b"b", b"a"),
        (b"OPTIONS * HTTP/1.1", b"*", None, b"www.example.com"),
        (b"OPTIONS /a HTTP/1.1", b"/a", None, b"www.example.com"),
        (b"OPTIONS http://a.example HTTP/1.1", b"*", None, b"a.example"),
        (b"M-SEARCH /a HTTP/1.0", b"/a", None, b"www.example.com"),
        (b"get /a HTTP/1.1", b"/a", None, b"www.example.com"),
    ],
)
def test_targets(start: bytes, path: bytes, query: bytes | None, host: bytes) -> None:
    """
    A target gives path and query as sent; the authority of an absolute one goes before Host.
    """
    head = request(start=start)
    assert (head.path, head.query, head.host) == (path, query, host)
    assert head.method == start.split()[0]
    assert head.target == start.split()[1]


@pytest.mark.parametrize(
    "host",
    [b"a", b"a:80", b"a:", b"", b"10.0.0.1:8080", b"[::1]", b"[fe80::1]:80", b"a_b", b"a.b."],
)
def test_usable_hosts(host: bytes) -> None:
    """
    Names, addresses and ports make a Host; it may be empty (RFC 9110 7.2).
    """
    assert bare_request(START, b"Host: " + host).host == host


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a, b",
        b"a/b",
        b"a@b",
        b"a?b",
        b"a#b",
        b"a:b",
        b"a:123456",
        b"[::1",
        b"::1",
        b"a\\b",
        b"%41",
        b"a%2e",
        b"a..b",
        b"a..",
        b"a;b",
        b"a,",
        b"<a>",
        b"\xe9",
        b"a:80:80",
        b"[g]",
        b"a" * 256,
        b'"a"',
        b"a\tb",
    ],
)
def test_unusable_hosts(host: bytes) -> None:
    """
    Anything else is refused.
    """
    with pytest.raises(ClientError, match="Host"):
        bare_request(START, b"Host: " + host)


def test_host_is_needed_in_1_1_only() -> None:
    """
    HTTP/1.1 without Host is refused, even with an absolute target; HTTP/1.0 may do without.
    """
    for start in (START, b"GET http://a/ HTTP/1.1"):
        with pytest.raises(ClientError, match="no Host"):
            bare_request(start)
    assert bare_request(b"GET / HTTP/1.0").host == b""
    assert bare_request(b"GET http://a/ HTTP/1.0").host == b"a"


def test_many_hosts_are_not_remembered_for_ever() -> None:
    """
    However many names clients come up with, the memory of good ones is bounded.
    """
    for number in range(2000):
        assert bare_request(START, b"Host: n%d" % number).host == b"n%d" % number
    assert len(requests.hosts_seen) <= 1024


def test_version() -> None:
    """
    The version is known as it is logged.
    """
    assert request().version == b"1.1"
    assert request(start=b"GET / HTTP/1.0").version == b"1.0"


def test_messages_are_short_and_printable() -> None:
    """
    Whatever a client sends, the message about it can be logged and shown.
    """
    with pytest.raises(ClientError) as caught:
        parse_request(b"GET " + b"\xff<script>" * 1000 + b" HTTP/1.1", DEFAULT)
    text = str(caught.value)
    assert len(text) < 300
    assert text.isprintable()


@given(
    st.sampled_from((b"GET", b"POST", b"PATCH", b"get", b"ODD", b"")),
    st.binary(max_size=6) | st.text('/?#%"a*:', max_size=8).map(str.encode),
    st.sampled_from((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.11", b"http/1.1")),
)
@example(b"GET", b"a?b?c", b"HTTP/1.1")
@example(b"GET", b"a?", b"HTTP/1.0")
@example(b"GET", b"a b", b"HTTP/1.1")
def test_usual_request_lines_are_read_as_all_others(
    method: bytes, rest: bytes, version: bytes
) -> None:
    """
    The quick way takes no line that the thorough one refuses, and says the same of it.
    """
    line = b"%b /%b %b" % (method, rest, version)
    if b"\r\n" in line:
        return
    usual = requests._USUAL_REQUEST_LINE(line)
    thorough = RequestHead()
    try:
        requests._request_line(thorough, line, DEFAULT)
    except ClientError:
        assert usual is None
        return
    assert (usual is None) is (method == b"ODD" or method == b"get")
    head = parse_request(line + b"\r\nHost: shop.test", DEFAULT)
    for name in ("method", "target", "path", "query", "minor"):
        assert getattr(head, name) == getattr(thorough, name)


def test_the_limit_of_targets_holds_for_usual_ones() -> None:
    """
    A target as long as the limit is taken, a longer one is 414, whatever way reads it.
    """
    for size, fits in ((10, True), (11, False)):
        line = b"GET /%b HTTP/1.0" % (b"x" * (size - 1))
        if fits:
            assert len(parse_request(line, Limits(url=10)).target) == size
            continue
        with pytest.raises(ClientError) as caught:
            parse_request(line, Limits(url=10))
        assert caught.value.status == 414
