"""
Long answers as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from txbalancer.control.slices import BATCH, Steps
from txbalancer.control.stream import compact


def write_json(value: Any) -> Steps[bytes]:
    """
    Write a value as JSON on one line. Iterators in it are tables that may be long: a few of their
    rows are made and written in each slice.
    """
    pieces: list[bytes] = []
    yield from _write(value, pieces.append)
    return b"".join(pieces)


def _write(value: Any, write: Callable[[bytes], None]) -> Steps[None]:
    if not _has_tables(value):
        write(compact(value))
        return
    start, end = (b"{", b"}") if isinstance(value, dict) else (b"[", b"]")
    write(start)
    between = b""
    if isinstance(value, Iterator):
        for number, row in enumerate(value, 1):
            write(between + compact(row))
            between = b","
            if number % BATCH == 0:
                yield
    else:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, its in pairs:
            write(between + (compact(key) + b":" if isinstance(value, dict) else b""))
            yield from _write(its, write)
            between = b","
    write(end)


def _has_tables(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(map(_has_tables, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Iterator)
