"""
Which paths a rule or a C{<Location>} is for, and whether one has all, some or none of another's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from txbalancer.core.locations import is_glob_path
from txbalancer.core.mounts import literal_start
from txbalancer.core.paths import merge_slashes
from txbalancer.core.patterns import compile_pattern


class Share(Enum):
    """
    How much of one pattern's paths is in another's.
    """

    NONE = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True, slots=True)
class Pattern:
    """
    A set of paths.

    @ivar kind: C{prefix} ends at slashes, C{glob} is for whole paths, C{regex} is searched.
    @ivar text: of a prefix, with single slashes.
    """

    kind: str
    text: str

    @property
    def word(self) -> str:
        """
        The pattern as a C{location} condition writes it.
        """
        return f"~{self.text}" if self.kind == "regex" else self.text


EVERYWHERE = Pattern("prefix", "/")


def prefix_pattern(text: str) -> Pattern:
    """
    Make the pattern of a path that starts with a slash, and of all below it.
    """
    return Pattern("prefix", merge_slashes(text.encode()).decode())


def path_pattern(text: str) -> Pattern:
    """
    Read the words of a plain C{<Location>}.

    @raise ValueError: when it cannot match any path.
    """
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is no path that starts with /: it never matches")
    if is_glob_path(text):
        return Pattern("glob", text)
    return prefix_pattern(text)


def regex_pattern(text: str) -> Pattern:
    """
    Read a regular expression.

    @raise ValueError: when it cannot be read here.
    """
    compile_pattern(text)
    return Pattern("regex", text)


def share(outer: Pattern, inner: Pattern) -> Share:
    """
    Tell how much of C{inner} is in C{outer}; L{Share.SOME} where that cannot be seen.
    """
    if outer in (inner, EVERYWHERE):
        return Share.ALL
    first, second = _start(outer), _start(inner)
    if not (first.startswith(second) or second.startswith(first)):
        return Share.NONE
    if outer.kind != "prefix":
        return Share.SOME
    if inner.kind == "prefix":
        return _of_prefixes(outer.text, inner.text)
    slashed = outer.text if outer.text.endswith("/") else f"{outer.text}/"
    return Share.ALL if second.startswith(slashed) else Share.SOME


def _of_prefixes(outer: str, inner: str) -> Share:
    if _takes(outer, inner):
        return Share.ALL
    return Share.SOME if _takes(inner.rstrip("/"), outer) else Share.NONE


def _takes(prefix: str, path: str) -> bool:
    return path.startswith(prefix) and (
        prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in ("", "/")
    )


def _start(pattern: Pattern) -> str:
    """
    Return what every path of a pattern starts with, as far as that is plain to see.
    """
    if pattern.kind == "prefix":
        return pattern.text.rstrip("/")
    if pattern.kind == "glob":
        return re.split(r"[*?\[\\]", pattern.text, maxsplit=1)[0]
    return literal_start(pattern.text).decode()
