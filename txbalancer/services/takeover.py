"""
A service that takes the place of another process's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txbalancer.control.state import StateFile
from txbalancer.errors import StartError
from txbalancer.services.estate.part import FAULTS
from txbalancer.services.former import OUTPUT, Former
from txbalancer.services.sockets import Offered

if TYPE_CHECKING:
    from txbalancer.services.service import BalancerService


class Beginning:
    """
    How a service starts that takes nobody's place.

    @ivar former: the process whose place it takes; C{None} for none.
    """

    former: Former | None = None

    def greet(self, service: BalancerService) -> None:
        """
        Get what is needed before anything is opened.

        @raise StartError: when that is not to be had.
        """

    def sockets(self, reactor: Any) -> list[Any]:
        """
        Return endpoints that are open already.
        """
        return []

    def endpoints(self) -> list[Offered]:
        """
        Return the same for a process that only keeps them.
        """
        return []

    def keep(self, used: Iterable[Any], unused: Iterable[Any]) -> None:
        """
        Note what has become of them.
        """

    def load(self, service: BalancerService, state: StateFile | None) -> None:
        """
        Use a file for changes at run time.
        """
        service.persistence.load(state)

    def inherit(self, service: BalancerService) -> None:
        """
        Go on with what another process knows.

        @raise StartError: when it does not tell.
        """

    def finish(self, service: BalancerService) -> None:
        """
        Serve from now on.
        """

    def reopen_logs(self) -> None:
        """
        Have the other process open its logs anew, too.
        """

    def fail(self, cause: str) -> None:
        """
        Tell the other process why this one ends.
        """

    def report(self) -> dict[str, Any] | None:
        """
        Say how the other process is; C{None} when there is none or it has ended.
        """
        return None


def _client(address: Any, local: Any, member: Any) -> tuple[list[Any], str, str]:
    return list(address), bytes.fromhex(local).hex(), str(member)


class Takeover(Beginning):
    """
    The start of a service that takes another one's place: nothing is opened that the other
    has, and nothing is read that the other knows better.

    @ivar former: the process of that one.
    """

    log = Logger()
    former: Former

    def __init__(self, former: Former) -> None:
        self.former = former

    def greet(self, service: BalancerService) -> None:
        """
        Get what is needed before anything is opened.

        @raise StartError: when the other process does not give it.
        """
        former = self.former
        former.greet()
        service.targets.secret = former.secret
        service.control.given = former.take_control
        service.loads.given = former.take_other

    def sockets(self, reactor: Any) -> list[Any]:
        """
        Return the other process' endpoints.
        """
        return self.former.open(reactor)

    def endpoints(self) -> list[Offered]:
        """
        Return the other process' endpoints.
        """
        return self.former.take()

    def keep(self, used: Iterable[Any], unused: Iterable[Any]) -> None:
        """
        Close what is not used once this process serves: until then the other one needs it.
        """
        self.former.keep(used, unused)

    def load(self, service: BalancerService, state: StateFile | None) -> None:
        """
        Use a file, whatever it holds: the other process says that better.
        """
        service.persistence.go_on(state)

    def inherit(self, service: BalancerService) -> None:
        """
        Go on with what the other process knows, which from now on changes nothing more.

        @raise StartError: when it does not tell.
        """
        # Workers write there as well, for longer than anybody listens.
        self.former.use_output(OUTPUT)
        state = self.former.state()
        for note in service.inheritance.take(state):
            self.log.warn("taken over: {note}", note=note)
        for line in service.inheritance.told():
            self.log.info("taken over: {line}", line=line)
        state = state if isinstance(state, dict) else {}
        if self.former.late:
            service.entrances.hold()
        else:
            service.entrances.expect(self._known(state.get("sessions")))

    def _known(self, sessions: Any) -> dict[str, list[Any]]:
        """
        Return sessions of datagrams as far as they are of the form that this version knows.
        """
        try:
            return {
                str(name): [[*_client(*each)] for each in rows] for name, rows in sessions.items()
            }
        except FAULTS as error:
            self.log.warn("taken over: no sessions of datagrams: {error}", error=repr(error))
            return {}

    def _take_sessions(self, service: BalancerService) -> None:
        try:
            told = self.former.sessions()
        except StartError as error:
            # It has ended meanwhile, and its clients are ours already.
            self.log.warn("taken over: no sessions of datagrams: {error}", error=str(error))
            told = {}
        service.entrances.expect(self._known(told))

    def finish(self, service: BalancerService) -> None:
        """
        Serve in the other process' place.
        """
        if self.former.late:
            self._take_sessions(service)
        service.control.own()
        self.former.on_counts = service.inheritance.take_counts
        self.former.serving(service.reactor)
        service.targets.journal.note(
            "start",
            f"process {os.getpid()} serves in place of process {self.former.pid}",
            details={"version": self.former.version},
        )

    def reopen_logs(self) -> None:
        """
        Have the other process open its logs anew, too: it still writes there.
        """
        self.former.tell("reopen")

    def fail(self, cause: str) -> None:
        """
        Tell the other process why this one ends.
        """
        self.former.fail(cause)

    def report(self) -> dict[str, Any] | None:
        """
        Say how the other process is; C{None} when it has ended.
        """
        former = self.former
        if not former.there:
            return None
        return {
            "pid": former.pid,
            "version": former.version,
            "connections": former.connections,
        }
