"""
The endpoints of a service with several workers, and the clients behind them, as those of one
process are L{Listeners<txbalancer.services.listeners.Listeners>}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, succeed

from txbalancer.services.outside import Outside
from txbalancer.services.sockets import Offered
from txbalancer.workers.child import Child
from txbalancer.workers.orders import Known, Leave


class Gates:
    """
    What goes from one process to the next.

    @ivar sessions_of_former: the members of clients that send datagrams, as another process
        has told them; for workers that begin.
    """

    def __init__(self, outside: Outside, crew: Iterable[Child]) -> None:
        """
        @param crew: the workers, as they are at the time.
        """
        self._outside, self._crew = outside, crew
        self._wanted = 0
        self._serving: set[int] = set()
        self._waiting: Deferred[None] | None = None
        self.sessions_of_former: Mapping[str, Any] = {}

    # -- the start

    def expect_workers(self, count: int) -> None:
        """
        Wait for so many workers, from 1 on, to serve.
        """
        self._wanted = count

    def serves(self, number: int) -> None:
        """
        Note that a worker serves.
        """
        self._serving.add(number)
        if len(self._serving) >= self._wanted and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.sessions_of_former = {}
            waiting.callback(None)

    def when_serving(self) -> Deferred[Any]:
        """
        Return what fires once clients are served.
        """
        if len(self._serving) >= self._wanted:
            return succeed(None)
        self._waiting = Deferred()
        return self._waiting

    def expect(self, sessions: Mapping[str, Any]) -> None:
        """
        Have the sessions of another process go on with their members.
        """
        self.sessions_of_former = sessions

    # -- the end

    def offered(self) -> list[Offered]:
        """
        Return the open sockets.
        """
        return self._outside.offered()

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
        asked = DeferredList([each.call(Known) for each in self._crew])
        return asked.addCallback(_joined)

    def give_away(self) -> None:
        """
        Leave new clients to another process.
        """
        for each in self._crew:
            each.call(Leave)
        self._outside.give_away()


def _joined(answers: list[tuple[bool, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for _, answer in answers:
        for name, sessions in ({} if answer is None else answer["sessions"]).items():
            found.setdefault(name, []).extend(sessions)
    return found
