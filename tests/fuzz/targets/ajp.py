"""
AJP: the same packets in whatever pieces, and heads that are heads of HTTP/1 or refused there.
"""

from __future__ import annotations

from contextlib import suppress

from tests.ajp.container import CPONG, end, head, packet, piece
from tests.fuzz.pieces import cut
from txbalancer.ajp import answers, codes
from txbalancer.ajp.answers import PacketReader
from txbalancer.errors import BadResponse
from txbalancer.http1.answers import parse_response
from txbalancer.http1.limits import Limits

LIMITS = Limits()
SEEDS = [
    head((0xA001, b"text/plain"), (b"X-A", b"b")) + piece(b"hello") + end(),
    head() + end() + CPONG,
    packet(b"\x06\x1f\xfa") + piece(b""),
]
WORDS = [
    b"AB",
    b"\xa0\x03",
    b"\x00\x01",
    b"\xff\xff",
    b"AB\x00\x02\x05\x01",
    b"Content-Length",
    b"\r\n",
]


def _read(pieces: list[bytes]) -> list[answers.Packet] | None:
    reader, found = PacketReader(), []
    try:
        for each in pieces:
            found += reader.feed(each)
    except BadResponse:
        return None
    return found


def one(data: bytes) -> None:
    """
    Read it at once and in pieces, and what the packets say.
    """
    found = _read([data])
    assert _read(cut(data)) == found, "it depends on the pieces"
    for kind, content in found or ():
        with suppress(BadResponse):
            if kind == codes.SEND_HEADERS:
                made = answers.head(content)
                assert b"\r\n\r\n" not in made
                parse_response(made, LIMITS)
            elif kind == codes.END_RESPONSE:
                answers.flag(content)
            elif kind == codes.GET_BODY_CHUNK:
                assert 0 <= answers.wanted(content) < 65536
