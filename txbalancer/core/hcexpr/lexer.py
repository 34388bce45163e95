"""
Expressions to tokens, as Apache 2.4 divides them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

DEEPEST = 50
"""How deep parentheses and variables may be nested."""

INTEGER = {"eq", "ne", "lt", "le", "gt", "ge"}
_ALIASES = {"and": "&&", "or": "||", "not": "!", "=": "=="}
_OPTIONS = INTEGER | {"in"}
_WORDS = INTEGER | {"and", "or", "not", "in", "true", "false"}

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\n]+)
    | (?P<regex>m?/|m[#$%^|?!'",;:._-])
    | (?P<quote>["'])
    | (?P<variable>%\{)
    | \$(?P<group>[0-9])
    | (?P<operator>&& | \|\| | == | != | =~ | !~ | <= | >= | [=<>!.(){},])
    | (?P<number>-?[0-9]+)
    | -(?P<option>[A-Za-z_][A-Za-z_0-9]*)
    | (?P<name>[A-Za-z][A-Za-z0-9_]*)
    """,
    re.VERBOSE | re.ASCII,
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_ESCAPE = re.compile(r"\\(?:([0-9]+)|([nrtbf])|(.))", re.DOTALL | re.ASCII)
_CONTROL = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "f": b"\f"}


class Token(NamedTuple):
    """
    One token.

    @ivar kind: C{operator}, C{number}, C{name}, C{option}, C{group}, C{regex}, C{text},
        C{variable} or C{end}.
    @ivar value: its text; of C{text} and of a variable's argument the parts.
    @ivar place: where it begins.
    """

    kind: str
    value: str
    place: int
    parts: tuple[Part, ...] | None = None


class Variable(NamedTuple):
    """
    C{%{NAME}} or C{%{NAME:argument}}.

    @ivar argument: C{None} without a colon.
    """

    name: str
    argument: tuple[Part, ...] | None


Part = bytes | int | Variable
"""A part of a text: plain bytes, the number of a back reference or a variable."""


def tokens(text: str) -> Iterator[Token]:
    """
    Divide an expression into tokens; the last one is C{end}.

    @raise ValueError: where that is impossible.
    """
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text[place]!r} is not expected, at {shown(text, place)}")
        start, place = place, match.end()
        kind = match.lastgroup or ""
        if kind == "blank":
            continue
        if kind == "regex":
            pattern, place = _regex(text, start, place)
            yield pattern
        elif kind == "quote":
            parts, place = _parts(text, place, match[0], start)
            yield Token("text", match[0], start, parts)
        elif kind == "variable":
            variable, place = _variable(text, place, start)
            yield Token("variable", variable.name, start, (variable,))
        else:
            yield _plain(kind, match[kind], start)
    yield Token("end", "", place)


def shown(text: str, place: int) -> str:
    """
    Quote the rest of an expression, for messages.
    """
    rest = text[place : place + 30]
    return f"{rest!r}{'…' if len(text) > place + 30 else ''}" if rest else "its end"


def _plain(kind: str, value: str, place: int) -> Token:
    # `-eq` and `eq`, `-in` and `in` are the same.
    words = {"name": _WORDS, "option": _OPTIONS}.get(kind, ())
    if kind == "operator" or value in words:
        return Token("operator", _ALIASES.get(value, value), place)
    return Token(kind, value, place)


def _regex(text: str, start: int, place: int) -> tuple[Token, int]:
    """
    Read a pattern; as in Apache its delimiter cannot stand within it, escaped or not.
    """
    delimiter = text[place - 1]
    end = text.find(delimiter, place)
    if end < 0:
        raise ValueError(f"no {delimiter} ends the pattern {shown(text, start)}")
    if text[end - 1] == "\\":
        raise ValueError(f"no backslash keeps {delimiter} within a pattern; write m#…# around it")
    flag = "i" if text[end + 1 : end + 2] == "i" else ""
    return Token("regex", text[place:end], start, (flag.encode(),)), end + 1 + len(flag)


def _variable(text: str, place: int, start: int, depth: int = 0) -> tuple[Variable, int]:
    if depth > DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} deep")
    name = _NAME.match(text, place)
    if name is None:
        raise ValueError(f"a variable is written %{{NAME}} or %{{NAME:…}}: {shown(text, start)}")
    place = name.end()
    if text[place : place + 1] == "}":
        return Variable(name[0], None), place + 1
    if text[place : place + 1] != ":":
        raise ValueError(f"no }} ends the variable {shown(text, start)}")
    argument, place = _parts(text, place + 1, "}", start, depth + 1)
    if not argument:
        raise ValueError(f"{name[0]} needs something after its colon: {shown(text, start)}")
    return Variable(name[0], argument), place


def _parts(
    text: str, place: int, end: str, start: int, depth: int = 0
) -> tuple[tuple[Part, ...], int]:
    """
    Read text with escapes, variables and back references, up to C{end}.
    """
    parts: list[Part] = []
    while place < len(text):
        char = text[place]
        if char == end:
            return tuple(parts), place + 1
        part: Part
        if char == "\\":
            part, place = _escape(text, place)
        elif char == "%" and text[place + 1 : place + 2] == "{":
            part, place = _variable(text, place + 2, place, depth)
        elif char == "$" and text[place + 1 : place + 2] in tuple("0123456789"):
            part, place = int(text[place + 1]), place + 2
        elif char == "\n":
            break
        else:
            part, place = char.encode(), place + 1
        if isinstance(part, bytes) and parts and isinstance(parts[-1], bytes):
            parts[-1] += part
        else:
            parts.append(part)
    raise ValueError(f"no {end} ends {shown(text, start)}")


def _escape(text: str, place: int) -> tuple[bytes, int]:
    match = _ESCAPE.match(text, place)
    if match is None:
        raise ValueError("a backslash at the end escapes nothing")
    digits, control, char = match.groups()
    if digits:
        if not re.fullmatch("[0-3]?[0-7]{1,2}", digits):
            raise ValueError(f"{match[0]} is no character: use \\000 to \\377")
        return bytes([int(digits, 8)]), match.end()
    return _CONTROL[control] if control else char.encode(), match.end()
