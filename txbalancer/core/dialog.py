"""
A short exchange of words with a member: what is said to it, and what it has to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from txbalancer.core.patterns import compile_pattern

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)
_SHORT = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}

Matcher = Callable[[bytes], bool]
"""Tells whether what a member has said so far is what was waited for."""


def unescape(text: str) -> bytes:
    r"""
    Turn text with C{\r}, C{\n}, C{\t}, C{\0}, C{\xHH} and C{\\} into bytes.

    @raise ValueError: for any other backslash.
    """
    found: list[bytes] = []
    place = 0
    for match in _ESCAPE.finditer(text):
        found.append(text[place : match.start()].encode())
        place = match.end()
        if match[1]:
            found.append(bytes.fromhex(match[1]))
        elif match[2] in _SHORT:
            found.append(_SHORT[match[2]])
        else:
            raise ValueError(f"{match[0]!r} is no escape: use \\r \\n \\t \\0 \\xHH or \\\\")
    found.append(text[place:].encode())
    return b"".join(found)


def matcher(text: str) -> Matcher:
    """
    Make the test for what a member has to say.

    @param text: a part of it, with escapes; C{~REGEX} for a regular expression that is
        searched for; empty for anything at all.
    @raise ValueError: saying what is wrong.
    """
    if text.startswith("~"):
        search = compile_pattern(text[1:]).search
        return lambda said: search(said) is not None
    wanted = unescape(text)
    return lambda said: bool(said) and wanted in said
