"""
Long answers as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from txbalancer.control.slices import BATCH, Steps
from txbalancer.control.stream import compact


def write_json(value: Any) -> Steps[bytes]:
    """
    Write a value as JSON on one line; of a table of members a few rows in each slice.
    """
    written: list[bytes] = []
    for number, piece in enumerate(_pieces(value), 1):
        if number % BATCH == 0:
            yield
        written.append(piece)
    return b"".join(written)


def _pieces(value: Any) -> Iterator[bytes]:
    if _is_long(value):
        start = b"["
        for row in value:
            yield start
            yield from _pieces(row)
            start = b","
        yield b"]"
    elif isinstance(value, dict) and any(map(_is_long, value.values())):
        start = b"{"
        for key, its in value.items():
            yield b"%b%b:" % (start, compact(key))
            yield from _pieces(its)
            start = b","
        yield b"}"
    else:
        yield compact(value)


def _is_long(value: Any) -> bool:
    """
    Tell whether a value is a table with many rows, or with a long one in one of them.
    """
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return False
    return len(value) > BATCH or any(_is_long(its) for row in value for its in row.values())
