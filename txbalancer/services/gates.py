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
from txbalancer.workers.orders import Known


class Gates:
    """
    What goes from one process to the next.

    @ivar sessions_of_former: the members of clients that send datagrams, as another process
        has told them; for workers that begin.
    """

    def __init__(self, workforce: Workforce) -> None:
        self._workforce = workforce
        self.sessions_of_former: Mapping[str, Any] = {}

    def expect(self, sessions: Mapping[str, Any]) -> None:
        """
        Have the sessions of another process go on with their members.
        """
        self.sessions_of_former = sessions

    def began(self) -> None:
        """
        Forget them: workers that come later do not need them any more.
        """
        self.sessions_of_former = {}

    def offered(self) -> list[Offered]:
        """
        Return the open sockets.
        """
        return self._workforce.outside.offered()

    def pause(self) -> None:
        """
        Nothing to do: workers go on until others do.
        """

    def resume(self) -> None:
        """
        Nothing to do.
        """

    def sessions(self) -> Deferred[dict[str, list[Any]]]:
        """
        Ask all workers for the members of clients that send datagrams.
        """
        asked = DeferredList([each.call(Known) for each in self._workforce.crew])
        return asked.addCallback(_joined)

    def give_away(self) -> None:
        """
        Leave new clients to another process.
        """
        crew = self._workforce.crew
        crew.succeeded = True
        crew.stop()
        self._workforce.outside.give_away()


def _joined(answers: list[tuple[bool, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for _, answer in answers:
        for name, sessions in ({} if answer is None else answer["sessions"]).items():
            found.setdefault(name, []).extend(sessions)
    return found
