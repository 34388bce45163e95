"""
What workers of one process leave to those of the next.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from txbalancer.services.gates import Gates
from txbalancer.workers.orders import Expect, Known


class Worker:
    """
    Notes what it is told, and answers.
    """

    def __init__(self, **answers: Any) -> None:
        self.told: list[tuple[Any, dict[str, Any]]] = []
        self._answers = answers

    def call(self, command: Any, **arguments: Any) -> Deferred[Any]:
        """
        Take an order.
        """
        self.told.append((command, arguments))
        return succeed(self._answers.get(command.__name__))


def gates(*workers: Worker) -> Gates:
    """
    Make the gates of some workers.
    """
    workforce: Any = SimpleNamespace(crew=list(workers))
    return Gates(workforce)


def result(waiting: Deferred[Any]) -> Any:
    """
    Return what has come already.
    """
    found: list[Any] = []
    waiting.addCallback(found.append)
    return found[0]


def test_all_workers_are_asked() -> None:
    """
    Each for its sessions; one that has ended has none.
    """
    one = Worker(Known={"sessions": {"u": [1]}})
    two = Worker(Known={"sessions": {"u": [2], "v": [3]}})
    found = gates(one, two, Worker())
    assert result(found.sessions()) == {"u": [1, 2], "v": [3]}
    assert [each for each, _ in one.told] == [Known]
    found.resume()
    assert one.told[-1] == (Expect, {"sessions": {}})


def test_workers_take_datagrams_once_sessions_are_known() -> None:
    """
    Before, those that begin hold still; afterwards they need nothing any more.
    """
    worker = Worker()
    found = gates(worker)
    found.hold()
    found.began()
    assert found.sessions_of_former is None
    found.expect({"u": [1]})
    assert worker.told == [(Expect, {"sessions": {"u": [1]}})]
    assert found.sessions_of_former == {}


@pytest.mark.parametrize("sessions", [{}, {"u": [1]}])
def test_what_is_known_before_there_are_workers_is_theirs_from_the_start(sessions: Any) -> None:
    """
    As another version of the program tells it.
    """
    found = gates()
    found.expect(sessions)
    assert found.sessions_of_former == sessions
    found.began()
    assert found.sessions_of_former == {}
