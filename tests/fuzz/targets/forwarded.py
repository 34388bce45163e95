"""
Whole client connections: what goes on to members is what h11 reads there, one answer for each.
"""

from __future__ import annotations

from tests.fuzz.pieces import cut
from tests.fuzz.pipe import pass_on
from tests.http1 import payloads
from tests.http1.oracles import Refused, h11_request

_EVIL = b"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
_POST = b"POST /p?q HTTP/1.1\r\nHost: a\r\n"
SEEDS = [
    *(head + b"\r\n\r\n" for head in payloads.REQUESTS[:6]),
    *(head + b"\r\n\r\nhello" + _EVIL for head in payloads.REQUESTS[6:]),
    *(_POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + _EVIL for body in payloads.BODIES),
    _EVIL + _POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc" + _EVIL,
    b"\r\n" + _EVIL,
]
WORDS = [
    *b"Content-Length: 5|Transfer-Encoding: chunked|chunked|Host: b|Connection: |close".split(b"|"),
    *b"keep-alive|Upgrade: websocket|Expect: 100-continue|HTTP/1.0|http://c/|OPTIONS *".split(b"|"),
    *b"\r\n|\r\n\r\n|\r\n |: |0\r\n\r\n|%2e%2e/".split(b"|"),
    *b"/../|;a=b|X_A: b|Max-Forwards: 0|Via: 1.1 a".split(b"|"),
    *b"Cookie: a=b|X-Forwarded-For: 1.2.3.4|Forwarded: for=a|TRACE|HEAD|Trailer: X".split(b"|"),
    _EVIL,
]
_MADE = frozenset(
    (
        *(b"host", b"content-length", b"transfer-encoding", b"connection", b"via", b"forwarded"),
        *(b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-server", b"x-forwarded-proto"),
        *(b"max-forwards", b"expect", b"upgrade", b"te", b"cookie"),
    )
)
"""Headers that are made anew; the rest goes on as it came."""

Seen = list[tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes, list[tuple[bytes, bytes]]]]


def _seen(pieces: list[bytes]) -> Seen:
    """
    Return what members read, of which h11 sees to it that it is HTTP.
    """
    passed = pass_on(pieces)
    got = passed.got
    assert passed.answers.count(b"Content-Length: 2\r\n") == len(got)
    return [
        (
            each.method,
            each.target,
            [pair for pair in each.headers if pair[0] not in _MADE],
            each.body,
            each.trailers,
        )
        for each in got
    ]


def ours(data: bytes) -> None:
    """
    Pass it on at once.
    """
    pass_on([data])


def one(data: bytes) -> None:
    """
    Pass it on at once and in pieces, and compare with what h11 reads of the client's own bytes.
    """
    if not data:
        return
    seen = _seen([data])
    pieces = cut(data)
    if len(pieces) < 400:
        assert _seen(pieces) == seen, "it depends on the pieces"
    rest = data.removeprefix(b"\r\n")
    for method, target, headers, body, _ in seen:
        try:
            message = h11_request(rest)
        except Refused:
            assert _taken_on_purpose(rest), "h11 refuses what was passed on"
            return
        assert message.start[0] == method
        assert message.body == body
        named = {
            token.strip(b" \t").lower()
            for name, value in message.headers
            if name == b"connection"
            for token in value.split(b",")
        }
        expected = [
            (name, value)
            for name, value in message.headers
            if name not in _MADE and name not in named and not _dropped(name)
        ]
        own = [pair for pair in headers if pair in expected]
        assert own == expected, f"headers of {target!r} went astray"
        rest = message.rest.removeprefix(b"\r\n")


def _taken_on_purpose(data: bytes) -> bool:
    """
    Tell whether a request that h11 refuses has bytes over 127 in its target, which Apache passes
    on as well (H56), or trailers that frame, which are dropped here.
    """
    if not data.partition(b"\r\n")[0].isascii():
        return True
    try:
        h11_request(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n0\r\n\r\n")
    except Refused:
        return False
    return True


def _dropped(name: bytes) -> bool:
    return name in (b"keep-alive", b"proxy-connection", b"trailer", b"http2-settings") or (
        name.startswith(b"x-ssl-client-")
    )
