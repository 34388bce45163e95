"""
From the text of C{access-log-format} to a function that writes one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from txbalancer.control import logfields, loglines, logtexts
from txbalancer.control.logfields import NO_REQUEST, Field, LoggedRequest
from txbalancer.core.outcome import Outcome

Formatter = Callable[[Outcome], bytes]

TRAILER = " reason=%{reason}n attempts=%{attempts}n member=%{member}n"
"""Follows the standard fields in C{common} and C{combined}, whose beginning stays standard."""

COMMON = '%h %l %u %t "%r" %>s %b'

STANDARD = {
    "common": COMMON + TRAILER,
    "combined": COMMON + ' "%{Referer}i" "%{User-Agent}i"' + TRAILER,
    "tcp": (
        '%h:%{remote}p %t %{listener}n %{balancer}n %{member}n "%r"'
        " %{queue}n/%{connect}n/%{firstbyte}n/%{total}n %I %O %{reason}n %{attempts}n"
    ),
}
"""What the short names stand for."""

_ITEM = re.compile(
    r"%(?P<before>[<>!,0-9]*)(?:\{(?P<argument>[^}]*)\})?(?P<after>[<>!,0-9]*)"
    r"(?P<letter>\^..|[A-Za-z%])",
    re.ASCII | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def compile_format(text: str) -> Formatter:
    """
    Make the function that writes an outcome as a line, with the line's end.

    @param text: C{common}, C{combined}, C{tcp}, C{json}, or a C{LogFormat} string.
    @raise ValueError: says what is wrong, and at which character of the string, from 1.
    """
    word = text.lower()
    if word == "json":
        return loglines.as_json
    if word == "combined":
        return loglines.combined
    if "%" not in text and word not in STANDARD:
        close = get_close_matches(word, (*STANDARD, "json"), 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(
            f"{text!r} is no log format{hint}: use common, combined, tcp, json or a LogFormat"
            " string with % directives"
        )
    return compile_text(STANDARD.get(word, text))


def compile_text(text: str) -> Formatter:
    """
    Make the function for a C{LogFormat} string; see L{compile_format}.
    """
    template, fields = _parse(text)
    getters = tuple(field.get for field in fields)
    expected = logtexts.skeleton(template)
    fill, escape = logtexts.fill, logtexts.escape

    def write(record: Outcome) -> bytes:
        request: Any = record.request or NO_REQUEST
        values = [b"-" if (value := get(record, request)) is None else value for get in getters]
        return fill(template, tuple(values), expected, escape)

    return write


def _parse(text: str) -> tuple[bytes, list[Field]]:
    """
    Split a C{LogFormat} string into a template and the fields that fill it.
    """
    template: list[bytes] = []
    fields: list[Field] = []
    position = 0
    while position < len(text):
        if text[position] != "%":
            part, length = _literal(text, position)
        else:
            match = _ITEM.match(text, position)
            try:
                field = _directive(match, text[position:])
            except ValueError as error:
                raise ValueError(f"position {position + 1}: {error}") from None
            length = len(match[0]) if match else 0
            part = field.form if field else b"%%"
            fields += [field] if field else []
        template.append(part)
        position += length
    return b"".join(template) + b"\n", fields


def _literal(text: str, position: int) -> tuple[bytes, int]:
    """
    Read one literal character; an unknown escape stands for itself, as in Apache.
    """
    char = text[position]
    if char == "\\" and text[position + 1 : position + 2] in tuple(_ESCAPES):
        return _ESCAPES[text[position + 1]].encode(), 2
    return char.encode(), 1


def _directive(match: re.Match[str] | None, rest: str) -> Field | None:
    """
    Find the field of a directive; C{None} for a literal percent sign.
    """
    if match is None:
        if rest.startswith("%{") and "}" not in rest:
            raise ValueError("%{ without its }")
        raise ValueError(f"{rest[:6]!r} is no directive; a percent sign is written %%")
    argument, letter = match["argument"], match["letter"]
    if letter == "%":
        return None
    shown = f"%{{{argument}}}{letter}" if argument is not None else f"%{letter}"
    if letter in logfields.UNAVAILABLE:
        raise ValueError(f"{shown} is not available: {logfields.UNAVAILABLE[letter]}")
    return _conditional(_field(argument, letter, shown), match["before"] + match["after"])


def _field(argument: str | None, letter: str, shown: str) -> Field:
    if argument is None and letter in logfields.PLAIN:
        return logfields.PLAIN[letter]
    if argument is not None and letter in logfields.WITH_ARGUMENT:
        if not argument and letter != "t":
            raise ValueError(f"{shown} has an empty name")
        return logfields.WITH_ARGUMENT[letter](argument)
    if letter in logfields.WITH_ARGUMENT:
        raise ValueError(f"{shown} needs a name: %{{NAME}}{letter}")
    if letter in logfields.PLAIN:
        raise ValueError(f"{shown} takes no name: use %{letter}")
    raise ValueError(f"unknown directive {shown}")


def _conditional(field: Field, modifiers: str) -> Field:
    """
    Show a field only for the status codes named before it, or after C{!} only for others.
    """
    codes = re.findall(r"\d+", modifiers)
    inverted = "!" in modifiers
    if any(not re.fullmatch(r"[1-5]\d\d", code) for code in codes):
        raise ValueError(f"{modifiers!r} must be status codes from 100 to 599")
    if not codes:
        if inverted:
            raise ValueError("! needs status codes after it, such as %!200,304r")
        return field
    get, form, listed = field.get, field.form, frozenset(map(int, codes))

    def conditional(record: Outcome, request: LoggedRequest) -> bytes | None:
        if (record.status in listed) is inverted:
            return None
        value = get(record, request)
        return None if value is None else form % value

    return Field(conditional)
