"""
What can be undone, and in which order.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from txbalancer.core.commands import SetBalancer, SetMember
from txbalancer.core.events import Event
from txbalancer.core.member import Temporary
from txbalancer.core.past import KEPT, Past


def noted(past: Past, balancer: str, number: int, undo=None, **after: str | None) -> None:
    """
    Note a change of the member a.
    """
    event = Event(number, 0.0, "change", balancer, "a", "", "me", {"after": after})
    past.add(event, undo or SetBalancer(balancer))


def numbers(past: Past) -> list[int]:
    """
    Return the numbers of what can be undone.
    """
    return [each.event.number for each in past.changes]


def test_the_last_one_comes_first() -> None:
    """
    Of one balancer or of all; what is undone is gone.
    """
    past = Past()
    for number, balancer in enumerate("xyxy"):
        noted(past, balancer, number)
    assert past.last().event.number == 3
    assert past.last("x").event.number == 2
    past.forget(past.last("x"))
    assert past.last("x").event.number == 0
    assert numbers(past) == [0, 1, 3]
    past.keep(lambda name: name == "x")
    assert numbers(past) == [0]
    with pytest.raises(ValueError, match="nothing of y is left to undo"):
        past.last("y")
    past.forget(past.last())
    with pytest.raises(
        ValueError, match=r"(?s)nothing is left to undo.* `txbalancer member revert`"
    ):
        past.last()


def test_only_so_many() -> None:
    """
    The oldest are forgotten, also after some were sifted out.
    """
    past = Past()
    for _ in "12":
        for number in range(KEPT + 1):
            noted(past, "x", number)
        assert numbers(past) == list(range(1, KEPT + 1))
        past.keep(lambda name: True)


def test_what_is_over_by_itself_is_not_undone() -> None:
    """
    A factor for some time, of this member; what else was changed with it can be undone.
    """
    past = Past()
    factor = SetMember("x", "a", loadfactor=100)
    noted(past, "x", 1, SetMember("x", "a", loadfactor=100), loadfactor="2")
    noted(past, "x", 2, factor, loadfactor="3", lasting="1min then 2")
    noted(past, "y", 3, factor, loadfactor="3", lasting="1min then 2")
    noted(past, "x", 4, SetMember("x", "a", loadfactor=1, on=1), lasting="1min then 2")
    noted(past, "x", 5)
    again = replace(factor, temporary=Temporary(60.0, 200))
    noted(past, "x", 6, again, loadfactor="4")
    noted(past, "x", 7, again, loadfactor="4", lasting=None)
    past.expired("x", "b")
    assert numbers(past) == [1, 2, 3, 4, 5, 6, 7]
    past.expired("x", "a")
    assert numbers(past) == [1, 3, 4, 5, 7]
