"""
What stands behind the path of a request.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from txbalancer.control.api.problem import Problem
from txbalancer.control.api.shapes import Faults, Fields

_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_MOST = 20


def read_query(fields: Fields, text: bytes) -> dict[str, Any]:
    """
    Read a query.

    @raise Problem: 400, with the name of every field at fault.
    """
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST
        )
    except ValueError:
        raise Problem(400, "the query cannot be read: percent-encoded UTF-8 is expected") from None
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Problem(400, f"{', '.join(twice)}: given twice in the query")
    value = {name: _typed(fields, name, text) for name, text in pairs}
    try:
        return fields.read(value)
    except Faults as faults:
        raise Problem(400, f"in the query: {faults}", errors=faults.found) from None


def _typed(fields: Fields, name: str, text: str) -> Any:
    """
    Make a number of text where a number is allowed.
    """
    shape = fields.shapes.get(name)
    types = shape.schema.get("type", "") if shape is not None else ""
    if ("number" in types or "integer" in types) and _NUMBER.fullmatch(text):
        return float(text) if not text.lstrip("-").isdigit() else int(text)
    return text
