"""
Chunked bodies: any split of the bytes reads the same, and nothing doubtful is read at all.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.errors import BadResponse, BalancerError, ClientError
from txbalancer.http1.framing import LAST_CHUNK, ChunkedReader, chunk, last_chunk

NAMES = st.from_regex(r"X-[A-Za-z0-9!#$%&'*+.^`|~-]{1,12}", fullmatch=True).map(str.encode)
VALUES = st.binary(max_size=20).map(
    lambda data: bytes(byte for byte in data if byte == 9 or 31 < byte != 127)
)
TRAILERS = st.lists(st.tuples(NAMES, VALUES).map(lambda pair: b"%b: %b" % pair), max_size=4)
EXTENSIONS = st.sampled_from(
    [b"", b";a", b";a=b", b';a="b;c"', b';a="\\"\t"', b";a=b;c;d=e", b';a=""']
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes, list[bytes]]:
    """
    Make a chunked body: its bytes, the data in it, and its trailers.
    """
    pieces = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
    trailers = draw(TRAILERS)
    written = []
    for piece in pieces:
        zeros, extension = draw(st.sampled_from([b"", b"0", b"000"])), draw(EXTENSIONS)
        size = b"%x" % len(piece)
        size = size.upper() if draw(st.booleans()) else size
        written.append(zeros + size + extension + b"\r\n" + piece + b"\r\n")
    end = b"0" * draw(st.integers(1, 3)) + draw(EXTENSIONS) + b"\r\n"
    written.append(end + b"".join(line + b"\r\n" for line in trailers) + b"\r\n")
    return b"".join(written), b"".join(pieces), trailers


def read(
    pieces: list[bytes], error: type[BalancerError] = ClientError
) -> tuple[bytes, list[bytes], bytes]:
    """
    Read pieces as they come; return data, trailers and what follows the body.
    """
    reader, data = ChunkedReader(error), []
    for place, piece in enumerate(pieces):
        found, rest = reader.feed(piece)
        data.append(found)
        if reader.done:
            return b"".join(data), reader.trailers, rest + b"".join(pieces[place + 1 :])
        assert rest == b""
    raise AssertionError("the body did not end")


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """
    Cut data at places, without empty pieces.
    """
    places = [0, *sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(bodies(), st.binary(max_size=20), st.lists(st.integers(0, 10000), max_size=30))
def test_any_split_reads_the_same(
    body: tuple[bytes, bytes, list[bytes]], rest: bytes, cuts: list[int]
) -> None:
    """
    Data, trailers and rest do not depend on how the bytes come.
    """
    written, data, trailers = body
    assert read(split(written + rest, cuts)) == (data, trailers, rest)


@given(bodies())
def test_byte_by_byte(body: tuple[bytes, bytes, list[bytes]]) -> None:
    """
    The slowest sender is read like the fastest.
    """
    written, data, trailers = body
    assert read([written[at : at + 1] for at in range(len(written))]) == (data, trailers, b"")


@given(st.binary(max_size=60), st.lists(st.integers(0, 100), max_size=8))
def test_any_bytes_at_all(data: bytes, cuts: list[int]) -> None:
    """
    Whatever comes is read or refused with the error of its direction, and split or not alike.
    """

    def outcome(pieces: list[bytes]) -> tuple[bytes, bool] | None:
        reader, found = ChunkedReader(BadResponse), b""
        try:
            for piece in pieces:
                if not reader.done:
                    found += reader.feed(piece)[0]
        except BadResponse:
            return None
        return found, reader.done

    whole = outcome([data])
    pieces = outcome(split(data, cuts) if data else [])
    if whole is not None:
        assert pieces == whole
    else:
        # Piece by piece the fault may not have come to light yet, but it is never a whole body.
        assert pieces is None or not pieces[1]


@given(st.lists(st.binary(max_size=30)), TRAILERS)
def test_what_is_written_can_be_read(pieces: list[bytes], trailers: list[bytes]) -> None:
    """
    The writer's chunks are the reader's; empty data is not taken for the end.
    """
    written = b"".join(map(chunk, pieces)) + last_chunk(trailers)
    assert read([written]) == (b"".join(pieces), trailers, b"")


def test_writer() -> None:
    """
    A chunk is its size, its data and their CRLFs.
    """
    assert chunk(b"") == b""
    assert chunk(b"a" * 26) == b"1a\r\n" + b"a" * 26 + b"\r\n"
    assert last_chunk([]) == LAST_CHUNK == b"0\r\n\r\n"
    assert last_chunk([b"A: b", b"C: d"]) == b"0\r\nA: b\r\nC: d\r\n\r\n"


@pytest.mark.parametrize("error", [ClientError, BadResponse])
@pytest.mark.parametrize(
    "data",
    [
        # sizes
        b"\r\n",
        b"g\r\n",
        b"0x3\r\nabc\r\n",
        b"+3\r\nabc\r\n",
        b"-3\r\nabc\r\n",
        b" 3\r\nabc\r\n",
        b"3 \r\nabc\r\n",
        b"3\t\r\nabc\r\n",
        b"3 ;a\r\nabc\r\n",
        b"3_0\r\nabc\r\n",
        b"1 0\r\nabc\r\n",
        b"3\x00\r\nabc\r\n",
        b"\x0b3\r\nabc\r\n",
        b"3.0\r\nabc\r\n",
        b"'3'\r\nabc\r\n",
        "٣\r\nabc\r\n".encode(),
        b"1" * 16 + b"\r\nabc\r\n",
        b"10000000000000003\r\nabc\r\n",
        b"0" * 16 + b"3\r\nabc\r\n",
        # ends of lines
        b"3\nabc\r\n0\r\n\r\n",
        b"3\rabc\r\n0\r\n\r\n",
        b"3\r\r\nabc\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc\r0\r\n\r\n",
        b"3\r\nabc\n",
        b"3\r\nabc\rx",
        # extensions
        b"3;\r\nabc\r\n",
        b"3;=b\r\nabc\r\n",
        b"3;a=\r\nabc\r\n",
        b'3;a="b\r\nabc\r\n',
        b'3;a="b"c\r\nabc\r\n',
        b"3;a b\r\nabc\r\n",
        b"3; a\r\nabc\r\n",
        b"3;a\x00\r\nabc\r\n",
        b"3;a\nb\r\nabc\r\n",
        b"3;a\rb\r\nabc\r\n",
        b'3;a="\n"\r\nabc\r\n',
        b'3;a="\\\n"\r\nabc\r\n',
        b"3,a\r\nabc\r\n",
        b"3;" + b"a" * 1024 + b"\r\nabc\r\n",
        b"3;" + b"a" * 1025,
        # trailers
        b"0\r\nA\r\n\r\n",
        b"0\r\n: b\r\n\r\n",
        b"0\r\nA : b\r\n\r\n",
        b"0\r\n A: b\r\n\r\n",
        b"0\r\nA: b\r\n c\r\n\r\n",
        b"0\r\nA: \x00\r\n\r\n",
        b"0\r\nA: b\nC: d\r\n\r\n",
        b"0\r\nA: b\rC: d\r\n\r\n",
        b"0\r\nA: b\n\n",
        b"0\r\nA: b\r\r\n\r\n",
        b"0\n\n",
        b"0\n\r\n",
        b"0\r\n\n",
        b"0\r\n" + b"A: b\r\n" * 65,
        b"0\r\nA: " + b"b" * 8192 + b"\r\n\r\n",
        b"0\r\nA: " + b"b" * 8192,
        b"0\r\n" + (b"A: " + b"b" * 2000 + b"\r\n") * 5,
        b"0\r\nGET / HTTP/1.1\r\n\r\n",
    ],
)
def test_refused(data: bytes, error: type[ClientError] | type[BadResponse]) -> None:
    """
    PEERS 2.13: no signs, no blanks, no junk, no line ends but CRLF, in both directions.
    """
    with pytest.raises(error):
        read([data], error)
    with pytest.raises(error):
        read([data[at : at + 1] for at in range(len(data))], error)


def test_the_limits_themselves_pass() -> None:
    """
    A size line of 1024 bytes, 64 trailers, and 15 digits of size are read.
    """
    assert read([b"1;" + b"a" * 1022 + b"\r\nx\r\n0\r\n\r\n"])[0] == b"x"
    assert len(read([b"0\r\n" + b"X-A: b\r\n" * 64 + b"\r\n"])[1]) == 64
    reader = ChunkedReader(ClientError)
    assert reader.feed(b"f" * 15 + b"\r\nabc") == (b"abc", b"")
    assert not reader.done


def test_trailers_are_filtered() -> None:
    """
    RFC 9110 6.5.1: framing, routing and authentication are dropped from trailers, and so are
    names with an underscore, which may be taken for them.
    """
    kept = [b"X-Checksum: 1", b"x-empty:"]
    dropped = [
        b"Content-Length: 3",
        b"transfer-encoding: chunked",
        b"HOST: evil.example",
        b"Connection: close",
        b"Cookie: a=b",
        b"Set-Cookie: a=b",
        b"Authorization: Basic eA==",
        b"X-Forwarded-For: 127.0.0.1",
        b"Content-Type: text/html",
        b"Location: /",
        b"Upgrade: h2c",
        b"Content_Length: 3",
    ]
    written = b"0\r\n" + b"\r\n".join([kept[0], *dropped, kept[1]]) + b"\r\n\r\n"
    assert read([written])[1] == kept


def test_nothing_is_read_past_the_end() -> None:
    """
    The next request stays as it is, also when it looks like more of the body.
    """
    assert read([b"0\r\n\r\n0\r\n\r\n"]) == (b"", [], b"0\r\n\r\n")
    assert read([b"1\r\na\r\n0\r\n\r\nGET /", b" HTTP"]) == (b"a", [], b"GET / HTTP")
