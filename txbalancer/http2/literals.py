"""
Header lines as literals of header compression: the same on each connection.
"""

from __future__ import annotations

from collections import deque

from txbalancer.http1.lines import HOP_BY_HOP, MOST_DATES
from txbalancer.http2.tables import FIELDS, NAMES

_MOST = 4096
_MOST_BYTES = 1024 * 1024
_LARGEST = 1024
"""Bytes of a table that one line may take."""
_LONGEST_DATE = 64

SECRET = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))
"""Fields that are in no table, so that nothing can be guessed from their size (RFC 7541 7.1)."""

_UNIQUE = frozenset(
    (
        b":path",
        b"age",
        b"content-length",
        b"content-range",
        b"etag",
        b"if-modified-since",
        b"if-none-match",
        b"last-modified",
        b"location",
        b"range",
        b"referer",
    )
)
"""Fields that are hardly ever the same in the next message."""

Literal = tuple[bytes, int]
"""A line as it is written, and its size in the table, 0 for one that is not to be in it."""


class Literals(dict[bytes, Literal]):
    """
    Remembers how lines are written, within bounds.
    """

    __slots__ = ("_bytes", "_dates", "_seen")

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0
        self._seen: set[bytes] = set()
        self._dates: deque[bytes] = deque()

    def __missing__(self, line: bytes) -> Literal:
        if b"\r\n" in line:
            # Lines that always go together may be one.
            each = (_written(*_split(part), 0, 15) for part in line.split(b"\r\n"))
            literal: Literal = b"".join(each), 0
            self._note(line)
            self[line] = literal
            return literal
        name, value = _split(line)
        index = FIELDS.get((name, value))
        if name in HOP_BY_HOP and line != b"te: trailers":
            literal = b"", 0
        elif index is not None:
            literal = bytes((128 | index,)), 0
        elif name in SECRET:
            return _written(name, value, 0x10, 15), 0
        elif name in _UNIQUE:
            literal = _written(name, value, 0, 15), 0
        elif name == b"date" and len(line) <= _LONGEST_DATE:
            return self._date(line, name, value)
        elif line not in self._seen:
            # Perhaps it never comes again; then it must not push others out of the table.
            self._note(line)
            return _written(name, value, 0, 15), 0
        elif len(line) > _LARGEST:
            literal = _written(name, value, 0, 15), 0
        else:
            literal = _written(name, value, 64, 63), len(name) + len(value) + 32
        self._note(line)
        self[line] = literal
        return literal

    def _date(self, line: bytes, name: bytes, value: bytes) -> Literal:
        if len(self._dates) == MOST_DATES:
            self.pop(self._dates.popleft(), None)
        self._dates.append(line)
        literal = self[line] = _written(name, value, 64, 63), len(name) + len(value) + 32
        return literal

    def seal(self, line: bytes) -> None:
        """
        Have a line never indexed, as whoever it came from asked (RFC 7541 6.2.3).
        """
        self._note(line)
        self[line] = _written(*_split(line), 0x10, 15), 0

    def _note(self, line: bytes) -> None:
        self._bytes += len(line)
        if len(self._seen) + len(self) >= _MOST or self._bytes > _MOST_BYTES:
            self.clear()
            self._seen.clear()
            self._bytes = len(line)
        self._seen.add(line)


def _split(line: bytes) -> tuple[bytes, bytes]:
    end = line.index(b":", 1)
    return line[:end].lower(), line[end + 1 :].strip(b" \t")


def _written(name: bytes, value: bytes, kind: int, mask: int) -> bytes:
    index = NAMES.get(name)
    if index is None:
        return bytes((kind,)) + text(name) + text(value)
    return integer(kind, mask, index) + text(value)


def text(data: bytes) -> bytes:
    """
    Write a string as it is.
    """
    return integer(0, 127, len(data)) + data


def integer(kind: int, mask: int, value: int) -> bytes:
    """
    Write an integer into the low bits of a byte, and into more if it needs them (RFC 7541 5.1).
    """
    if value < mask:
        return bytes((kind | value,))
    written = bytearray((kind | mask,))
    value -= mask
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
