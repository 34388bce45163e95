"""
What members see of a request, and clients of an answer. APACHE items H1 to H33.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, answer, case, check, get, named
from tests.differential.members import BODY, CLOSE, Script
from tests.differential.sides import World

PASS = "ProxyPass / http://{0}/"
SPREAD = "<Proxy balancer://{n}>\nBalancerMember http://{0}\n</Proxy>\nProxyPass / balancer://{n}/"


def sent(name: str, *lines: str, site: str = SPREAD, **how: object) -> Case:
    """
    Send a request with header lines.
    """
    return case(f"headers/{name}", site, get("/x", *lines, **how))  # type: ignore[arg-type]


def got(name: str, *answers: Script, lines: str = SPREAD, **how: object) -> Case:
    """
    Have the member answer in some way.
    """
    asked = get("/x", **how)  # type: ignore[arg-type]
    return case(f"headers/{name}", lines, *((asked, each) for each in answers))


def raw(text: bytes) -> Script:
    """
    Send bytes and close.
    """
    return (text, CLOSE)


M = b"X-Member: INDEX\r\n"

CASES = named(
    [
        sent("plain"),
        sent("H1_version", version="1.0"),
        sent("H1_keep_alive_of_1.0", "Connection: keep-alive", version="1.0"),
        case(
            "headers/H1_methods",
            SPREAD,
            *(
                get("/", method=each)
                for each in ("HEAD", "OPTIONS", "DELETE", "PATCH", "PROPFIND", "STRANGE")
            ),
        ),
        case("headers/H2_no_host", SPREAD, get(host=None, version="1.0"), alone=True),
        case(
            "headers/H2_absolute_target",
            SPREAD,
            get("http://HOST/y"),
            get("http://HOST:81/y"),
            get("http://other.test/y"),
            alone=True,
        ),
        case(
            "headers/H2_other_host",
            SPREAD,
            get(host="Other.test:8080"),
            get(host="[::1]:80"),
            alone=True,
        ),
        case(
            "headers/H2_preserve_host",
            "ProxyPreserveHost On\n" + SPREAD,
            get(host="o.test:81"),
            get(host=None, version="1.0"),
            get("http://abs.test:82/y"),
            alone=True,
        ),
        case(
            "headers/H2_preserve_host_single",
            "ProxyPreserveHost On\n" + PASS,
            get(host="o.test"),
            alone=True,
        ),
        sent("H3_repeated", "X-A: 1", "X-B: 2", "X-A: 3", "Accept: a", "Accept: b"),
        sent("H3_repeated_cookie", "Cookie: a=1", "Cookie: b=2"),
        sent("H3_empty", "X-Empty:", "X-Blank:   "),
        sent("H3_case_and_blanks", "x-LOWER:  a  b  ", "X_Under: c"),
        sent("H4_connection_close", "Connection: close"),
        sent(
            "H4_connection_names", "Connection: X-A, keep-alive, x-c", "X-A: 1", "X-B: 2", "X-C: 3"
        ),
        sent(
            "H4_connection_names_forwarded",
            "Connection: X-Forwarded-For",
            "X-Forwarded-For: 9.9.9.9",
        ),
        sent("H4_connection_names_host", "Connection: Host"),
        sent(
            "H4_connection_names_cookie",
            "Connection: Cookie, Authorization",
            "Cookie: a=b",
            "Authorization: Basic eDp5",
        ),
        sent(
            "H4_hop_by_hop",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive",
            "TE: trailers",
            "Trailer: X",
            "Upgrade: websocket",
        ),
        sent("H4_proxy_authorization", "Proxy-Authorization: Basic eDp5", "Proxy-Authenticate: x"),
        sent(
            "H4_end_to_end",
            "Authorization: Basic eDp5",
            "Forwarded: for=1.2.3.4",
            "X-Real-IP: 1.2.3.4",
            "X-Forwarded-Proto: https",
            "Range: bytes=0-1",
            "If-None-Match: x",
            "Accept-Encoding: gzip",
            "Via: 1.1 x",
            "DNT: 1",
        ),
        sent(
            "H5_append", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Host: h", "X-Forwarded-Server: s"
        ),
        sent("H4_connection_malformed", "Connection: .; c,="),
        sent("H5_two_lines", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2"),
        sent("H5_off", "X-Forwarded-For: 1.1.1.1", site="ProxyAddHeaders Off\n" + SPREAD),
        sent("H5_off_plain", site="ProxyAddHeaders Off\n" + SPREAD),
        sent("H6_via_on", site="ProxyVia On\n" + SPREAD),
        sent("H6_via_on_appends", "Via: 1.0 a", version="1.0", site="ProxyVia On\n" + SPREAD),
        sent("H6_via_full", site="ProxyVia Full\n" + SPREAD),
        sent("H6_via_block", "Via: 1.0 a", site="ProxyVia Block\n" + SPREAD),
        got("H6_via_of_answer", answer("Via: 1.1 m"), lines="ProxyVia On\n" + SPREAD),
        got("H6_via_block_of_answer", answer("Via: 1.1 m"), lines="ProxyVia Block\n" + SPREAD),
        sent("H7_disablereuse", site=SPREAD.replace("{0}", "{0} disablereuse=On")),
        sent("H8_max_forwards", "Max-Forwards: 5"),
        sent("H8_max_forwards_0", "Max-Forwards: 0"),
        sent("H8_max_forwards_0_options", "Max-Forwards: 0", method="OPTIONS"),
        sent("H8_max_forwards_junk", "Max-Forwards: x"),
        sent("H9_trace", method="TRACE"),
        case("headers/H9_options_star", SPREAD, get("*", method="OPTIONS")),
        sent("H10_expect_other", "Expect: 200-ok"),
        # bodies of requests
        sent("H20_length", method="POST", body=b"a=b"),
        case("headers/H20_length_0", SPREAD, get("/", "Content-Length: 0", method="POST")),
        case("headers/H20_no_length", SPREAD, get("/", method="POST")),
        case(
            "headers/H20_chunked",
            SPREAD,
            get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n",
        ),
        case(
            "headers/H20_chunked_empty",
            SPREAD,
            get("/", "Transfer-Encoding: chunked", method="PUT") + b"0\r\n\r\n",
        ),
        case(
            "headers/H20_chunk_extension",
            SPREAD,
            get("/", "Transfer-Encoding: chunked", method="PUT") + b"3;a=b\r\nabc\r\n0\r\n\r\n",
        ),
        case(
            "headers/H20_trailers",
            SPREAD,
            get("/", "Transfer-Encoding: chunked", "Trailer: X-T", method="PUT")
            + b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
        ),
        case("headers/H20_get_with_body", SPREAD, get("/", body=b"abc")),
        sent("H21_long", method="POST", body=b"0123456789" * 5000),
        case(
            "headers/H21_long_chunked",
            SPREAD,
            get("/", "Transfer-Encoding: chunked", method="POST")
            + b"4000\r\n"
            + b"c" * 0x4000
            + b"\r\n"
            + b"4000\r\n"
            + b"d" * 0x4000
            + b"\r\n0\r\n\r\n",
        ),
        case(
            "headers/H22_length_and_chunked",
            SPREAD,
            get("/", "Transfer-Encoding: chunked", "Content-Length: 3", method="POST")
            + b"3\r\nabc\r\n0\r\n\r\n",
        ),
        case("headers/H22_coding", SPREAD, get("/", "Transfer-Encoding: gzip", method="POST")),
        case(
            "headers/H22_coding_then_chunked",
            SPREAD,
            get("/", "Transfer-Encoding: gzip, chunked", method="POST") + b"0\r\n\r\n",
        ),
        case(
            "headers/H42_expect",
            SPREAD,
            (
                get("/", "Expect: 100-continue", method="POST", body=b"abc"),
                (b"HTTP/1.1 100 Continue\r\n\r\n", BODY, *answer()),
            ),
        ),
        # answers
        got(
            "H30_reason",
            answer(status="200 Very Well"),
            answer(status="404 "),
            answer(status="299 Odd"),
            answer(status="599 X"),
        ),
        got("H30_client_of_1.0", answer(), version="1.0"),
        got(
            "H31_hop_by_hop",
            answer(
                "Connection: X-A, keep-alive",
                "X-A: 1",
                "X-B: 2",
                "Keep-Alive: timeout=1",
                "TE: x",
                "Trailer: x",
                "Upgrade: h2c",
                "Proxy-Authenticate: Basic realm=x",
                "Proxy-Connection: x",
            ),
        ),
        got(
            "H31_dates",
            answer(
                "Date: Sun, 06 Nov 1994 08:49:37 GMT",
                "Server: mine",
                "Expires: Sun, 06 Nov 1994 08:49:37 GMT",
                "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
            ),
        ),
        got(
            "H31_dates_rewritten",
            answer(
                "Expires: Sunday, 06-Nov-94 08:49:37 GMT", "Last-Modified: Sun Nov  6 08:49:37 1994"
            ),
            answer("Expires: 0"),
            answer("Last-Modified: junk"),
        ),
        got("H31_repeated", answer("Set-Cookie: a=1", "X-A: 1", "Set-Cookie: b=2", "X-A: 2")),
        got("H31_warning", answer('Warning: 110 - "stale" "Sun, 06 Nov 1994 08:49:37 GMT"')),
        got(
            "H31_common",
            answer(
                "Content-Type: text/html; charset=x",
                'ETag: "a"',
                "Vary: Accept",
                "Cache-Control: no-store",
                "Content-Encoding: gzip",
                "Link: <a>",
                "X-Powered-By: x",
            ),
        ),
        got("H31_empty_and_blank", answer("X-Empty:", "X-Blank:  a  ")),
        got("H32_until_close", raw(b"HTTP/1.1 200 OK\r\n" + M + b"\r\nall of it")),
        got(
            "H32_until_close_1.0", raw(b"HTTP/1.0 200 OK\r\n" + M + b"\r\nall of it"), version="1.0"
        ),
        got(
            "H32_keep_alive_1.0",
            (
                b"HTTP/1.1 200 OK\r\n" + M + b"Transfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n0\r\n\r\n",
            ),
            version="1.0",
        ),
        got(
            "H32_chunked",
            (
                b"HTTP/1.1 200 OK\r\n" + M + b"Transfer-Encoding: chunked\r\n\r\n"
                b"3;x=y\r\nabc\r\n0\r\n\r\n",
            ),
        ),
        got(
            "H32_trailers",
            (
                b"HTTP/1.1 200 OK\r\n" + M + b"Trailer: X-T\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
            ),
        ),
        got(
            "H32_head", (b"HTTP/1.1 200 OK\r\n" + M + b"Content-Length: 9\r\n\r\n",), method="HEAD"
        ),
        got(
            "H32_no_content",
            (b"HTTP/1.1 204 No Content\r\n" + M + b"\r\n",),
            (b"HTTP/1.1 304 Not Modified\r\n" + M + b'ETag: "a"\r\n\r\n',),
        ),
        case(
            "headers/H33_range",
            SPREAD,
            (get("/", "Range: bytes=0-1"), answer("Accept-Ranges: bytes", body=b"0123456789")),
        ),
        case(
            "headers/H33_partial",
            SPREAD,
            (
                get("/", "Range: bytes=0-1"),
                answer("Content-Range: bytes 0-1/10", status="206 Partial Content", body=b"01"),
            ),
        ),
        case(
            "headers/H33_conditional", SPREAD, (get("/", 'If-None-Match: "a"'), answer('ETag: "a"'))
        ),
        *(
            case(
                f"headers/D17_{name}",
                f"SetEnv {variable}\n" + SPREAD.replace("{0}", "{0} upgrade=ANY"),
                get("/x"),
                get("/x", version="1.0"),
                get("/x", "Connection: Upgrade", "Upgrade: websocket"),
                get("/x", method="POST", body=b"abc"),
                get("/x", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n",
            )
            for name, variable in (
                ("nokeepalive", "proxy-nokeepalive 1"),
                ("http10", "force-proxy-request-1.0 1"),
            )
        ),
        # Header and RequestHeader
        sent(
            "header_rules",
            "X-Old: 1",
            "X-Gone: 2",
            site='Header set X-Set "a b"\n'
            "Header append Vary Cookie\nHeader add X-Add 1\nHeader unset X-Member-Secret\n"
            'RequestHeader set X-New "n"\nRequestHeader append X-Old 2\n'
            "RequestHeader unset X-Gone\n" + SPREAD,
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_headers(world: World, name: str) -> None:
    """
    Members see the same request, and clients the same answer, as with Apache.
    """
    check(world, CASES[name])
