"""
What can happen with every request is logged once a second.
"""

from __future__ import annotations

from txbalancer.proxy.throttle import Throttle


def test_one_message_a_second_and_a_count_of_the_others() -> None:
    """
    The first goes through at once, the next after a second, with what was withheld.
    """
    throttle = Throttle()
    said = [throttle.permit(now) for now in (5.0, 5.1, 5.9, 6.0, 6.5, 8.0, 9.5)]
    assert said == ["", None, None, " (and 2 more like it)", None, " (and 1 more like it)", ""]
