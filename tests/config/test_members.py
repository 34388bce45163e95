"""
Members: URLs in, normal form or a clear fault out.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config.members import parse_url
from txbalancer.core import flags

from .helpers import LISTENER, MOUNT, errors, good

_OTHERS = "use http, https, h2, h2c, ajp, fcgi, tcp, tls or udp"


def balancer(*lines: str, more: str = "") -> str:
    """
    Return a whole file with these member lines.
    """
    members = "".join(f"  {line}\n" for line in lines)
    return f"{LISTENER}{MOUNT}[balancer:shop]\n{more}members =\n{members}"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("HTTP://LocalHost:80/", "http://localhost/"),
        ("https://127.0.0.1:443/s", "https://127.0.0.1/s"),
        ("http://[::1]:21151/v6", "http://[::1]:21151/v6"),
        ("http://h", "http://h"),
        ("http://h:443", "http://h:443"),
        ("https://h:0443/A/b/", "https://h/A/b/"),
        ("unix:/a.sock|http://H/x", "unix:/a.sock|http://h/x"),
        ("UNIX:/a.sock|http:", "unix:/a.sock|http://localhost"),
    ],
)
def test_0_3_and_0_4_normal_form(text: str, url: str) -> None:
    """
    Scheme and host fold, the default port goes, the path stays; and that form is stable.
    """
    found = parse_url(text)
    assert found.url == url
    assert parse_url(found.url) == found


def test_0_4_parts_of_a_unix_member() -> None:
    """
    A unix socket keeps the host of its URL, for Host.
    """
    found = parse_url("unix:/run/a.sock|https://shop.test/x/")
    assert (found.socket, found.scheme, found.host) == ("/run/a.sock", "https", "shop.test")
    assert (found.port, found.path) == (443, "/x/")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "h:1",
            "'h:1' is no URL: http://HOST[:PORT][/PATH] is expected (did you mean http://h:1?)",
        ),
        (
            "https:/h/x",
            "'https:/h/x' is no URL: http://HOST[:PORT][/PATH] is expected "
            "(did you mean https://h/x?)",
        ),
        (
            "http://h/" + "a" * 1015,
            "http://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa… has 1024 characters: 1023 are allowed",
        ),
        ("::", "'::' is no URL: http://HOST[:PORT][/PATH] is expected"),
        ("", "'' is no URL: http://HOST[:PORT][/PATH] is expected"),
        ("scgi://h", "scgi:// is not available in this version; " + _OTHERS),
        ("uwsgi://h", "uwsgi:// is not available in this version; " + _OTHERS),
        ("ws://h", "ws:// is not needed: http:// carries WebSocket too"),
        ("wss://h", "wss:// is not needed: https:// carries WebSocket too"),
        ("gopher://h", "gopher:// is not known; " + _OTHERS),
        ("http://u:p@h", "a user name or password in a URL is not supported"),
        (
            "http://h/?a",
            "'http://h/?a' has a query or fragment: only a path may follow the host",
        ),
        (
            "http://h#a",
            "'http://h#a' has a query or fragment: only a path may follow the host",
        ),
        ("http://h/ä", "'/ä' has a character that must be written as %XX"),
        ("http:///x", "the host is missing: http://HOST[:PORT][/PATH] is expected"),
        ("http://h:", "port '' is not a number from 1 to 65535"),
        ("http://h:0", "port '0' is not a number from 1 to 65535"),
        ("http://h:65536", "port '65536' is not a number from 1 to 65535"),
        ("http://h:٣", "port '٣' is not a number from 1 to 65535"),
        (
            "http://::1:80",
            "port ':1:80' is not a number from 1 to 65535; an IPv6 address needs brackets: [::1]",
        ),
        ("http://[::1]x", "'[::1]x' is not HOST or HOST:PORT"),
        ("http://[::g]", "[::g] is not an IPv6 address"),
        ("http://[fe80::1%eth0]", "[fe80::1%eth0] has a zone: give the address without %"),
        ("http://1.2.3.400", "'1.2.3.400' is not an IPv4 address"),
        ("http://a_b-.test", "'a_b-.test' is not a host name: use letters, digits, - and ."),
        ("http://a..b", "'a..b' is not a host name: use letters, digits, - and ."),
        ("unix:a|http://h", "a unix socket is written unix:/PATH|http://HOST/"),
        ("unix:/a", "a unix socket is written unix:/PATH|http://HOST/"),
    ],
)
def test_bad_urls(text: str, fault: str) -> None:
    """
    A URL that cannot be used says why, and what may have been meant.
    """
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        parse_url(text)


@given(st.text())
def test_any_url_is_read_or_refused(text: str) -> None:
    """
    Nothing but ValueError comes out for text that is no URL.
    """
    for prefix in ("", "http://", "unix:/a|http://"):
        try:
            found = parse_url(prefix + text)
        except ValueError:
            continue
        assert parse_url(found.url) == found


def test_options_on_the_line_and_in_the_section() -> None:
    """
    A balancer's section gives defaults for members, bare or with `member.`; the line wins.
    """
    more = "retry = 5\nmember.timeout = 7\ntimeout = 1\nmember.loadfactor = 3\n"
    spec = good(balancer("http://a", 'http://b/x/ TIMEOUT=8 route="r1" status=+D', more=more)).spec
    (shop,) = spec.balancers
    a, b = shop.members
    assert shop.timeout == 1
    assert (a.url, a.host, a.port, a.path, a.retry, a.timeout) == ("http://a", "a", 80, "", 5, 7)
    assert (b.url, b.path, b.timeout, b.route) == ("http://b/x/", "/x", 8, "r1")
    assert b.status == flags.INIT | flags.DISABLED
    assert a.loadfactor == b.loadfactor == 300


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("http://a loadfactr=2", ["loadfactr: is not known here (did you mean loadfactor?)"]),
        ("http://a flusher=2", ["flusher: is not available in this version"]),
        (
            "http://a hcmethod=cping",
            ["http://a: hcmethod=cping does not ask http:// members: use tcp"],
        ),
        (
            "ajp://a hcmethod=get hcuri=/",
            ["ajp://a: hcmethod=get does not ask ajp:// members: use cping or tcp"],
        ),
        (
            "fcgi://a hcmethod=head hcuri=/",
            ["fcgi://a: hcmethod=head does not ask fcgi:// members: use tcp"],
        ),
        (
            "http://a lbmethod=hash",
            ["lbmethod: belongs to the balancer: give it a line of its own in the section"],
        ),
        (
            "http://a endpoint=1",
            ["endpoint: does not belong here, but in [listener:NAME]"],
        ),
        (
            "http://a workers=1",
            ["workers: does not belong here, but in [txbalancer]"],
        ),
        ("http://a xyzzy=1", ["xyzzy: is not known here"]),
        ("http://a route", ["route: is not of the form key=value (did you mean route=…?)"]),
        ("http://a retry=1 Retry=2", ["retry: is given twice"]),
        (
            "http://a hcmethod=pst retry=x",
            [
                "hcmethod: 'pst' is not known; use cping, get, head, none, options or tcp",
                "retry: 'x' is not a duration: use a number with ms, s, min, h or d, "
                "as 30s or 5min",
            ],
        ),
        ('http://a route="x', ["a quote is not closed, or a backslash ends the line"]),
        ("http://a:0", ["port '0' is not a number from 1 to 65535"]),
    ],
)
def test_bad_member_lines(line: str, faults: list[str]) -> None:
    """
    Each fault of a member line is told, with the line of that member.
    """
    told = [f"f:8: [balancer:shop] members: {fault}" for fault in faults]
    assert errors(balancer("http://good", line)) == told


def test_the_same_member_twice() -> None:
    """
    Two spellings of one address are one member.
    """
    assert errors(balancer("http://a:80", "HTTP://A/")) == [
        "f:8: [balancer:shop] members: http://a/ is a member already, in line 7"
    ]


def test_bad_shared_options() -> None:
    """
    Options of members in the section have faults with their own line.
    """
    more = "member.xyzzy = 1\nretry = x\nlbset = 1\nmember.lbset = 2\nloadfacto = 2\nflusher = 1\n"
    assert errors(balancer("http://a", more=more)) == [
        "f:6: [balancer:shop] member.xyzzy: is not known here",
        "f:7: [balancer:shop] retry: 'x' is not a duration: use a number with ms, s, min, h or d, "
        "as 30s or 5min",
        "f:9: [balancer:shop] member.lbset: the same is there already, in line 8",
        "f:10: [balancer:shop] loadfacto: is not known here (did you mean loadfactor?)",
        "f:11: [balancer:shop] flusher: is not available in this version",
    ]


def test_a_probe_needs_a_path() -> None:
    """
    hcmethod=get without hcuri asks for /, with a warning; tcp and options need none.
    """
    loaded = good(
        balancer(
            "http://a hcmethod=GET", "http://b hcmethod=TCP", "http://c hcmethod=head hcuri=/x"
        )
    )
    a, b, c = loaded.spec.balancers[0].members
    assert (a.hcmethod, a.hcuri, b.hcmethod, b.hcuri, c.hcuri) == ("get", "/", "tcp", "", "/x")
    assert loaded.warnings == [
        "f:7: [balancer:shop] members: http://a: hcmethod=get without hcuri asks for /; "
        "give the path that tells whether the member is well"
    ]


def test_no_members() -> None:
    """
    A balancer says what members it has; that it has none is told, and each request gets 503.
    """
    assert errors("[balancer:shop]\n" + LISTENER + MOUNT) == [
        "f:1: [balancer:shop] members: is missing: give one member per indented line, "
        "http://HOST:PORT key=value …, or sources of members in `discover`"
    ]
    loaded = good("[balancer:shop]\nmembers =\n" + LISTENER + MOUNT)
    assert loaded.spec.balancers[0].members == ()
    assert loaded.warnings == ["f:2: [balancer:shop] members: is empty: each request gets 503"]
