"""
Texts of log lines: each is made once, and their number is bounded.
"""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.control.logtexts import Texts


def test_a_text_is_made_once() -> None:
    """
    A value that came before is looked up; another one has its own text.
    """
    made: list[int] = []

    def write(value: int) -> bytes:
        made.append(value)
        return b"%d" % value

    texts = Texts(write)
    assert [texts[value] for value in (1, 2, 1)] == [b"1", b"2", b"1"]
    assert made == [1, 2]


@given(st.lists(st.binary(max_size=400), min_size=1))
def test_texts_stay_right_when_there_are_many(values: list[bytes]) -> None:
    """
    Whatever has been forgotten meanwhile, a value has its own text.
    """
    texts: Texts[bytes] = Texts(bytes.upper, 2000)
    for value in values:
        assert texts[value] == value.upper()


def test_texts_take_no_more_memory_than_they_may() -> None:
    """
    Values that never come again, such as those of somebody who makes them up, are forgotten.
    """
    most = 64 * 1024
    texts: Texts[bytes] = Texts(bytes.upper, most)
    for number in range(2000):
        texts[b"agent/%d" % number * (number % 50)]
        held = sum(sys.getsizeof(each) for pair in texts.items() for each in pair)
        assert held + sys.getsizeof(texts) <= most + 20000
