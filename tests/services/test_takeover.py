"""
A service that takes the place of another one's, as far as it is told.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from txbalancer.errors import StartError
from txbalancer.services.takeover import Takeover


class Service:
    """
    Notes what its entrances are told.
    """

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.inheritance = SimpleNamespace(take=lambda state: [], told=list, take_counts=None)
        self.control = SimpleNamespace(own=lambda: self.told.append("control"))
        self.targets = SimpleNamespace(journal=self)
        self.reactor = None
        self.entrances = self

    def note(self, *words: Any, **details: Any) -> None:
        self.told.append("journal")

    def hold(self) -> None:
        self.told.append("hold")

    def expect(self, sessions: Any) -> None:
        self.told.append(("expect", sessions))


class Former:
    """
    The process of before, as far as it is seen.
    """

    pid, version = 7, "1"
    on_counts: Any = None

    def __init__(self, state: Any, sessions: Any = None) -> None:
        self._state, self._sessions = state, sessions
        self.late = sessions is not None

    def use_output(self, which: int) -> None:
        """
        Do nothing.
        """

    def state(self) -> Any:
        return self._state

    def sessions(self) -> Any:
        if isinstance(self._sessions, Exception):
            raise self._sessions
        return self._sessions

    def serving(self, reactor: Any) -> None:
        """
        Do nothing.
        """


def took(state: Any, sessions: Any = None) -> list[Any]:
    """
    Take over; return what was done, in order.
    """
    former: Any = Former(state, sessions)
    service: Any = Service()
    beginning = Takeover(former)
    beginning.inherit(service)
    beginning.finish(service)
    return service.told


ROW = [["127.0.0.1", 5], "00", "udp://a"]


def test_datagrams_are_taken_last_of_all() -> None:
    """
    With the sessions of that moment.
    """
    told = took({}, {"u": [ROW]})
    assert told == ["hold", ("expect", {"u": [ROW]}), "control", "journal"]


def test_an_older_version_has_told_them_with_its_state() -> None:
    """
    Then they are taken at once.
    """
    told = took({"sessions": {"u": [ROW]}})
    assert told == [("expect", {"u": [ROW]}), "control", "journal"]


@pytest.mark.parametrize(
    "sessions", [5, {"u": 5}, {"u": [[1, 2]]}, {"u": [[["a", 1], "zz", "m"]]}, StartError("gone")]
)
def test_what_is_no_session_ends_nothing(sessions: Any) -> None:
    """
    A damaged list, or a process that is gone by then: all begin anew, and this one serves.
    """
    assert ("expect", {}) in took({}, sessions)


@pytest.mark.parametrize("state", [None, 5, {"parts": 5}, {"sessions": 5}])
def test_neither_does_a_state_of_another_form(state: Any) -> None:
    """
    There is nothing to go on with then.
    """
    assert took(state)[:1] == [("expect", {})]
