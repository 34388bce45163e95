"""
Header compression, held against another implementation.
"""

from __future__ import annotations

from contextlib import suppress

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txbalancer.http2.faults import COMPRESSION_ERROR, ConnectionFault
from txbalancer.http2.hpack import TABLE, Decoder, Encoder
from txbalancer.http2.literals import Literals, integer
from txbalancer.http2.tables import STATIC

NAMES = st.sampled_from(
    [b"accept", b":path", b"x-own", b"cookie", b"content-type", b"etag", b"a" * 200, b"set-cookie"]
)
VALUES = st.one_of(
    st.sampled_from([b"", b"*/*", b"GET", b"a=b", b"v" * 900, b"w" * 5000]), st.binary(max_size=60)
)
BLOCKS = st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=12), max_size=12)


@settings(deadline=None)
@given(BLOCKS, st.data())
def test_reads_what_another_writes(
    blocks: list[list[tuple[bytes, bytes]]], data: st.DataObject
) -> None:
    """
    Blocks in a row are read as they were meant, with Huffman's code or without, with
    fields that must not be indexed, and with tables that change their size.
    """
    encoder, decoder = hpack.Encoder(), Decoder()
    for block in blocks:
        if data.draw(st.booleans()):
            encoder.header_table_size = data.draw(st.sampled_from([0, 64, 200, 4096]))
        written = encoder.encode(
            [(name, value, data.draw(st.booleans())) for name, value in block],
            huffman=data.draw(st.booleans()),
        )
        assert decoder.decode(written) == block


LINES = st.lists(
    st.tuples(
        st.sampled_from([b"Accept", b"X-Own", b"Cookie", b"Date", b"ETag", b"Content-Type", b"TE"]),
        st.sampled_from(
            [b"1", b"2", b"trailers", b"text/html", b"v" * 900, b"w" * 2000, b"x" * 60]
        ),
    ),
    max_size=10,
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=30), st.data())
def test_another_reads_what_is_written(
    blocks: list[list[tuple[bytes, bytes]]], data: st.DataObject
) -> None:
    """
    Header lines of HTTP/1 arrive as fields, lower case, in their order, but for those of one
    connection; also when the peer changes what its table may have.
    """
    encoder, decoder = Encoder(Literals()), hpack.Decoder(max_header_list_size=2**20)
    for lines in blocks:
        for _ in range(data.draw(st.integers(0, 2))):
            encoder.resize(data.draw(st.sampled_from([0, 70, 1000, 4096, 65536])))
        written = encoder.encode([b":status: 200", *(b"%b: %b" % line for line in lines)])
        assert len(written) <= 3 + sum(len(name) + len(value) + 10 for name, value in lines) + 10
        expected = [(name.lower(), value) for name, value in lines if name != b"TE"]
        got = [tuple(field) for field in decoder.decode(written, raw=True)]
        assert got == [(b":status", b"200"), *expected]


def test_repeated_lines_become_single_bytes() -> None:
    """
    What comes with each answer takes one byte from its third time on, on any connection.
    """
    literals = Literals()
    lines = [b":status: 200", b"Server: nginx", b"Content-Type: text/plain"]
    first, second = Encoder(literals), Encoder(literals)
    first.encode(lines)
    first.encode(lines)
    assert len(first.encode(lines)) == 3
    second.encode(lines)
    assert len(second.encode(lines)) == 3


def test_what_differs_each_time_does_not_fill_the_table() -> None:
    """
    A line that was never seen before is not indexed.
    """
    encoder = Encoder(Literals())
    usual = [b"Server: nginx", b"X-Powered-By: patience"]
    for number in range(500):
        encoder.encode([*usual, b"X-Request-Id: %d" % number])
    assert len(encoder.encode(usual)) == 2


def test_secrets_are_never_indexed() -> None:
    """
    Cookies and credentials are written so that nobody after us may index them (RFC 7541 7.1.3).
    """
    encoder = Encoder(Literals())
    for line in (b"Cookie: a=b", b"Authorization: Basic eA==", b"Set-Cookie: a=b"):
        for _ in range(3):
            assert encoder.encode([line])[0] & 0xF0 == 0x10


