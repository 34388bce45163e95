"""
The limits of several workers as one.
"""

from __future__ import annotations

import pytest

from txbalancer.control.limitviews import LimitView, together
from txbalancer.services.limitsums import LimitSums


@pytest.mark.parametrize(
    ("of", "option", "used", "most"),
    [
        ("listener web", "max-connections", 5, 10),
        ("service", "max-connections", 5, 10),
        ("listener web", "max-requests", 5, 10),
        ("balancer shop", "max-requests", 5, 10),
        ("listener web", "connections-per-client", 3, 10),
        ("listener web", "requests-per-client", 3, 10),
        ("listener dns", "sessions-per-client", 3, 10),
        ("limit api", "rate", 3, 10),
        ("service", "memory-limit", 5, 20),
    ],
)
def test_one_limit_of_two_workers(of: str, option: str, used: int, most: int) -> None:
    """
    What is used adds up, and the parts of what is divided; what each tells for all is told by
    whoever sees most. Those who wait and those who were refused are summed.
    """
    views = [
        LimitView(of, option, 2, 10, waiting=1, passed=7, refused=4),
        LimitView(of, option, 3, 10, waiting=2, passed=8, refused=5),
    ]
    assert together(views) == LimitView(of, option, used, most, 3, 15, 9)


def test_the_order_of_limits() -> None:
    """
    They come as one process shows them, though the supervisor judges some of them, too.
    """
    rate, gate = LimitView("limit api", "rate", 1, 9), LimitView("service", "max-connections", 1, 9)
    sums = LimitSums()
    sums.take(1, [gate, rate], (0, False))
    later = LimitView("limit login", "rate", 1, 9)
    assert sums.views([rate, later]) == [gate, rate, later]


def test_workers_come_and_go() -> None:
    """
    What a worker had in use ends with it, what it had counted does not, as long as there is such
    a limit.
    """
    sums = LimitSums()
    sums.take(1, [LimitView("limit api", "rate", 2, 9, passed=5, refused=1)], (3, True))
    sums.take(2, [LimitView("limit api", "rate", 1, 9, passed=2)], (0, False))
    assert sums.views() == [LimitView("limit api", "rate", 2, 9, passed=7, refused=1)]
    assert sums.room() == (3, True)
    own = LimitView("limit api", "rate", 1, 9, refused=4)
    assert sums.views([own]) == [LimitView("limit api", "rate", 2, 9, passed=7, refused=5)]
    sums.settle(1)
    assert sums.views() == [LimitView("limit api", "rate", 1, 9, passed=7, refused=1)]
    assert sums.room() == (3, False)
    sums.take(3, [LimitView("limit api", "rate", 1, 9, passed=1)], (1, False))
    sums.settle(3)
    sums.settle(3)
    sums.settle(4)
    assert sums.views() == [LimitView("limit api", "rate", 1, 9, passed=8, refused=1)]
    assert sums.room() == (4, False)
    sums.take(2, [], (0, False))
    assert sums.views() == []
