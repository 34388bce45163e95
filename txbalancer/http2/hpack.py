"""
Header compression (RFC 7541), strict in reading and plain in writing.

Fields are kept as the pairs that they are in the table, so that one that a client repeats is
the same object each time, and what is known of it need not be found out again.
"""

from __future__ import annotations

from txbalancer.http2.faults import COMPRESSION_ERROR, ConnectionFault
from txbalancer.http2.huffman import decode
from txbalancer.http2.literals import SECRET, Literals, integer
from txbalancer.http2.tables import STATIC, Field

TABLE = 4096
"""Bytes of a dynamic table, as the RFC counts them."""
_OVERHEAD = 32
_MOST_INTEGER = 2**28


def _broken(text: str) -> ConnectionFault:
    return ConnectionFault(COMPRESSION_ERROR, text)


class Decoder:
    """
    Reads blocks of headers, in the order in which they come.

    @ivar secrets: fields of the last block that nobody may index (RFC 7541 6.2.3), beside
        those that never are.
    """

    __slots__ = ("_capacity", "_size", "_table", "secrets")

    def __init__(self) -> None:
        self._table: list[Field] = []
        self._size = 0
        self._capacity = TABLE
        self.secrets: list[Field] = []

    def decode(self, block: bytes) -> list[Field]:
        """
        Read one block. A field that is repeated is one object, so that the memory for the
        list is bounded by the block's size, whatever it refers to.

        @raise ConnectionFault: when it cannot be read; both tables are then of no more use.
        """
        if self.secrets:
            self.secrets = []
        table, static = self._table, STATIC
        fields: list[Field] = []
        at, size = 0, len(block)
        try:
            while at < size:
                first = block[at]
                at += 1
                if first > 128:
                    index = first & 127
                    if index == 127:
                        index, at = _integer(block, at, 127)
                    # The newest entry of the table is the last one, and has index 62.
                    fields.append(static[index] if index < 62 else table[61 - index])
                elif first < 64 and first & 32:
                    if fields:
                        raise _broken("a change of the table's size within a block")
                    at = self._resize(block, at, first & 31)
                elif first != 128:
                    at = self._literal(block, at, first, fields)
                else:
                    raise _broken("the index 0")
        except IndexError:
            raise _broken("a field that is not in the table, or not complete") from None
        except ValueError as error:
            raise _broken(str(error)) from None
        return fields

    def _resize(self, block: bytes, at: int, size: int) -> int:
        if size == 31:
            size, at = _integer(block, at, 31)
        if size > TABLE:
            raise _broken(f"a table of {size} bytes, more than {TABLE}")
        self._capacity = size
        self._evict(0)
        return at

    def _literal(self, block: bytes, at: int, first: int, fields: list[Field]) -> int:
        mask = 63 if first & 64 else 15
        index = first & mask
        if index == mask:
            index, at = _integer(block, at, mask)
        if index:
            name = (STATIC[index] if index < 62 else self._table[61 - index])[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        field = (name, value)
        fields.append(field)
        if first & 0xD0 == 0x10 and name not in SECRET:
            self.secrets.append(field)
        if mask == 63:
            size = len(name) + len(value) + _OVERHEAD
            self._evict(size)
            if size <= self._capacity:
                self._table.append(field)
                self._size += size
        return at

    def _evict(self, room: int) -> None:
        """
        Drop the oldest entries until there is room for another, or none is left.
        """
        table = self._table
        while table and self._size + room > self._capacity:
            name, value = table.pop(0)
            self._size -= len(name) + len(value) + _OVERHEAD


def _integer(block: bytes, at: int, start: int) -> tuple[int, int]:
    """
    Read the rest of an integer that did not fit into its first byte (RFC 7541 5.1).
    """
    shift = 0
    while True:
        byte = block[at]
        at += 1
        start += (byte & 127) << shift
        if start > _MOST_INTEGER or shift > 28:
            raise _broken("an integer that is too large")
        if byte < 128:
            return start, at
        shift += 7


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    first = block[at]
    at += 1
    size = first & 127
    if size == 127:
        size, at = _integer(block, at, 127)
    end = at + size
    data = block[at:end]
    if len(data) != size:
        raise _broken("a string that is not complete")
    return (decode(data) if first & 128 else data), end


class Encoder:
    """
    Writes blocks of headers from header lines of HTTP/1.

    A line is indexed the second time that it is seen on any connection, so that those that
    are never the same twice do not push the others out of the table.
    """

    __slots__ = ("_capacity", "_entries", "_inserted", "_known", "_literals", "_resized", "_size")

    def __init__(self, literals: Literals) -> None:
        """
        @param literals: what lines are as literals; shared by connections of one kind.
        """
        self._literals = literals
        self._known: dict[bytes, int] = {}
        # A list, for an empty deque takes more than all else of an idle connection.
        self._entries: list[tuple[bytes, int]] = []
        self._inserted = self._size = 0
        self._capacity = TABLE
        self._resized: int | None = None

    def resize(self, most: int) -> None:
        """
        Keep the table within what the peer allows; it is told at the next block.
        """
        capacity = min(most, TABLE)
        if capacity != self._capacity or self._resized is not None:
            least = capacity if self._resized is None else min(capacity, self._resized)
            self._resized = least
            self._capacity = least
            self._evict(0)
            self._capacity = capacity

    def encode(self, lines: list[bytes]) -> bytes:
        """
        Write a block.

        @param lines: C{name: value}, pseudo headers first, names in any case.
        """
        known, pieces = self._known, []
        if self._resized is not None:
            pieces = self._tell_size()
        for line in lines:
            number = known.get(line)
            if number is None:
                pieces.append(self._literal(line))
                continue
            index = self._inserted - number + 62
            pieces.append(_INDEXED[index])
        return b"".join(pieces)

    def _tell_size(self) -> list[bytes]:
        least, self._resized = self._resized, None
        assert least is not None
        return [integer(32, 31, each) for each in sorted({least, self._capacity})]

    def _literal(self, line: bytes) -> bytes:
        written, size = self._literals[line]
        if not size:
            return written
        self._evict(size)
        if size > self._capacity:
            return written
        self._inserted += 1
        self._entries.append((line, size))
        self._known[line] = self._inserted
        self._size += size
        return written

    def _evict(self, room: int) -> None:
        while self._entries and self._size + room > self._capacity:
            line, size = self._entries.pop(0)
            self._size -= size
            del self._known[line]


_INDEXED = [integer(128, 127, index) for index in range(62 + TABLE // _OVERHEAD)]
