"""
Notes of what happened.
"""

from __future__ import annotations

import pytest
from twisted.logger import globalLogPublisher

from txbalancer.control.journal import KEPT, Journal
from txbalancer.core.events import KINDS, Event


def test_events_have_numbers_without_gaps() -> None:
    """
    Each event has the next number, and whoever has seen one can ask for those after it.
    """
    journal = Journal(lambda: 7.5)
    assert journal.last == 0
    first = journal.note("start", "the service serves")
    second = journal.note("change", "lbset 0 -> 1", balancer="shop", member="http://a", who="me")
    assert first == Event(1, 7.5, "start", "", "", "the service serves", "", {})
    assert journal.since(0) == [first, second]
    assert journal.since(1) == [second]
    assert journal.since(journal.last) == []


def test_consequences_come_after_their_cause() -> None:
    """
    What follows is kept back until its cause is noted; alone it is noted at once, and a fault
    on the way loses nothing.
    """
    journal = Journal(lambda: 7.5)
    journal.follow("flip", "by itself", balancer="shop")

    def broken() -> None:
        with journal.consequences():
            journal.follow("flip", "one")
            with journal.consequences():
                journal.follow("panic", "two")
            journal.note("change", "cause")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken()
    journal.follow("flip", "after")
    assert [each.text for each in journal.events] == ["by itself", "cause", "one", "two", "after"]


def test_old_events_make_room() -> None:
    """
    Only the last ones are kept; all of them are counted by kind.
    """
    journal = Journal(lambda: 0.0)
    assert journal.counts == dict.fromkeys(KINDS, 0)
    for _ in range(KEPT + 3):
        journal.note("flip", "x")
    assert [journal.events[0].number, journal.last] == [4, KEPT + 3]
    assert journal.counts == {**dict.fromkeys(KINDS, 0), "flip": KEPT + 3}


def test_listeners_hear_until_they_end() -> None:
    """
    A listener hears of every event until it has had enough; to end twice does no harm.
    """
    journal = Journal(lambda: 0.0)
    heard: list[str] = []
    end = journal.listen(lambda event: heard.append(event.text))
    journal.note("flip", "one")
    end()
    end()
    journal.note("flip", "two")
    assert heard == ["one"]


def test_a_listener_that_fails() -> None:
    """
    One listener's fault is logged; others hear of the event, and it happened all the same.
    """
    journal = Journal(lambda: 0.0)
    heard: list[str] = []
    told: list[dict] = []
    globalLogPublisher.addObserver(told.append)
    try:
        journal.listen(lambda event: 1 // 0)
        journal.listen(lambda event: heard.append(event.text))
        assert journal.note("flip", "one").number == 1
    finally:
        globalLogPublisher.removeObserver(told.append)
    assert heard == ["one"]
    assert [each["log_failure"].type for each in told] == [ZeroDivisionError]
