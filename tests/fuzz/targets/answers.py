"""
Whole answers of members: what clients get is what h11 reads of the member's bytes, or an error.

The first byte chooses the method, by which the end of the answer is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.fuzz.pieces import cut
from tests.fuzz.pipe import NoFailures, make_rig
from tests.http1 import payloads
from tests.http1.oracles import Message, Refused, h11_response

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5"
SEEDS = [
    *(b"G" + head + b"\r\n\r\nhello" for head in payloads.RESPONSES),
    b"H" + _OK + b"\r\n\r\n",
    *(b"G" + payloads.RESPONSES[2] + b"\r\n\r\n" + body for body in payloads.BODIES),
    b"GHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + _OK + b"\r\n\r\nhello" + _OK,
]
WORDS = [
    *b"Content-Length: 5|Transfer-Encoding: chunked|Connection: close|HTTP/1.0 200 OK".split(b"|"),
    *b"HTTP/1.1 304 X|HTTP/1.1 204 X|HTTP/1.1 100 C".split(b"|"),
    *b"HTTP/1.1 101 S|Location: http://10.0.0.1/".split(b"|"),
    *b"\r\n|\r\n\r\n|\r\n |: |0\r\n\r\n".split(b"|"),
    *b"Set-Cookie: a=b; Path=/|Upgrade: x|X-A: |Date: x".split(b"|"),
]
_FRAMING_TRAILER = re.compile(
    rb"\n0+(;[^\r\n]*)?\r\n([^\r\n]+\r\n)*(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE
).search
"""Trailers that frame, which h11 refuses, are dropped here."""
_METHODS = {b"H": b"HEAD", b"P": b"DELETE"}


@dataclass
class Told:
    """
    What a client got.

    @ivar closed: whether its connection ended then.
    """

    raw: bytes
    closed: bool


def _told(method: bytes, pieces: list[bytes]) -> Told:
    rig = make_rig()
    with NoFailures():
        client = rig.client()
        client.send(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
        member = rig.accept()
        for piece in pieces:
            member.send(piece)
        member.end()
        rig.advance(0)
    return Told(client.taken(), bool(client.ended))


def _read(data: bytes, method: bytes, closed: bool) -> Message | None:
    """
    Read the final answer with h11; C{None} when there is no whole one.
    """
    try:
        for _ in range(12):
            message = h11_response(data, method, closed)
            if message.start[0] == b"101" or not message.start[0].startswith(b"1"):
                return message
            data = message.rest
    except (Refused, AssertionError):
        pass
    return None


def ours(data: bytes) -> None:
    """
    Pass it on at once.
    """
    _told(_METHODS.get(data[:1], b"GET"), [data[1:]])


def one(data: bytes) -> None:
    """
    Pass it on at once and in pieces, and compare.
    """
    method, said = _METHODS.get(data[:1], b"GET"), data[1:]
    whole = _told(method, [said])
    answer = _read(whole.raw, method, whole.closed)
    assert whole.raw.startswith(b"HTTP/1.1 "), "no answer at all"
    if answer is None:
        assert whole.closed, "half an answer, and the connection goes on"
    else:
        _compare(answer, said, method)
    pieces = cut(said)
    if not pieces or len(pieces) > 400:
        return
    apart = _told(method, pieces)
    again = _read(apart.raw, method, apart.closed)
    if answer is not None and again is not None and b"502" not in (answer.start[0], again.start[0]):
        assert (again.start, again.body) == (answer.start, answer.body), "it depends on the pieces"


def _compare(answer: Message, said: bytes, method: bytes) -> None:
    (status,) = answer.start
    if status in (b"502", b"504"):
        return
    theirs = _read(said, method, True)
    if theirs is None:
        assert _FRAMING_TRAILER(said), "h11 refuses what was passed on"
        return
    assert theirs.start == answer.start
    assert theirs.body == answer.body
    cookies = [value for name, value in theirs.headers if name == b"set-cookie"]
    assert [value for name, value in answer.headers if name == b"set-cookie"] == cookies
