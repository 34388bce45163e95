"""
C{location} conditions: further demands on a mount's paths, in the words of C{<Location>}. Where
there are several, all must hold.

They test normal paths, as mounts do, so that no spelling of a path gets past one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from txbalancer.core.paths import merge_slashes
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.specs import Condition

PathPredicate = Callable[[bytes], bool]

_GLOB_PATH = re.compile(r"[*?]|\[[^\]]+\]")
_GLOB_PART = re.compile(r"\\.|\[[!^]?[^\]]+\]|.", re.DOTALL)
_SPECIAL_IN_SET = re.compile(r"[\\\[&~|^]")
_GLOB_PARTS = {"*": "[^/]*", "?": "[^/]"}


def compile_location(condition: Condition) -> PathPredicate:
    """
    Make the predicate of a C{location} condition, for normal paths.

    @raise ValueError: for what is no path and no regular expression.
    """
    tests = tuple(map(_path_test, condition.allowed))
    return tests[0] if len(tests) == 1 else lambda path: all(test(path) for test in tests)


def is_glob_path(text: str) -> bool:
    """
    Tell whether the words of a C{<Location>} are a glob.
    """
    return _GLOB_PATH.search(text) is not None


def location_prefix(condition: Condition) -> bytes | None:
    """
    Return the longest prefix in a C{location} condition, or C{None} if there is none.
    """
    plain = [text for text in condition.allowed if text[0] != "~" and not _GLOB_PATH.search(text)]
    return merge_slashes(max(plain, key=len).encode()) if plain else None


def _path_test(text: str) -> PathPredicate:
    if text.startswith("~"):
        return _searches(compile_pattern(text[1:]))
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is neither a path that starts with / nor ~REGEX")
    if _GLOB_PATH.search(text):
        return _searches(_path_glob(text))
    prefix = merge_slashes(text.encode())
    if prefix.endswith(b"/"):
        return lambda path: path.startswith(prefix)
    below = prefix + b"/"
    return lambda path: path.startswith(below) or path == prefix


def _searches(pattern: re.Pattern[bytes]) -> PathPredicate:
    return lambda path: pattern.search(path) is not None


def _path_glob(text: str) -> re.Pattern[bytes]:
    """
    Compile a glob for whole paths, in which nothing but C{/} itself stands for a slash.
    """
    parts = [
        _GLOB_PARTS.get(part)
        or (_glob_set(part) if part[0] == "[" and len(part) > 2 else re.escape(part[-1:]))
        for part in _GLOB_PART.findall(text)
    ]
    return re.compile(f"\\A{''.join(parts)}\\Z".encode(), re.DOTALL)


def _glob_set(part: str) -> str:
    inside = part[1:-1]
    sign = "^/" if inside[0] in "!^" else ""
    escaped = _SPECIAL_IN_SET.sub(r"\\\g<0>", inside[1:] if sign else inside)
    return f"(?!/)[{sign}{escaped}]"
