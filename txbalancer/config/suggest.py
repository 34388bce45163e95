"""
Hints for words that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 12


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    Return C{" (did you mean X?)"} for the likeliest known word, or an empty string.
    """
    folded = {each.lower(): each for each in known}
    found = get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return f" (did you mean {folded[found[0]]}?)" if found else ""


def choose_from(word: str, known: Iterable[str]) -> str:
    """
    Return what is allowed, if that is few, and the likeliest: C{"; use a, b or c (did …?)"}.
    """
    sorted_words = sorted(filter(None, known))
    hint = did_you_mean(word, sorted_words)
    if not sorted_words or len(sorted_words) > FEW:
        return hint
    *most, last = sorted_words
    return f"; use {', '.join(most)} or {last}{hint}" if most else f"; use {last}{hint}"
