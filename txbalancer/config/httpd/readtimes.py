"""
C{RequestReadTimeout}: how long clients may take to send a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.tree import Directive

KEY = "requestreadtimeout"

_PART = re.compile(
    r"(?P<what>handshake|header|body)=(?P<first>\d{1,6})(?:-(?P<most>\d{1,6}))?"
    r"(?:,minrate=(?P<rate>\d{1,9}))?",
    re.IGNORECASE,
)
_LONGEST = 86400.0
"""Seconds, for C{0}: no limit."""
_LONGEST_HEAD = 64 * 1024
"""Bytes that C{minrate} of a head that has no other limit is taken for."""


def read_times(directives: Iterable[Directive], findings: Findings) -> dict[str, Any]:
    """
    Read every C{RequestReadTimeout} of a server; parts that are said again replace earlier ones.

    @return: attributes of a L{ListenerSpec<txbalancer.core.specs.ListenerSpec>}.
    """
    found: dict[str, Any] = {}
    for directive in directives:
        if directive.key != KEY:
            continue
        try:
            if not directive.args:
                raise ValueError("takes header=, body= or both, as header=20-40,minrate=500")
            for word in directive.args:
                found.update(_part(word, directive, findings))
        except ValueError as error:
            fault(findings, directive, error)
    return found


def _part(word: str, directive: Directive, findings: Findings) -> dict[str, Any]:
    match = _PART.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} must be WHAT=SECONDS[-SECONDS][,minrate=BYTES], as header=20")
    first, most, rate = (int(match[name] or 0) for name in ("first", "most", "rate"))
    if most and most < first:
        raise ValueError(f"{word!r}: the second time must not be less than the first")
    what = match["what"].lower()
    if what == "handshake":
        if first:
            doubt(findings, directive, "handshake= has no effect: TimeOut holds for it")
        return {}
    if what == "header":
        return {"head_timeout": _of_head(first, most, rate)}
    if not first:
        return {"body_min_rate": 0}
    if most or not rate:
        doubt(
            findings,
            directive,
            f"body={first} is the longest silence, and the time after which minrate holds:"
            " there is no longest time for a whole body",
        )
    return {"body_timeout": float(first), "body_min_rate": rate}


def _of_head(first: int, most: int, rate: int) -> float:
    if not first:
        return _LONGEST
    if rate:
        return float(most or first + _LONGEST_HEAD // rate)
    return float(first)
