"""
How cases are changed where nothing better is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_BYTES = b"\x00\x01\t\n\r \"%',./0:;<=>[\\]{|}\x7f\x80\xff"


class Mutator:
    """
    Makes cases from cases.
    """

    def __init__(self, random: Random, words: Sequence[bytes], longest: int) -> None:
        """
        @param words: pieces that mean something to the reader.
        @param longest: most bytes of a case.
        """
        self._random, self._words, self._longest = random, words, longest

    def change(self, case: bytes, others: Sequence[bytes]) -> bytes:
        """
        Change a case in some places.

        @param others: cases that pieces may come from.
        """
        random = self._random
        for _ in range(1 << random.randrange(4)):
            start = random.randint(0, len(case))
            end = min(len(case), start + random.choice((0, 0, 1, 1, 2, 4, 16, 64)))
            case = case[:start] + self._piece(case[start:end], others) + case[end:]
        return case[: self._longest]

    def _piece(self, old: bytes, others: Sequence[bytes]) -> bytes:
        random = self._random
        kind = random.randrange(7)
        if kind == 0:
            return b""
        if kind == 1:
            return bytes((random.choice(_BYTES),))
        if kind == 2:
            return random.randbytes(random.choice((1, 1, 2, 4)))
        if kind == 3:
            return old * random.choice((2, 2, 3, 50))
        if kind == 4 and self._words:
            return random.choice(self._words)
        if kind == 5 and old:
            return bytes((old[0] ^ 1 << random.randrange(8),)) + old[1:]
        other = random.choice(others)
        at = random.randint(0, len(other))
        return other[at : at + random.choice((1, 4, 16, 64, 256))]
