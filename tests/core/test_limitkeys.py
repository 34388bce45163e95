"""
By what rate limits tell requests apart, in one process and in the next.
"""

from __future__ import annotations

import pytest

from tests.core.balancers import FakeRequest
from txbalancer.core.limitkeys import Keys, key_of
from txbalancer.core.ratelimits import RateTable


def test_numbers_are_of_a_secret() -> None:
    """
    Who has it has the same ones; who has not cannot know them. Long values and short ones alike.
    """
    one, same, other = Keys(b"a"), Keys(b"a"), Keys(b"b")
    for data in (b"", b"x", b"x" * 1000):
        assert one.of(data) == same.of(data) != other.of(data)
    assert one.of_client("192.0.2.1") == same.of_client("192.0.2.1")
    assert one.of_client("192.0.2.1") != one.of(b"192.0.2.1")
    assert one.of_client("2001:db8::1") == one.of_client("2001:db8::2")


@pytest.mark.parametrize("text", ["client", "mount", "all", "host", "header:X-Key", "cookie:k"])
def test_the_same_request_has_the_same_key(text: str) -> None:
    """
    In each process of the service.
    """
    first, second = (key_of(text, "/shop", Keys(b"a")) for _ in range(2))
    assert first(FakeRequest()) == second(FakeRequest())


def test_what_is_owed_goes_over() -> None:
    """
    By the clock of the other; what is owed there already stays if it is more.
    """
    one, two = RateTable(1.0, 3, 10), RateTable(1.0, 3, 10)
    for _ in range(3):
        one.take(1, 100.0)
    one.take(2, 100.0)
    assert one.owing(101.5, 10) == [(1, 1.5)]
    assert one.owing(100.0, 1) == [(1, 3.0)]
    two.take(1, 5.0)
    two.owe(one.owing(100.0, 10), 5.0)
    assert two.take(1, 5.0) == pytest.approx(1.0)
    two.owe([(1, 0.5)], 5.0)
    assert two.take(1, 5.0) == pytest.approx(1.0)
    assert [two.take(2, 5.0) for _ in range(3)] == [0.0, 0.0, pytest.approx(1.0)]


def test_a_table_takes_no_more_than_it_may_have() -> None:
    """
    Those that owe most stay.
    """
    table = RateTable(1.0, 1, 2)
    table.owe([(1, 5.0), (2, 1.0), (3, 9.0)], 0.0)
    assert dict(table.owing(0.0, 9)) == {1: 5.0, 3: 9.0}
