"""
The body of a request, read strictly (RFC 8259, and RFC 7493 for what that leaves open).
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from txbalancer.control.api.problem import Problem
from txbalancer.control.api.shapes import Faults, Fields

MOST = 64 * 1024
"""Bytes of a body."""

MEDIA_TYPE = "application/json"


def check_type(content_type: str) -> None:
    """
    @raise Problem: 415 for a body that is no JSON.
    """
    name, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if name.strip().lower() != MEDIA_TYPE or charset not in ("", "utf-8"):
        raise Problem(
            415,
            f"the body is {content_type or 'of no type'}, not JSON",
            f"send the header Content-Type: {MEDIA_TYPE}, and {{}} where there is nothing to say",
            headers={"Accept": MEDIA_TYPE, "Accept-Post": MEDIA_TYPE},
        )


def read_json(data: bytes) -> Any:
    """
    Read JSON without keys that are there twice and numbers that are none.

    @raise Problem: 400, saying where the fault is; 413 for too much.
    """
    if len(data) > MOST:
        raise Problem(413, f"a body of {len(data)} bytes: {MOST} are allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8 at byte {error.start}") from None
    try:
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"the body is not JSON: {error.msg} in {where}") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deeply") from None
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None
    return value


def read_fields(fields: Fields, data: bytes) -> dict[str, Any]:
    """
    Read an object.

    @param data: the body; an empty one is read as C{{}}.
    @raise Problem: 400, with the name of every field at fault.
    """
    value = read_json(data) if data.strip() else {}
    try:
        return fields.read(value)
    except Faults as faults:
        raise Problem(400, str(faults), errors=faults.found) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is there twice")
        found[name] = value
    return found


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value
