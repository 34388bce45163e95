"""
Compressed headers: what is read, hpack reads as well, block after block.

Each block stands behind a byte with its length.
"""

from __future__ import annotations

from typing import Any

import hpack
import hpack.exceptions

from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.hpack import Decoder


def _blocks(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        end = at + 1 + data[at]
        found.append(data[at + 1 : end])
        at = end
    return found


def _joined(blocks: list[bytes]) -> bytes:
    return b"".join(bytes((len(each),)) + each for each in blocks)


def _written(huffman: bool) -> bytes:
    encoder = hpack.Encoder()
    first = encoder.encode([(b":method", b"GET"), (b"x-own", b"v" * 20)], huffman=huffman)
    encoder.header_table_size = 100
    second = encoder.encode([(b"x-own", b"v" * 20), (b"cookie", b"a=b", True)], huffman=huffman)
    return _joined([first, second])


SEEDS = [_written(False), _written(True), b"\x02\x3f\xe1\x1f", b"\x01\x20\x02\x3f\x00\x01\xbe"]
WORDS = [
    b"\x82",
    b"\x40\x01a\x01b",
    b"\xbe",
    b"\xbf",
    b"\x20",
    b"\x3f\xe1\x1f",
    b"\x7f\xff\xff\x0f",
    b"\x84",
]


def one(data: bytes) -> None:
    """
    Read blocks with both.
    """
    ours, theirs = Decoder(), hpack.Decoder(max_header_list_size=1 << 24)
    theirs.max_allowed_table_size = 4096
    for block in _blocks(data):
        try:
            found = ours.decode(block)
        except ConnectionFault:
            return
        assert len(found) <= len(block)
        try:
            fields: Any = theirs.decode(block, raw=True)
        except hpack.exceptions.HPACKError as error:
            raise AssertionError(f"hpack refuses what is taken here: {error!r}") from error
        assert [tuple(each) for each in fields] == found
