"""
Plain values that another process has written, taken only in the form that they should have.
"""

from __future__ import annotations

import json
from typing import Any

_TOO_LARGE = 1 << 63
"""Nothing that is counted or measured here comes near."""
_TOO_LATE = 253402300800
"""The end of the year 9999, in seconds since the epoch; no calendar goes further."""


def count(value: Any) -> Any:
    """
    Return a number that only grows.

    @raise TypeError: when it is none.
    """
    if type(value) not in (int, float) or not 0 <= value < _TOO_LARGE:
        raise TypeError(f"{str(value)[:40]!r} is no count")
    return value


def counts(value: Any) -> dict[str, Any]:
    """
    Return several by their names.

    @raise TypeError: when that is something else.
    """
    return {text(name): count(each) for name, each in mapping(value).items()}


def moment(value: Any) -> float:
    """
    Return a time in seconds since the epoch.

    @raise TypeError: when it is none.
    """
    if count(value) >= _TOO_LATE:
        raise TypeError("a time after all calendars")
    return float(value)


def text(value: Any) -> str:
    """
    Return a text.

    @raise TypeError: when it is none.
    """
    if type(value) is not str:
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """
    Return an object of JSON.

    @raise TypeError: when it is none.
    """
    if type(value) is not dict:
        raise TypeError(f"{str(value)[:40]!r} is no object")
    return value


def plain(value: Any) -> dict[str, Any]:
    """
    Return an object of JSON that can be written again: Python reads numbers, too, that are none.

    @raise TypeError: when it is none.
    """
    try:
        json.dumps(mapping(value), allow_nan=False)
    except ValueError as error:
        raise TypeError(f"{str(value)[:40]!r} has a number that is none") from error
    return mapping(value)
