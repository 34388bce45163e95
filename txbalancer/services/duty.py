"""
The data path of one worker, as a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txbalancer.core.snapshot import restore
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.state import read
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.inside import Inside
from txbalancer.services.seen import SeenLines
from txbalancer.services.service import BalancerService
from txbalancer.services.sockets import Socket
from txbalancer.services.ties import Ties, take_rooms
from txbalancer.workers.orders import Noted, Seen, Setup, command_of
from txbalancer.workers.reports import Report, Reporter

Tell = Callable[..., Deferred[Any]]


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
    @ivar ties: what is told of members, and heard.
    """

    log = Logger()

    def __init__(self, setup: Setup, given: list[Socket], reactor: Any, tell: Tell) -> None:
        """
        @param tell: sends a command to the supervisor.
        """
        inside = Inside(setup.folder, setup.secret)
        super().__init__(own_part(setup.spec), reactor=reactor, inside=inside)
        inside.registry = self.registry
        self.given = given
        self._outset, self._workers = setup.outset, setup.workers
        self.ties = Ties(self.runtime, self._find, lambda word: tell(Noted, word=word))
        self.targets.on_flip = self.ties.flipped
        self._seen_lines = SeenLines(reactor, lambda lines: tell(Seen, lines=lines))
        self._reporter = Reporter(
            self.telemetry.meters,
            self.targets.resources,
            self.listeners.views,
            lambda: self.logs.access.lost,
        )

    def _find(self, name: str) -> BalancerResource | None:
        return self.targets.balancers.get(name)

    # -- life

    def _open(self) -> None:
        """
        Be as the supervisor is, then accept.
        """
        outset = self._outset
        for name, state in outset.states.items():
            resource = self.targets.balancers[name]
            restore(resource.balancer, read(state), outset.now)
            for member in resource.balancer.members:
                # Others had these; they are in the sums.
                member.elected = member.transferred = member.read = 0
                member.base //= self._workers
                member.temporary = None
            resource.open_pools()
        for name, bindings in outset.sources.items():
            sources = self.targets.balancers[name].balancer.sources
            for each in bindings if sources is not None else ():
                sources.learn(each)
        for name, rooms in outset.rooms.items():
            take_rooms(self.targets.balancers[name], rooms)
        self._share()
        super()._open()

    def _share(self) -> None:
        for each in self.targets.balancers.values():
            self.ties.share(each.balancer)

    def reload(self, spec: ServiceSpec, who: str = "") -> list[str]:
        """
        Put another configuration in force.
        """
        lines = super().reload(spec, who)
        self._share()
        return lines

    def sockets(self) -> list[Socket]:
        """
        Return what the supervisor has opened.
        """
        given, self.given = self.given, []
        return given

    def _begin_duties(self) -> None:
        """
        Check and ask nobody: the supervisor does.
        """

    def _apply_checks(self, before: Iterable[str] = ()) -> None:
        """
        Check nobody.
        """

    def _close(self) -> None:
        self.ties.stop()
        self._seen_lines.stop()
        super()._close()

    # -- what is told and what is heard

    def order(self, order: Any) -> None:
        """
        Carry out an order of somebody, which the supervisor has found good.
        """
        self.targets.steering.carry_out(command_of(order))

    def watch(self, filters: Any) -> None:
        """
        Pass on those lines of the access log that somebody wants to see.
        """
        self.targets.steering.tap.follow(filters, self._seen_lines.taker)

    def report(self, whole: bool = False) -> Report:
        """
        Return what was done since the last report.

        @param whole: leave nothing out for now.
        """
        return self._reporter.report(self.runtime.now(), whole)