def test_lines_in_one_are_fields_of_their_own() -> None:
    """
    Two lines that are made together do not become one value with a line break in it.
    """
    decoder = hpack.Decoder()
    written = Encoder(Literals()).encode([b"X-A: 1\r\nX-B: 2"])
    assert decoder.decode(written, raw=True) == [(b"x-a", b"1"), (b"x-b", b"2")]


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x80", "index 0"),
        (b"\xbe", "not in the table"),
        (b"\xff\xff\xff\xff\xff\x7f", "too large"),
        (b"\xff\x80\x80\x80\x80\x80\x80\x00", "too large"),
        (b"\xff", "not complete"),
        (b"\x40\x05ab", "not complete"),
        (b"\x40", "not complete"),
        (b"\x40\x01a", "not complete"),
        (b"\x82\x20", "within a block"),
        (b"\x3f\xe2\x1f", "more than 4096"),
        (b"\x40\x81\x00\x01a", "Huffman"),
        (b"\x7f\x00\x01a", "not in the table"),
    ],
)
def test_blocks_that_cannot_be_read(block: bytes, why: str) -> None:
    """
    What cannot be read ends the connection, for the tables are of no more use.
    """
    with pytest.raises(ConnectionFault, match=why) as caught:
        Decoder().decode(block)
    assert caught.value.code == COMPRESSION_ERROR


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(block: bytes) -> None:
    """
    Nothing but a fault comes of junk.
    """
    with suppress(ConnectionFault):
        Decoder().decode(block)


def test_a_bomb_is_one_object() -> None:
    """
    A field that is referred to thousands of times takes its memory once.
    """
    decoder = Decoder()
    large = b"x" * 4000
    decoder.decode(b"\x40\x01a" + integer(0, 127, len(large)) + large)
    fields = decoder.decode(b"\xbe" * 10000)
    assert len(fields) == 10000
    assert len({id(field) for field in fields}) == 1


def test_the_table_is_bounded() -> None:
    """
    Entries that do not fit push the oldest out, and one larger than the table all of them.
    """
    decoder = Decoder()
    for number in range(1000):
        value = b"%d" % number
        decoder.decode(b"\x40\x01a" + integer(0, 127, len(value)) + value)
    assert decoder._size <= TABLE
    large = b"x" * 5000
    decoder.decode(b"\x40\x01a" + integer(0, 127, len(large)) + large)
    assert decoder._size == 0


def test_the_static_table() -> None:
    """
    The static table is that of the RFC.
    """
    published = hpack.table.HeaderTable.STATIC_TABLE
    assert list(STATIC[1:]) == [(name, value) for name, value in published]


def test_dates_are_indexed_and_forgotten() -> None:
    """
    A date is the same for a second, and never again.
    """
    literals = Literals()
    encoder, decoder = Encoder(literals), hpack.Decoder(max_header_list_size=2**20)
    for number in range(200):
        line = b"Date: Sun, 22 Nov 2026 04:00:%03d GMT" % number
        first, again = encoder.encode([line]), encoder.encode([line])
        assert len(again) == 1
        for written in (first, again):
            assert decoder.decode(written, raw=True) == [(b"date", line[6:])]
    assert len(literals) == 64


def test_literals_are_bounded() -> None:
    """
    However many lines there are, what is remembered of them is bounded.
    """
    literals = Literals()
    for number in range(10000):
        for _ in range(2):
            literals[b"X-%d: %d" % (number, number)]
    assert len(literals) <= 4096
    for number in range(40):
        for _ in range(2):
            literals[b"X-%d: " % number + b"v" * 65536]
    assert len(literals) < 40


def test_what_came_so_that_nobody_may_index_it() -> None:
    """
    It is told apart, and goes on so (RFC 7541 6.2.3); what never is indexed is known anyway.
    """
    decoder = Decoder()
    decoder.decode(b"\x10\x01a\x01b" + b"\x00\x01c\x01d" + b"\x40\x01e\x01f" + b"\x1f\x08\x01x")
    assert decoder.secrets == [(b"a", b"b")]
    literals = Literals()
    literals.seal(b"a: b")
    encoder = Encoder(literals)
    for _ in range(3):
        assert encoder.encode([b"a: b"]) == b"\x10\x01a\x01b"
