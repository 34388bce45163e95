"""
Whole client connections of HTTP/2: what goes on to members is HTTP/1 that h11 reads, and nothing
but the connection suffers from what breaks the rules.
"""

from __future__ import annotations

from tests.fuzz.pieces import cut
from tests.fuzz.pipe import pass_on
from tests.fuzz.targets import h2_frames
from txbalancer.http2 import frames

_BEGIN = frames.PREFACE + frames.settings_frame(())
_BLOCK = b"\x82\x86\x84\x41\x01a"
SEEDS = [
    *h2_frames.SEEDS,
    frames.frame(frames.HEADERS, 5, 1, _BLOCK) + frames.frame(frames.HEADERS, 5, 3, _BLOCK),
    frames.frame(frames.HEADERS, 4, 1, b"\x83\x86\x84\x41\x01a\x40\x01x\x01y")
    + frames.data_frame(1, b"hello", False)
    + frames.frame(frames.HEADERS, 5, 1, b"\x40\x03x-t\x01z"),
]
WORDS = [
    *h2_frames.WORDS,
    *(
        b"\x10" + bytes((len(each),)) + each + b"\x011"
        for each in (b"content-length", b"te", b"x_y")
    ),
    b"\x00\x06expect\x0c100-continue",
    b"\x00\x09:protocol\x09websocket\x02\x07CONNECT",
]


def one(data: bytes) -> None:
    """
    Pass it on at once and in pieces; h11 reads what members get, with one Host and one framing.
    """
    whole = pass_on([_BEGIN + data])
    assert whole.answers.startswith(b"\x00\x00"), "no settings"
    pieces = cut(data)
    if len(pieces) > 300:
        return
    apart = pass_on([_BEGIN, *pieces])
    for passed in (whole, apart):
        for got in passed.got:
            names = [name for name, _ in got.headers]
            assert names.count(b"host") == 1
            assert names.count(b"content-length") + names.count(b"transfer-encoding") < 2
            assert not any(name.startswith(b":") for name in names)
