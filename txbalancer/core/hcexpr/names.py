"""
What can be named in an expression: variables, functions and operators.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from txbalancer.core.hcexpr.answer import Sight
from txbalancer.core.hcexpr.globs import matches, matches_path

_INTEGER = re.compile(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_ENCODED = re.compile(rb"%(?:[0-9A-Fa-f]{2})?")
_SLASH = re.compile(rb"%(2[Ff])")
_LARGEST = 2**63 - 1
_FALSE = (b"", b"0", b"off", b"no", b"false")
_UNESCAPED = "$-_.+!*'(),:@&=/~"


def integer(text: bytes) -> int:
    """
    Read the number that a text begins with; 0 when it begins with none.
    """
    match = _INTEGER.match(text)
    number = int(match[1][:25]) if match else 0
    return max(-_LARGEST - 1, min(number, _LARGEST))


def _escape(text: bytes) -> bytes:
    quoted = quote_from_bytes(text, _UNESCAPED)
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted).encode()


def _unescape(text: bytes) -> bytes:
    # Text that is not well encoded, or has a zero byte, gives nothing; slashes stay encoded.
    codes = _ENCODED.findall(text)
    if b"%" in codes or b"%00" in codes:
        return b""
    return unquote_to_bytes(_SLASH.sub(rb"%25\1", text))


def _unbase64(text: bytes) -> bytes:
    # What comes after the first other character is left out, and so is a lonely last one.
    text = _NOT_BASE64.split(text, maxsplit=1)[0]
    text = text[: len(text) - (len(text) % 4 == 1)]
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def _hexdigest(name: str) -> Callable[[bytes], bytes]:
    return lambda text: hashlib.new(name, text, usedforsecurity=False).hexdigest().encode()


def _nothing(sight: Sight, name: bytes) -> bytes:
    return b""


def _body(sight: Sight, name: bytes) -> bytes:
    return sight.answer.body if name.lower() == b"body" else b""


VARIABLES: dict[str, Callable[[Sight], bytes]] = {
    "CONTENT_TYPE": lambda sight: sight.answer.header(b"content-type"),
    "HC_BODY": lambda sight: sight.answer.body,
    "REQUEST_STATUS": lambda sight: b"%d" % sight.answer.status,
}
"""C{%{NAME}}, in any case."""

REQUEST_FUNCTIONS = ("http", "req", "req_novary")
"""Functions that look at a client's request, of which there is none: always empty (APACHE C7)."""

FUNCTIONS: dict[str, Callable[[Sight, bytes], bytes]] = {
    "hc": _body,
    "resp": lambda sight, name: sight.answer.header(name),
    "tolower": lambda sight, text: text.lower(),
    "toupper": lambda sight, text: text.upper(),
    "escape": lambda sight, text: _escape(text),
    "unescape": lambda sight, text: _unescape(text),
    "base64": lambda sight, text: base64.b64encode(text),
    "unbase64": lambda sight, text: _unbase64(text),
    "md5": lambda sight, text: _hexdigest("md5")(text),
    "sha1": lambda sight, text: _hexdigest("sha1")(text),
    **dict.fromkeys(REQUEST_FUNCTIONS, _nothing),
}
"""C{NAME(text)} and C{%{NAME:text}}, in any case."""

COMPARISONS: dict[str, Callable[[bytes, bytes], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "eq": lambda left, right: integer(left) == integer(right),
    "ne": lambda left, right: integer(left) != integer(right),
    "lt": lambda left, right: integer(left) < integer(right),
    "le": lambda left, right: integer(left) <= integer(right),
    "gt": lambda left, right: integer(left) > integer(right),
    "ge": lambda left, right: integer(left) >= integer(right),
}
"""Operators between two words: of texts by their bytes, then of numbers."""

UNARY: dict[str, Callable[[bytes], bool]] = {
    "n": bool,
    "z": lambda text: not text,
    "T": lambda text: text.lower() not in _FALSE,
}
"""C{-n text} and the like."""

BINARY: dict[str, Callable[[bytes, bytes], bool]] = {
    "strmatch": lambda text, pattern: matches(pattern, text),
    "strcmatch": lambda text, pattern: matches(pattern.lower(), text.lower()),
    "fnmatch": lambda text, pattern: matches_path(pattern, text),
}
"""C{text -strmatch pattern} and the like."""
