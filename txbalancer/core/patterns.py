"""
Regular expressions of a configuration.
"""

from __future__ import annotations

import re
import warnings

_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|\$", re.DOTALL)
_MULTILINE = re.compile(r"\(\?[A-Za-z]*m")


def compile_pattern(text: str) -> re.Pattern[bytes]:
    """
    Compile an expression that is searched in paths or values of headers.

    A path may have an escaped line break: C{.} fits it too and C{$} is only at the very end, as
    in Apache, so that no path slips by a rule that says C{.*} or into one that says C{^/x$}.

    @raise ValueError: saying what is wrong with it.
    """
    strict = text if _MULTILINE.search(text) else _PART.sub(_at_the_end, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(strict.encode(), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None


def _at_the_end(part: re.Match[str]) -> str:
    return r"\Z" if part[0] == "$" else part[0]
