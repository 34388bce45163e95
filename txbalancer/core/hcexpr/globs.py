"""
Wildcards, matched without ever taking long.
"""

from __future__ import annotations

import re

_PIECE = re.compile(rb"\\(.)|\[([!^]?)(\]?[^\]]*)\]|(\*+)|(\?)|(.)", re.DOTALL)
_RANGE = re.compile(rb"\\?(.)(?:-\\?(.))?", re.DOTALL)
_ANY = frozenset(range(256))

Piece = frozenset[int] | None
"""The bytes that may stand in one place; C{None} for any number of any bytes."""


def matches(pattern: bytes, text: bytes) -> bool:
    """
    Match text as a whole with a shell's wildcards: C{*}, C{?}, C{[a-z]}, C{[!a-z]}, backslash.
    """
    return _match(_pieces(pattern), text)


def matches_path(pattern: bytes, text: bytes) -> bool:
    """
    The same, but wildcards match no slash.
    """
    patterns, texts = pattern.split(b"/"), text.split(b"/")
    return len(patterns) == len(texts) and all(map(matches, patterns, texts))


def _pieces(pattern: bytes) -> list[Piece]:
    pieces: list[Piece] = []
    for escaped, negated, members, star, any_one, plain in _PIECE.findall(pattern):
        if star:
            pieces.append(None)
        elif any_one:
            pieces.append(_ANY)
        elif members:
            pieces.append(_ANY - _members(members) if negated else _members(members))
        else:
            pieces.append(frozenset(escaped or plain))
    return pieces


def _members(text: bytes) -> frozenset[int]:
    found: set[int] = set()
    for first, last in _RANGE.findall(text):
        found.update(range(first[0], (last or first)[0] + 1))
    return frozenset(found)


def _match(pieces: list[Piece], text: bytes) -> bool:
    """
    Go through the text once, back to the latest star only: earlier ones need no second look.
    """
    at = place = 0
    star = resume = -1
    while place < len(text):
        piece = pieces[at] if at < len(pieces) else frozenset[int]()
        if piece is None:
            star, resume = at, place
            at += 1
        elif text[place] in piece:
            at += 1
            place += 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(piece is None for piece in pieces[at:])
