"""
Heads of HTTP/2: what is taken is a head of HTTP/1 that is taken as well, and says the same.

Lines C{name: value}, pseudo headers among them; the first byte tells whether there is a body.
"""

from __future__ import annotations

from contextlib import suppress

from txbalancer.errors import BadResponse, ClientError
from txbalancer.http1.answers import parse_response
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request
from txbalancer.http2.faults import Malformed
from txbalancer.http2.heads import read_request, read_response, read_trailers

_USUAL = b":method: GET\n:scheme: https\n:authority: a.test\n:path: /x?y=1"
SEEDS = [
    b"E" + _USUAL,
    b"B" + _USUAL.replace(b"GET", b"POST") + b"\ncontent-length: 5\ncookie: a=b\ncookie: c=d",
    b"E:method: CONNECT\n:protocol: websocket\n:scheme: http\n:authority: a\n:path: /",
    b"E:method: OPTIONS\n:scheme: http\n:authority: a:80\n:path: *\nte: trailers\nx_y: 1",
    b"E:status: 200\ncontent-type: a\nset-cookie: a=b\nvia: 2 x",
    b"E" + _USUAL + b"\nexpect: 100-continue\nhost: A.test\nx: \xff",
]
WORDS = [
    *b":method: |:scheme: |:authority: |:path: |:protocol: ".split(b"|"),
    *b":status: |\n|: |content-length: ".split(b"|"),
    *b"transfer-encoding: chunked|connection: close|te: trailers|host: ".split(b"|"),
    *b"cookie: |\r|\0| ".split(b"|"),
]
_LIMITS = [
    Limits(underscores="keep"),
    Limits(line=40, headers=4, url=20),
    Limits(underscores="refuse"),
]


def one(data: bytes) -> None:
    """
    Read them as a request's, an answer's and as trailers.
    """
    ended = data[:1] == b"E"
    fields = [_field(line) for line in data[1:].split(b"\n")]
    for limits in _LIMITS:
        with suppress(ClientError, Malformed):
            head = read_request(fields, ended, limits)
            if limits is _LIMITS[0]:
                _check_request(head)
        with suppress(BadResponse):
            answer = read_response(fields, limits)
            again = parse_response(
                b"\r\n".join([answer.start, *answer.lines]), Limits(underscores="keep")
            )
            assert again.lines == answer.lines
        with suppress(BadResponse):
            for line in read_trailers(fields, BadResponse, limits):
                assert b"\r" not in line
                assert b"\n" not in line


def _check_request(head) -> None:  # type: ignore[no-untyped-def]
    start = b"%b %b HTTP/1.1" % (head.method, head.target)
    text = b"\r\n".join((start, b"Host: " + head.host, *head.lines))
    again = parse_request(text, _LIMITS[0])
    assert (again.method, again.target, again.path, again.query) == (
        head.method,
        head.target,
        head.path,
        head.query,
    )
    assert again.lines == head.lines
    assert again.host == head.host


def _field(line: bytes) -> tuple[bytes, bytes]:
    end = line.find(b":", 1)
    name, value = (line[:end], line[end + 1 :]) if end > 0 else (line, b"")
    return name, value.removeprefix(b" ")
