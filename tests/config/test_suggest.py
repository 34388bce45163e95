"""
Hints for words that nobody knows.
"""

from __future__ import annotations

import pytest

from txbalancer.config.suggest import choose_from, did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("Lbmetod", ["lbmethod", "lbset"], " (did you mean lbmethod?)"),
        ("inet", ["INET"], " (did you mean INET?)"),
        ("xyz", ["lbmethod"], ""),
        ("x", [], ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], hint: str) -> None:
    """
    The likeliest word is offered as it is written, or none.
    """
    assert did_you_mean(word, known) == hint


def test_choose_from() -> None:
    """
    A few words are all told; many are not.
    """
    assert choose_from("x", []) == ""
    assert choose_from("x", [""]) == ""
    assert choose_from("x", ["one"]) == "; use one"
    assert choose_from("x", ["b", "a", "c"]) == "; use a, b or c"
    assert choose_from("two3", [f"two{n}" for n in range(13)]) == " (did you mean two3?)"
