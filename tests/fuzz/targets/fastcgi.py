"""
FastCGI: the same records in whatever pieces, and heads of CGI that become heads of HTTP/1.
"""

from __future__ import annotations

import struct
from contextlib import suppress

from tests.fuzz.pieces import cut
from txbalancer.errors import BadResponse
from txbalancer.fastcgi import heads, records
from txbalancer.fastcgi.records import END_REQUEST, RecordReader
from txbalancer.http1.answers import parse_response
from txbalancer.http1.limits import Limits


def _record(kind: int, content: bytes, number: int = 1, padding: int = 0) -> bytes:
    start = struct.pack(">BBHHBx", 1, kind, number, len(content), padding)
    return start + content + bytes(padding)


_END = _record(3, bytes(8))
LIMITS = Limits()
SEEDS = [
    _record(6, b"Status: 404 Not Found\r\nX-A: b\r\n\r\nhello", padding=3) + _record(6, b"") + _END,
    _record(7, b"PHP says") + _record(6, b"Location: /x\n\n") + _END,
    _record(10, b"\x01\x01ab", number=0) + _record(11, bytes(8), number=0),
    _record(6, b"Content-Type: a\n\r\nbody\r\n\r\n"),
]
WORDS = [
    b"\x01\x06\x00\x01",
    b"Status: ",
    b"Location:",
    b"\r\n",
    b"\n\n",
    b"\n\r\n",
    b"HTTP/1.1 200 OK",
    _END,
]


def _read(pieces: list[bytes]) -> list[records.Record] | None:
    reader, found = RecordReader(), []
    try:
        for each in pieces:
            found += reader.feed(each)
    except BadResponse:
        return None
    return found


def one(data: bytes) -> None:
    """
    Read it at once and in pieces, and what the records say.
    """
    found = _read([data])
    assert _read(cut(data)) == found, "it depends on the pieces"
    for kind, content in found or ():
        with suppress(BadResponse):
            if kind == END_REQUEST:
                records.check_end(content)
    said = b"".join(content for kind, content in found or () if kind == records.STDOUT)
    for text in (said, data):
        _check_head(text)


def _check_head(text: bytes) -> None:
    place = heads.find_end(text)
    if place is None:
        assert b"\n\n" not in text
        assert b"\n\r\n" not in text
        return
    end, start = place
    assert text[end:start].count(b"\n") == 2
    # No beginning of it has an end somewhere else.
    assert heads.find_end(text[:start]) == place
    with suppress(BadResponse):
        made = heads.head(text[:end])
        assert b"\n" not in made.replace(b"\r\n", b"")
        parse_response(made, LIMITS)
