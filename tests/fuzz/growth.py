"""
Whether time grows faster than input: pieces of cases are repeated, and each size is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random

from tests.fuzz.registry import One, Target

SIZES = (2048, 8192, 32768)
FACTOR = 9.0
"""Of time for four times the size; 4 is as it should be, 16 is quadratic."""
LEAST = 0.02
"""Seconds under which nothing is judged."""


def seconds_of(one: One, case: bytes) -> float:
    """
    Measure the CPU that a case takes; the better of two, for a machine that is not alone.
    """
    return min(_seconds(one, case) for _ in range(2))


def steep(
    one: One,
    before: bytes,
    piece: bytes,
    after: bytes,
    measure: Callable[[One, bytes], float] = seconds_of,
    numbered: bool = False,
) -> tuple[bytes, float] | None:
    """
    Tell whether repeating a piece costs more than it should.

    @param numbered: whether a number is put behind each, so that no two are the same.
    @return: the longest input and its seconds, if so.
    """
    spent: list[float] = []
    for size in SIZES:
        count = size // (len(piece) + 3 * numbered)
        pieces = [piece + b"%03x" % each if numbered else piece for each in range(count)]
        case = before + b"".join(pieces) + after
        spent.append(measure(one, case))
    if spent[-1] < LEAST or spent[-1] < FACTOR * spent[-2]:
        return None
    return case, spent[-1]


def _seconds(one: One, case: bytes) -> float:
    start = time.thread_time()
    one(case)
    return time.thread_time() - start


def search(
    target: Target, cases: list[bytes], seconds: float, seed: int
) -> Iterator[tuple[bytes, float] | None]:
    """
    Repeat pieces of cases and words for so many seconds; yield what L{steep} says of each.
    """
    random = Random(seed)
    pieces = [word for word in target.words if word]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        case = random.choice(cases)
        place = random.randint(0, len(case))
        if pieces and random.random() < 0.4:
            piece = b"".join(random.choices(pieces, k=random.choice((1, 1, 2))))
        else:
            start = random.randint(0, max(0, len(case) - 1))
            piece = case[start : start + random.choice((1, 1, 2, 3, 8, 20))] or b"a"
        try:
            numbered = random.random() < 0.3
            yield steep(target.ours, case[:place], piece, case[place:], numbered=numbered)
        except Exception:  # for the fuzzer to find in a shorter case
            continue
