"""
Plain values of another process, in the form that they should have.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest

from txbalancer.core import forms


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (forms.count, [0, 7, 2.5, (1 << 63) - 1], [-1, 1 << 63, inf, nan, True, "7", None]),
        (forms.counts, [{}, {"a": 1}], [{"a": "1"}, {1: 1}, [], None]),
        (forms.moment, [0, 1.8e9], [-1, inf, 1e12, 10**400, "now", None]),
        (forms.text, ["", "a"], [b"a", 1, None]),
        (forms.plain, [{"a": [{"b": 1.5}]}], [{"a": [inf]}, {"a": {"b": nan}}, [], None]),
        (forms.mapping, [{}, {"a": []}], [[], "a", None]),
    ],
)
def test_only_what_is_of_the_form(
    read: Callable[[Any], Any], good: list[Any], bad: list[Any]
) -> None:
    """
    It is taken as it is; all else is named, and not at length.
    """
    for each in good:
        assert read(each) == each
    for each in bad:
        with pytest.raises(TypeError) as caught:
            read(each)
        assert 10 < len(str(caught.value)) < 80
