"""
Records and parameters.
"""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fastcgi.application import Application
from txbalancer.errors import BadResponse
from txbalancer.fastcgi import records
from txbalancer.fastcgi.records import RecordReader


def said(kind: int, content: bytes = b"", number: int = 1, padding: int = 0) -> bytes:
    """
    Write a record of an application.
    """
    head = struct.pack(">BBHHBx", 1, kind, number, len(content), padding)
    return head + content + bytes(padding)


ALL = said(7, b"warn", padding=4) + said(6, b"A: b\n\nhi", padding=7) + said(6) + said(3, bytes(8))
FOUND = [(7, b"warn"), (6, b"A: b\n\nhi"), (6, b""), (3, bytes(8))]


@given(st.lists(st.integers(0, len(ALL)), max_size=6))
def test_records_in_any_pieces(cuts: list[int]) -> None:
    """
    However the bytes come, the records are the same; padding is none of them.
    """
    reader, found, last = RecordReader(), [], 0
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
        RecordReader().feed(b"\1" + data)


@pytest.mark.parametrize(
    "data",
    [b"H", b"HTTP/1.1 200 OK\r\n", said(6, b"x") + b"\2", said(6, number=2), said(1), said(9)],
)
def test_no_record(data: bytes) -> None:
    """
    Another version, another request and what only we may say are refused at once.
    """
    with pytest.raises(BadResponse, match="FastCGI record"):
        RecordReader().feed(data)


@pytest.mark.parametrize("kind", [records.GET_VALUES_RESULT, records.UNKNOWN_TYPE])
def test_what_concerns_no_request_is_passed_over(kind: int) -> None:
    """
    Management records are skipped.
    """
    assert RecordReader().feed(said(kind, b"x" * 8, 0) + said(6, b"y")) == [(6, b"y")]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.binary(max_size=9), st.binary(min_size=127, max_size=129)),
            st.one_of(st.binary(max_size=9), st.binary(min_size=127, max_size=129)),
        ),
        max_size=6,
    )
)
def test_parameters_are_read_as_written(found: list[tuple[bytes, bytes]]) -> None:
    """
    Lengths of 128 and above take four bytes.
    """
    assert records.pairs(b"".join(records.pair(*each) for each in found)) == found


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 200000])
def test_content_of_any_length(size: int) -> None:
    """
    It is divided into records that can tell their length.
    """
    data, found = records.stream(records.STDIN, bytes(size)), []
    while data:
        version, kind, number, length, padding = struct.unpack_from(">BBHHBx", data)
        assert (version, kind, number, padding) == (1, records.STDIN, 1, 0)
        found.append(length)
        data = data[8 + length :]
    assert sum(found) == size
    assert len(found) == max(1, -(-size // 65535))


def test_a_request_begins() -> None:
    """
    For a responder, and with the wish to keep the connection.
    """
    assert records.BEGIN[False] == b"\1\1\0\1\0\x08\0\0\0\1\0\0\0\0\0\0"
    assert records.BEGIN[True] == b"\1\1\0\1\0\x08\0\0\0\1\1\0\0\0\0\0"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "ends in another way"),
        (b"\0\0\0\0\1\0\0\0", "cannot take another request"),
        (b"\0\0\0\0\2\0\0\0", "is overloaded"),
        (b"\0\0\0\0\3\0\0\0", "does not know the role"),
        (b"\0\0\0\0\x09\0\0\0", "ended the request with 9"),
    ],
)
def test_requests_that_were_not_carried_out(content: bytes, fault: str) -> None:
    """
    The application's reason is told.
    """
    with pytest.raises(BadResponse, match=fault):
        records.check_end(content)


def test_the_applications_own_status_does_not_count() -> None:
    """
    An exit status other than 0 is no fault of the answer.
    """
    records.check_end(b"\0\0\0\x07\0\0\0\0")


@pytest.mark.parametrize("size", [10, 65535, 65536])
@pytest.mark.parametrize("body", [False, True])
def test_a_request_up_to_its_body(size: int, body: bool) -> None:
    """
    However many parameters there are; without a body its end is there.
    """
    params = records.pair(b"A", bytes(size - 7 if size > 200 else size - 3))
    made = records.request(True, params, body)
    assert made.startswith(records.BEGIN[True])
    application = Application()
    found = application.read(made)
    assert len(found.params["A"]) == len(params) - (6 if size > 200 else 3)
    assert found.ended is not body
