"""
Chunked bodies: data, trailers and end are those that h11 and llhttp see, in whatever pieces.
"""

from __future__ import annotations

from tests.fuzz.pieces import cut
from tests.http1 import payloads
from tests.http1.oracles import Refused, h11_request, llhttp_request
from txbalancer.errors import ClientError
from txbalancer.http1.framing import ChunkedReader, chunk, last_chunk

SEEDS = payloads.BODIES
WORDS = [
    b"0\r\n\r\n",
    b"\r\n",
    b";",
    b'="',
    b"\\",
    b"fffffffffffffff",
    b"0000",
    b"Content-Length: 1",
]
_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_NEXT = b"GET /next HTTP/1.1\r\nHost: b\r\n\r\n"

Read = tuple[bytes, list[bytes], bytes]
"""Data, trailers and what follows."""


def _read(pieces: list[bytes]) -> Read | None:
    """
    Read a whole body; C{None} when it is none, or not whole.
    """
    reader, found, rest = ChunkedReader(ClientError), b"", b""
    try:
        for piece in pieces:
            if reader.done:
                rest += piece
            else:
                data, rest = reader.feed(piece)
                found += data
    except ClientError:
        return None
    return (found, reader.trailers, rest) if reader.done else None


def ours(data: bytes) -> None:
    """
    Read it at once.
    """
    _read([data])


def one(data: bytes) -> None:
    """
    Read it in two ways, and compare with others.
    """
    found = _read([data])
    if data:
        assert _read(cut(data)) == found, "it depends on the pieces"
    if found is None:
        return
    text, trailers, rest = found
    assert _read([chunk(text) + last_chunk(trailers)]) == (text, trailers, b"")
    body = data[: len(data) - len(rest)]
    for read, follows in ((h11_request, _NEXT), (llhttp_request, b"")):
        try:
            message = read(_HEAD + body + follows)
        except Refused:
            # llhttp looks for framing in trailers, which is dropped here.
            assert body.partition(b"0\r\n")[2] != b"\r\n", f"{read.__name__} refuses it"
            continue
        assert (message.body, message.rest) == (text, follows)
        for line in trailers:
            name, _, value = line.partition(b":")
            assert (name.lower(), value.strip(b" \t")) in message.trailers
