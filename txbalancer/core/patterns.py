"""
Regular expressions of a configuration: Apache's (PCRE) as Python's.
"""

from __future__ import annotations

import re
import string
import warnings

_CLASSES = {
    "alnum": r"0-9A-Za-z",
    "alpha": r"A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": r"0-9",
    "graph": r"!-~",
    "lower": r"a-z",
    "print": r" -~",
    "punct": re.escape(string.punctuation),
    "space": r"\s",
    "upper": r"A-Z",
    "word": r"\w",
    "xdigit": r"0-9A-Fa-f",
}
_OUTSIDE = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": r"[ \t]", "R": r"(?:\r\n|[\n\v\f\r])"}
_WITHIN = {"h": r" \t"}

_PIECE = re.compile(
    r"\\(?P<escape>.) | (?P<set>\[\^?\]?) | (?P<end>\$) | (?P<name>\(\?<(?=[A-Za-z_]))"
    r" | \(\?\#[^)]*\) | .",
    re.VERBOSE | re.DOTALL,
)
_IN_SET = re.compile(
    r"\\(?P<escape>.) | \[:(?P<negated>\^?)(?P<class>[a-z]+):\] | (?P<close>\]) | .",
    re.VERBOSE | re.DOTALL,
)
_MULTILINE = re.compile(r"\(\?[A-Za-z]*m")
_STRUCTURE = re.compile(
    r"\\. | \[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\] | (?P<repeat>(?:[*+]|\{\d+,\}))\+?\??"
    r" | (?P<open>\() | (?P<close>\)) | .",
    re.VERBOSE | re.DOTALL,
)


def compile_pattern(pattern: str, ignore_case: bool = False) -> re.Pattern[bytes]:
    """
    Compile a pattern with the meaning that it has in Apache 2.4.

    A path may have an escaped line break: C{.} fits it too and C{$} is only at the very end
    (RegexDefaultOptions), so that no path slips by a rule that says C{.*} or into one that says
    C{^/x$}. Classes such as C{\\w} are ASCII.

    @raise ValueError: for a pattern that cannot be read, or not here; says what is wrong.
    """
    options = re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(_translated(pattern).encode(), options)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None


def is_risky(pattern: str) -> bool:
    """
    Tell whether a repeat without bound stands within another, as in C{(\\w+ ?)+}.

    Some such patterns take for ever with some texts; most are easily written without.
    """
    inner = [False]
    closed = False
    for match in _STRUCTURE.finditer(pattern):
        if match["repeat"]:
            if closed:
                return True
            inner[-1] = True
        closed = False
        if match["open"]:
            inner.append(False)
        elif match["close"] and len(inner) > 1:
            closed = inner.pop()
            inner[-1] |= closed
    return False


def _translated(pattern: str) -> str:
    parts: list[str] = []
    end = "$" if _MULTILINE.search(pattern) else r"\Z"
    place = 0
    while place < len(pattern):
        match = _PIECE.match(pattern, place)
        assert match is not None
        place = match.end()
        if match["escape"]:
            parts.append(_OUTSIDE.get(match["escape"], match[0]))
        elif match["set"]:
            within, place = _set(pattern, place)
            parts.append(match[0].replace("]", "\\]") + within)
        elif match["end"]:
            parts.append(end)
        elif match["name"]:
            parts.append("(?P<")
        else:
            parts.append(match[0])
    return "".join(parts)


def _set(pattern: str, place: int) -> tuple[str, int]:
    """
    Translate what is between brackets; a C{[} there means nothing.
    """
    parts: list[str] = []
    while match := _IN_SET.match(pattern, place):
        place = match.end()
        if match["close"]:
            return "".join(parts) + "]", place
        if match["class"]:
            if match["class"] not in _CLASSES or match["negated"]:
                raise ValueError(f"{match[0]} is not a class of characters that is known here")
            parts.append(_CLASSES[match["class"]])
        elif match["escape"]:
            parts.append(_WITHIN.get(match["escape"], match[0]))
        else:
            # Python warns of brackets and of doubled signs that it may treat otherwise one day.
            parts.append("\\" + match[0] if match[0] in "[&~|" else match[0])
    return "".join(parts), place
