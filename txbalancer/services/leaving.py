"""
A service that leaves its place to another process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred

from txbalancer.errors import StartError

if TYPE_CHECKING:
    from txbalancer.services.service import BalancerService


class Leaving:
    """
    The steps of it. Until the last one all can be as before.

    @ivar begun: whether nothing may be changed here any more.
    @ivar done: whether the other process serves.
    @ivar late: whether the other process asks for sessions of datagrams once it can take them.
    """

    def __init__(self, service: BalancerService) -> None:
        self._service = service
        self.begun = self.done = self.late = False

    def offer(self) -> tuple[dict[str, Any], list[int]]:
        """
        Return what another process needs to start, and the numbers of the files for it.
        """
        service = self._service
        offered = [*service.entrances.offered(), *service.loads.offered()]
        numbers = [each for endpoint in offered for each in endpoint.numbers]
        fields: dict[str, Any] = {
            "pid": os.getpid(),
            "secret": service.targets.secret.hex(),
            "sockets": [(each.endpoint, each.listener, len(each.numbers)) for each in offered],
            "control": service.control.path,
        }
        if service.control.path:
            numbers.append(service.control.number)
        return fields, numbers

    def state(self) -> Deferred[dict[str, Any]]:
        """
        Change nothing more, and tell all that is known.
        """
        service = self._service
        self.begun = service.targets.steering.leaving = True
        service.control.pause()
        # What is being written goes to the disk before the other process writes there.
        return service.persistence.settled().addCallback(lambda _: self._told())

    def _told(self) -> dict[str, Any] | Deferred[dict[str, Any]]:
        service = self._service
        service.persistence.hold()
        state = service.inheritance.state()
        if self.late:
            return state
        return self.sessions().addCallback(lambda found: {**state, "sessions": found})

    def sessions(self) -> Deferred[dict[str, Any]]:
        """
        Let datagrams wait from now on, and tell the members of clients that have sent some.
        """
        self._service.entrances.pause()
        return maybeDeferred(self._service.entrances.sessions)

    def stay(self) -> None:
        """
        Go on as before: the other process has not come about.
        """
        if not self.begun:
            return
        service = self._service
        self.begun = service.targets.steering.leaving = False
        service.control.resume()
        service.entrances.resume()
        service.persistence.release()

    def leave(self) -> None:
        """
        Take no more clients.
        """
        self.done = True
        self._service.control.give_away()
        self._service.entrances.give_away()

    def check(self) -> None:
        """
        See whether something may be changed.

        @raise StartError: when that is the other process' to do.
        """
        if self.begun:
            raise StartError("another process is taking the place of this one")

    def unfinished(self) -> list[Any]:
        """
        Return what a stop waits for: connections, and commands whose answers nobody else has.
        """
        service = self._service
        found = service.listeners.unfinished()
        return [*found, *service.control.unfinished()] if self.done else found
