"""
The header lines of heads: what is refused with which status (PEERS 2.13), and what they say.
"""

from __future__ import annotations

import pytest

from tests.http1.build import request, response
from txbalancer.errors import BadResponse, ClientError
from txbalancer.http1.heads import CHUNKED, NO_BODY
from txbalancer.http1.limits import Limits

HOST = b"Host: www.example.com"
START = b"GET / HTTP/1.1"

REFUSED = {
    # two framings
    "CL and TE": (400, b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    "TE and CL": (400, b"Transfer-Encoding: chunked", b"Content-Length: 3"),
    "two CL": (400, b"Content-Length: 3", b"Content-Length: 4"),
    "two CL of other case": (400, b"Content-Length: 3", b"CONTENT-LENGTH: 3"),
    "same CL twice": (400, b"Content-Length: 3", b"Content-Length: 3"),
    "CL list": (400, b"Content-Length: 3, 3"),
    # what is no length
    "CL with plus": (400, b"Content-Length: +3"),
    "CL with minus": (400, b"Content-Length: -3"),
    "CL hexadecimal": (400, b"Content-Length: 0x3"),
    "CL with letters": (400, b"Content-Length: abc"),
    "CL with a blank inside": (400, b"Content-Length: 1 2"),
    "CL with a point": (400, b"Content-Length: 3.0"),
    "CL with underscore": (400, b"Content-Length: 1_0"),
    "CL of other digits": (400, "Content-Length: ٣".encode()),
    "CL empty": (400, b"Content-Length:"),
    "CL too long": (400, b"Content-Length: " + b"9" * 19),
    # transfer codings
    "TE twice": (400, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "TE chunked twice in one": (400, b"Transfer-Encoding: chunked, chunked"),
    "TE identity": (400, b"Transfer-Encoding: identity"),
    "TE not final": (400, b"Transfer-Encoding: chunked, gzip"),
    "TE alien": (400, b"Transfer-Encoding: xchunked"),
    "TE with parameter": (400, b"Transfer-Encoding: chunked;q=1"),
    "TE quoted": (400, b'Transfer-Encoding: "chunked"'),
    "TE empty": (400, b"Transfer-Encoding:"),
    "TE vertical tab": (400, b"Transfer-Encoding:\x0bchunked"),
    "TE gzip, chunked": (501, b"Transfer-Encoding: gzip, chunked"),
    "TE empty, chunked": (501, b"Transfer-Encoding: , chunked"),
    # lines
    "bare LF": (400, b"A: b\nC: d"),
    "bare LF at the end": (400, b"A: b\n"),
    "bare CR": (400, b"A: b\rC: d"),
    "CR CR LF": (400, b"A: b\r"),
    "NUL in a value": (400, b"A: b\x00c"),
    "control in a value": (400, b"A: b\x1fc"),
    "DEL in a value": (400, b"A: b\x7fc"),
    "NUL in a name": (400, b"A\x00: b"),
    "folded with blank": (400, b"A: b", b" c"),
    "folded with tab": (400, b"A: b", b"\tc"),
    "blank before colon": (400, b"Content-Length : 3"),
    "tab before colon": (400, b"Transfer-Encoding\t: chunked"),
    "blank in a name": (400, b"Content Length: 3"),
    "no colon": (400, b"Content-Length"),
    "known name without colon": (400, b"Host"),
    "empty name": (400, b": b"),
    "empty line": (400, b""),
    "non-ASCII name": (400, b"Caf\xe9: b"),
    "name with parenthesis": (400, b"A(b): c"),
    "name with slash": (400, b"A/b: c"),
    "name with at": (400, b"A@b: c"),
    # Host
    "two Hosts": (400, b"Host: www.example.com"),
    "two Hosts of other case": (400, b"HOST: evil.example"),
    # expectations
    "Expect of else": (417, b"Expect: 200-ok"),
    "Expect twice": (417, b"Expect: 100-continue", b"expect: 100-continue"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_header_lines(name: str) -> None:
    """
    What two readers may take in two ways is refused, with the status that fits.
    """
    status, *lines = REFUSED[name]
    with pytest.raises(ClientError) as caught:
        request(*lines)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "name", [name for name in REFUSED if REFUSED[name][0] == 400 and "Host" not in name]
)
def test_answers_are_read_as_strictly(name: str) -> None:
    """
    The same lines in an answer are refused, so that a member cannot smuggle either.
    """
    with pytest.raises(BadResponse) as caught:
        response(*REFUSED[name][1:])
    assert caught.value.status == 502


# -- lines


def test_lines_pass_as_sent_and_in_order() -> None:
    """
    Headers that are none of our business go on byte by byte, repeated ones where they stood.
    """
    lines = [
        b"X-A:1",
        b"x-b:  2 ",
        b"X-A: 3",
        b"Accept: */*",
        b"Cookie: a=1",
        b"X-C:",
        b"x-A: \xe9\t!",
    ]
    assert request(*lines).lines == lines


def test_hop_by_hop_headers_are_taken_out() -> None:
    """
    H4: what concerns this connection only, or is made anew, is not passed on.
    """
    head = request(
        b"Connection: keep-alive",
        b"Keep-Alive: timeout=5",
        b"proxy-connection: close",
        b"TE: trailers",
        b"Trailer: X",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAA",
        b"Content-Length: 3",
        b"Max-Forwards: 3",
        b"X-Forwarded-For: 1.2.3.4",
        b"Via: 1.1 a",
        b"Forwarded: for=a",
        b"Proxy-Authorization: Basic eA==",
    )
    assert head.lines == [b"Proxy-Authorization: Basic eA=="]


def test_names_in_connection_are_taken_out() -> None:
    """
    RFC 9110 7.6.1: the headers that Connection names go no further, however they are written.
    """
    head = request(
        b"X-Private: 1", b"Cookie: a=1", b"X-Other: 2", b"connection: close, X-PRIVATE ,cookie,"
    )
    assert head.lines == [b"X-Other: 2"]
    assert head.header(b"cookie") is None


def test_connection_cannot_take_framing_away() -> None:
    """
    Naming Host or the framing in Connection changes nothing, for they are made anew.
    """
    head = request(
        b"Content-Length: 3", b"Expect: 100-continue", b"Connection: host, content-length, expect"
    )
    assert (head.host, head.body, head.expects) == (b"www.example.com", 3, True)
    assert request(b"Transfer-Encoding: chunked", b"Connection: transfer-encoding").body == CHUNKED


def test_connection_names_in_an_answer() -> None:
    """
    A member's Connection takes headers out of its answer, but not its framing.
    """
    head = response(b"X-Private: 1", b"Content-Length: 3", b"Connection: x-private, content-length")
    assert (head.lines, head.length, head.keep_alive) == ([], 3, True)


@pytest.mark.parametrize(
    ("start", "connection", "kept"),
    [
        (b"GET / HTTP/1.1", None, True),
        (b"GET / HTTP/1.0", None, False),
        (b"GET / HTTP/1.1", b"close", False),
        (b"GET / HTTP/1.1", b"Close", False),
        (b"GET / HTTP/1.1", b"keep-alive", True),
        (b"GET / HTTP/1.0", b"keep-alive", True),
        (b"GET / HTTP/1.0", b"Keep-Alive", True),
        (b"GET / HTTP/1.0", b"KEEP-ALIVE , x", True),
        (b"GET / HTTP/1.0", b"x", False),
        (b"GET / HTTP/1.1", b"keep-alive, close", False),
        (b"GET / HTTP/1.0", b"keep-alive, close", False),
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"closed", True),
    ],
)
def test_keep_alive(start: bytes, connection: bytes | None, kept: bool) -> None:
    """
    HTTP/1.1 stays unless told to close, HTTP/1.0 closes unless told to stay; close wins.
    """
    lines = [] if connection is None else [b"Connection: " + connection]
    assert request(*lines, start=start).keep_alive is kept
    answer = start[-8:] + b" 200 OK"
    assert response(*lines, start=answer).keep_alive is kept


def test_repeated_connection_headers_count_together() -> None:
    """
    Two Connection lines are one list.
    """
    head = request(b"Connection: keep-alive", b"X-A: 1", b"Connection: close, x-a")
    assert head.keep_alive is False
    assert head.lines == []


def test_upgrade() -> None:
    """
    An upgrade is offered only with Connection: upgrade, and only in HTTP/1.1.
    """
    offer = (b"Connection: keep-alive, Upgrade", b"Upgrade: websocket")
    assert request(*offer).upgrade == b"websocket"
    assert request(*offer, start=b"GET / HTTP/1.0").upgrade == b""
    assert request(b"Upgrade: websocket").upgrade == b""
    assert request(b"Connection: upgrade").upgrade == b""
    assert request(b"Connection: upgrade", b"Upgrade: a", b"Upgrade: b").upgrade == b"a, b"


def test_expectation() -> None:
    """
    100-continue is understood in any case, and ignored in HTTP/1.0.
    """
    assert request(b"Expect: 100-Continue").expects is True
    assert request(b"Expect: 100-continue", start=b"PUT / HTTP/1.0").expects is False
    assert request().expects is False


def test_repeated_headers_are_joined_when_looked_up() -> None:
    """
    Repeated values are one list; cookies are joined by a semicolon, as RFC 6265 has them.
    """
    head = request(
        b"X-A: 1", b"x-a:\t2 ", b"Cookie: a=1", b"cookie: b=2", b"Accept: a", b"Accept: b"
    )
    assert head.header(b"x-a") == b"1, 2"
    assert head.header(b"cookie") == b"a=1; b=2"
    assert head.header(b"accept") == b"a, b"
    assert head.header(b"x-b") is None
    assert response(b"Set-Cookie: a", b"Set-Cookie: b").header(b"set-cookie") == b"a, b"
    assert response(b"Server: x").header(b"server") == b"x"
    assert response(b"Content-Length: 3").header(b"content-length") == b"3"


@pytest.mark.parametrize("name", [b"X_A", b"Content_Length", b"_"])
def test_underscores(name: bytes) -> None:
    """
    Names with an underscore are dropped, passed on or refused, as the listener says.
    """
    line = name + b": 1"
    assert request(line, b"X-B: 2").lines == [b"X-B: 2"]
    assert request(line, limits=Limits(underscores="keep")).lines == [line]
    with pytest.raises(ClientError, match="underscore"):
        request(line, limits=Limits(underscores="refuse"))
    assert response(line).lines == [line]


# -- framing


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ((), NO_BODY),
        ((b"Content-Length: 0",), 0),
        ((b"Content-Length: 12",), 12),
        ((b"Content-Length:\t007 ",), 7),
        ((b"Content-Length: " + b"9" * 18,), 10**18 - 1),
        ((b"Transfer-Encoding: chunked",), CHUNKED),
        ((b"transfer-encoding:CHUNKED",), CHUNKED),
    ],
)
def test_request_body(lines: tuple[bytes, ...], body: int) -> None:
    """
    A request has a body only when its head says so.
    """
    assert request(*lines).body == body


def test_no_chunks_in_1_0() -> None:
    """
    Transfer-Encoding in HTTP/1.0 is refused: such a reader may not know it (RFC 9112 6.1).
    """
    with pytest.raises(ClientError, match=r"1\.0"):
        request(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0")
    with pytest.raises(BadResponse, match=r"1\.0"):
        response(b"Transfer-Encoding: chunked", start=b"HTTP/1.0 200 OK")
