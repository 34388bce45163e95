"""
The data path of one worker, as a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from twisted.logger import Logger

from txbalancer.core.commands import SetMember
from txbalancer.core.snapshot import restore
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.standing import Flip
from txbalancer.core.state import read
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.flips import COMMANDED
from txbalancer.services.inside import Inside
from txbalancer.services.service import BalancerService
from txbalancer.services.sockets import Socket
from txbalancer.workers.orders import Setup, Turn, turn_of
from txbalancer.workers.reports import Report, Reporter


def own_part(spec: ServiceSpec) -> ServiceSpec:
    """
    Return what of a configuration is a worker's: all but what the supervisor does for all.
    """
    service = replace(
        spec.service,
        workers=0,
        control="off",
        state="",
        error_log="",
        event_log="off",
        heartbeat_listen="",
        heartbeat_address="",
        stop_delay=0.0,
    )
    return replace(spec, service=service)


class WorkerService(BalancerService):
    """
    The data path alone.

    @ivar given: sockets of the supervisor's that no listener has taken yet.
    """

    log = Logger()

    def __init__(
        self, setup: Setup, given: list[Socket], reactor: Any, turned: Callable[[Turn], object]
    ) -> None:
        """
        @param turned: called with changes of members' flags that come from traffic.
        """
        inside = Inside(setup.folder, setup.secret)
        super().__init__(own_part(setup.spec), reactor=reactor, inside=inside)
        inside.registry = self.registry
        self.given = given
        self.targets.on_flip = self._flipped
        self._turned = turned
        self._reporter = Reporter(
            self.telemetry.meters,
            self.targets.resources,
            self.listeners.views,
            lambda: self.logs.access.lost,
        )
        self._told = False
        self._states = setup.states

    def _open(self) -> None:
        """
        Be as the supervisor is, then accept.
        """
        now = self.runtime.now()
        for name, state in self._states.items():
            resource = self.targets.balancers[name]
            restore(resource.balancer, read(state), now)
            for member in resource.balancer.members:
                # Others had these; they are in the sums.
                member.elected = member.transferred = member.read = 0
                member.temporary = None
            resource.open_pools()
        super()._open()

    def sockets(self) -> list[Socket]:
        """
        Return what the supervisor has opened.
        """
        given, self.given = self.given, []
        return given

    def _apply_checks(self, before: Iterable[str] = ()) -> None:
        """
        Check nobody: the supervisor does.
        """

    # -- what is told and what is heard

    def order(self, command: Any) -> None:
        """
        Carry out an order of somebody, which the supervisor has found good.
        """
        if isinstance(command, SetMember):
            # The supervisor says when that is over.
            command = replace(command, lasting=None, temporary=None)
        self.targets.steering.carry_out(command)

    def turn(self, turn: Turn) -> None:
        """
        Take over what became of a member elsewhere.
        """
        resource = self.targets.balancers.get(turn.balancer)
        member = resource.member(turn.member) if resource is not None else None
        if resource is None or member is None:
            return
        self._told = True
        try:
            member.error_time = turn.error_time
            after = (member.flags | turn.on) & ~turn.off
            resource.balancer.set_flags(member, after, turn.cause, self.runtime.now())
        finally:
            self._told = False

    def _flipped(self, flip: Flip, resource: BalancerResource) -> None:
        if not self._told and flip.cause != COMMANDED:
            self._turned(turn_of(flip, resource.balancer.spec.name))

    def report(self, whole: bool = False) -> Report:
        """
        Return what was done since the last report.

        @param whole: leave nothing out for now.
        """
        return self._reporter.report(self.runtime.now(), whole)
