"""
What containers say.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ajp import container
from tests.ajp.container import CPONG, end, head, packet, piece, string
from txbalancer.ajp import answers, codes
from txbalancer.ajp.answers import PacketReader
from txbalancer.errors import BadResponse

ALL = head((0xA001, b"text/plain"), (b"X-A", b"b")) + piece(b"hello") + end()
FOUND = [
    (codes.SEND_HEADERS, head((0xA001, b"text/plain"), (b"X-A", b"b"))[5:]),
    (codes.SEND_BODY_CHUNK, b"hello"),
    (codes.END_RESPONSE, b"\1"),
]


@given(st.lists(st.integers(0, len(ALL)), max_size=6))
def test_packets_in_any_pieces(cuts: list[int]) -> None:
    """
    However the bytes come, the packets are the same.
    """
    reader, found, last = PacketReader(), [], 0
    for cut in [*sorted(cuts), len(ALL)]:
        found += reader.feed(ALL[last:cut])
        last = cut
    assert found == FOUND


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_unfinished(data: bytes) -> None:
    """
    Nothing but BadResponse comes of garbage.
    """
    with contextlib.suppress(BadResponse):
        for kind, content in PacketReader().feed(b"AB" + data):
            if kind == codes.SEND_HEADERS:
                answers.head(content)


@pytest.mark.parametrize(
    "data",
    [b"H", b"AH", b"HTTP/1.1 200 OK\r\n", b"AB\0\0", b"\x12\x34\0\x01\x09", CPONG + b"x"],
)
def test_no_packet(data: bytes) -> None:
    """
    What cannot be AJP is refused at its first byte.
    """
    with pytest.raises(BadResponse, match="no AJP packet"):
        PacketReader().feed(data)


@pytest.mark.parametrize("payload", [b"\3", b"\3\0", b"\3\0\2a", b"\3\0\2abcd", b"\3\0\0\0\0"])
def test_a_piece_that_is_not_as_long_as_it_says(payload: bytes) -> None:
    """
    Neither more nor less is taken for a body.
    """
    with pytest.raises(BadResponse, match="packet of a body"):
        PacketReader().feed(packet(payload))


def test_the_byte_after_a_piece_may_be_missing() -> None:
    """
    It is not counted by the length; some leave it out.
    """
    assert PacketReader().feed(packet(b"\3\0\2ab")) == [(codes.SEND_BODY_CHUNK, b"ab")]


def test_ends_and_questions() -> None:
    """
    They say one thing each.
    """
    assert answers.flag(b"\1")
    assert not answers.flag(b"\0")
    assert answers.wanted(b"\x1f\xfa") == 8186
    for read, content in ((answers.flag, b""), (answers.flag, b"12"), (answers.wanted, b"1")):
        with pytest.raises(BadResponse):
            read(content)


def test_a_head() -> None:
    """
    Codes become names; a phrase that only repeats the number is none.
    """
    assert answers.head(FOUND[0][1]) == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: b"
    again = head((0xA007, b"a=1"), (0xA007, b"b=2"), status=302, phrase=b"302")[5:]
    assert answers.head(again) == b"HTTP/1.1 302 \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2"
    null = b"\0\xc8\xff\xff\0\0"
    assert answers.head(null) == b"HTTP/1.1 200 "


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=9)), max_size=5),
)
def test_heads_are_read_as_written(status: int, headers: list[tuple[bytes, bytes]]) -> None:
    """
    Each header is a line of its own, or the head is refused.
    """
    content = head(*headers, status=status, phrase=b"x")[5:]
    broken = any(b"\r\n" in name + b": " + value + b"\r\n"[:0] for name, value in headers)
    if broken:
        with pytest.raises(BadResponse, match="line break"):
            answers.head(content)
        return
    with contextlib.suppress(BadResponse):
        lines = answers.head(content).split(b"\r\n")
        assert lines[0] == b"HTTP/1.1 %d x" % status
        assert lines[1:] == [name + b": " + value for name, value in headers]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xc8",
        b"\0\xc8" + string(b"OK"),
        b"\0\xc8" + string(b"OK") + b"\0\1",
        b"\0\xc8" + string(b"OK") + b"\0\1\xa0\x0c" + string(b"x"),
        b"\0\xc8" + string(b"OK") + b"\0\0more",
        b"\0\xc8\0\2OKx\0\0",
        b"\0\xc8\0\x09OK",
        head((b"A", b"b\r\nC: d"))[5:],
        head(phrase=b"OK\r\nC: d")[5:],
    ],
)
def test_broken_heads(content: bytes) -> None:
    """
    A head that breaks off, goes on, or has a code that there is not.
    """
    with pytest.raises(BadResponse):
        answers.head(content)


def test_the_far_end_agrees() -> None:
    """
    The container's side of the tests writes what is read here.
    """
    assert PacketReader().feed(container.OK)[1:] == [
        (codes.SEND_BODY_CHUNK, b"ok"),
        (codes.END_RESPONSE, b"\1"),
    ]
