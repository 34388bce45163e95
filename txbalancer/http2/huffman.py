"""
Strings of HTTP/2 headers in Huffman's code (RFC 7541 section 5.2 and appendix B).

The code is canonical: the lengths of the code words say all about it. Reading goes byte by
byte through a table that is filled as it is used; what is written here is never in this code,
for it costs more than the bytes that it saves.
"""

from __future__ import annotations

from functools import lru_cache

_LENGTHS = """
    13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28
    28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
    6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6
    5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
    13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7
    7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
    15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5
    6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
    20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23
    24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
    22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23
    21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
    26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25
    19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
    20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23
    26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26
    30
"""
"""Bits of each octet's code word, and of the end's."""

_END = 256
_Node = list["_Node | int | None"]


def _tree() -> _Node:
    """
    Make the tree of the code: two branches of each node, octets at the ends.
    """
    root: _Node = [None, None]
    code = length = 0
    lengths = [int(each) for each in _LENGTHS.split()]
    for symbol in sorted(range(_END + 1), key=lambda each: (lengths[each], each)):
        code <<= lengths[symbol] - length
        length = lengths[symbol]
        node = root
        for bit in range(length - 1, 0, -1):
            branch = code >> bit & 1
            deeper = node[branch]
            if not isinstance(deeper, list):
                deeper = node[branch] = [None, None]
            node = deeper
        node[code & 1] = symbol
        code += 1
    return root


class _Steps(dict[int, "tuple[int, bytes]"]):
    """
    Where an octet of code leads: from a state, which is a node of the tree, to the next one,
    with the octets that it completes. The key is the state, with the octet in its low bits.
    """

    def __init__(self) -> None:
        self.root = _tree()
        self._nodes = [self.root]
        self._numbers = {id(self.root): 0}
        node = self.root
        self.last = {0}
        for _ in range(7):
            # What is left of the last octet is the beginning of the end's code word: ones.
            deeper = node[1]
            assert isinstance(deeper, list)
            node = deeper
            self.last.add(self._number(node))

    def _number(self, node: _Node) -> int:
        number = self._numbers.get(id(node))
        if number is None:
            number = self._numbers[id(node)] = len(self._nodes) << 8
            self._nodes.append(node)
        return number

    def __missing__(self, key: int) -> tuple[int, bytes]:
        node, found = self._nodes[key >> 8], bytearray()
        for bit in range(7, -1, -1):
            deeper = node[key >> bit & 1]
            if isinstance(deeper, list):
                node = deeper
            elif deeper is None or deeper == _END:
                raise ValueError("the end within a string in Huffman's code")
            else:
                found.append(deeper)
                node = self.root
        step = self[key] = self._number(node), bytes(found)
        return step


_steps = _Steps()


@lru_cache(1024)
def _short(data: bytes) -> bytes:
    return _decode(data)


def decode(data: bytes) -> bytes:
    """
    Read a string.

    @raise ValueError: when it is no such string.
    """
    return _short(data) if len(data) < 64 else _decode(data)


def _decode(data: bytes) -> bytes:
    steps, state = _steps, 0
    found = []
    for octet in data:
        state, octets = steps[state | octet]
        found.append(octets)
    if state not in steps.last:
        raise ValueError("padding of a string in Huffman's code that is not all ones, or too long")
    return b"".join(found)
