"""
The endpoints of a service with several workers, and the clients behind them, as those of one
process are L{Listeners<txbalancer.services.listeners.Listeners>}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from txbalancer.services.sockets import Offered
from txbalancer.services.workforce import Workforce
from txbalancer.workers.orders import Expect, Known


class Gates:
    """
    What goes from one process to the next.

    @ivar sessions_of_former: the members of clients that send datagrams, as it has told them;
        C{None} until it has.
    """

    def __init__(self, workforce: Workforce) -> None:
        self._workforce = workforce
        self.sessions_of_former: Mapping[str, Any] | None = {}

    def hold(self) -> None:
        """
        Have workers take no datagrams before L{expect}.
        """
        self.sessions_of_former = None

    def expect(self, sessions: Mapping[str, Any]) -> None:
        """
        Have the sessions of another process go on with their members.
        """
        crew = list(self._workforce.crew)
        self.sessions_of_former = {} if crew else sessions
        for each in crew:
            each.call(Expect, sessions=sessions)

    def began(self) -> None:
        """
        Forget what is told: workers that come later do not need it any more.
        """
        if self.sessions_of_former is not None:
            self.sessions_of_former = {}

    def offered(self) -> list[Offered]:
        """
        Return the open sockets.
        """
        return self._workforce.outside.offered()

    def pause(self) -> None:
        """
        Nothing to do: workers let datagrams wait once they tell of L{sessions}.
        """

    def resume(self) -> None:
        """
        Have workers take the datagrams that wait.
        """
        for each in self._workforce.crew:
            each.call(Expect, sessions={})

    def sessions(self) -> Deferred[dict[str, list[Any]]]:
        """
        Have all workers let datagrams wait, and tell the members of clients that send some.
        """
        asked = DeferredList([each.call(Known) for each in self._workforce.crew])
        return asked.addCallback(_joined)

    def give_away(self) -> None:
        """
        Leave new clients to another process.
        """
        self._workforce.give_away()


def _joined(answers: list[tuple[bool, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for _, answer in answers:
        for name, sessions in ({} if answer is None else answer["sessions"]).items():
            found.setdefault(name, []).extend(sessions)
    return found
