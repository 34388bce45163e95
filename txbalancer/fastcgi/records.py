"""
Records: what a request is sent in, and what comes back.
"""

from __future__ import annotations

from struct import Struct

from txbalancer.errors import BadResponse

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
GET_VALUES_RESULT, UNKNOWN_TYPE = 10, 11

MOST_CONTENT = 65535

_HEAD = 8
_ID = 1
"""Of every request: a connection carries one at a time."""
_head = Struct(">BBHHBx")
_pack, _unpack = _head.pack, _head.unpack_from
_STATUSES = {
    1: "cannot take another request on this connection",
    2: "is overloaded",
    3: "does not know the role of a responder",
}

Record = tuple[int, bytes]
"""Type and content."""


def record(kind: int, content: bytes) -> bytes:
    """
    Write a record with at most L{MOST_CONTENT} bytes.
    """
    return _pack(1, kind, _ID, len(content), 0) + content


def stream(kind: int, content: bytes) -> bytes:
    """
    Write content of any length in as many records as it takes.
    """
    if len(content) <= MOST_CONTENT:
        return record(kind, content)
    starts = range(0, len(content), MOST_CONTENT)
    return b"".join([record(kind, content[at : at + MOST_CONTENT]) for at in starts])


def begin(keep: bool) -> bytes:
    """
    Write the record that begins a request for a responder.

    @param keep: whether the connection is to stay open after it.
    """
    return record(BEGIN_REQUEST, b"\0\1%c\0\0\0\0\0" % (1 if keep else 0))


BEGIN = {keep: begin(keep) for keep in (False, True)}


def request(keep: bool, params: bytes, body: bool) -> bytes:
    """
    Write a request up to its body.

    @param keep: whether the connection is to stay open after it.
    @param body: whether there is one; else its end is there, too.
    """
    end = END_OF_PARAMS if body else _NO_BODY
    if len(params) > MOST_CONTENT:
        return b"%b%b%b" % (BEGIN[keep], stream(PARAMS, params), end)
    return b"".join((BEGIN[keep], _pack(1, PARAMS, _ID, len(params), 0), params, end))


END_OF_PARAMS = record(PARAMS, b"")
END_OF_STDIN = record(STDIN, b"")
_NO_BODY = END_OF_PARAMS + END_OF_STDIN


def pair(name: bytes, value: bytes) -> bytes:
    """
    Write a parameter.
    """
    return b"%b%b%b%b" % (_length(len(name)), _length(len(value)), name, value)


def pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """
    Read parameters as L{pair} writes them.
    """
    found = []
    at = 0
    while at < len(data):
        name, at = _read_length(data, at)
        value, at = _read_length(data, at)
        found.append((data[at : at + name], data[at + name : at + name + value]))
        at += name + value
    return found


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    if data[at] < 128:
        return data[at], at + 1
    return int.from_bytes(data[at : at + 4], "big") & 0x7FFFFFFF, at + 4


def _length(size: int) -> bytes:
    return b"%c" % size if size < 128 else (size | 0x80000000).to_bytes(4, "big")


class RecordReader:
    """
    Takes apart what an application sends, in whatever pieces it comes.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Record]:
        """
        Take the next bytes; return the records that are complete, but for those that concern
        no request.

        @raise BadResponse: when it is no record of an application.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        found: list[Record] = []
        at, size = 0, len(data)
        while size - at >= _HEAD:
            version, kind, number, length, padding = _unpack(data, at)
            if version != 1:
                raise BadResponse("no FastCGI record")
            end = at + _HEAD + length
            if end + padding > size:
                break
            if number == _ID and kind in (END_REQUEST, STDOUT, STDERR):
                found.append((kind, data[at + _HEAD : end]))
            elif number or kind not in (GET_VALUES_RESULT, UNKNOWN_TYPE):
                raise BadResponse(f"a FastCGI record of type {kind} for request {number}")
            at = end + padding
        else:
            if at < size and data[at] != 1:
                raise BadResponse("no FastCGI record")
        if at < size:
            self._rest = data[at:]
        return found


def check_end(content: bytes) -> None:
    """
    Read how a request ended.

    @raise BadResponse: when it was not carried out.
    """
    if len(content) != 8:
        raise BadResponse("a FastCGI request that ends in another way")
    if content[4]:
        why = _STATUSES.get(content[4], f"ended the request with {content[4]}")
        raise BadResponse(f"the application {why}")
