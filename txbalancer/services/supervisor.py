"""
The service with several workers, as one: what is seen of it and done to it from outside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.logger import Logger

from txbalancer.core import snapshot
from txbalancer.core.commands import Change
from txbalancer.core.outcome import Outcome
from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.core.standing import Flip
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.flips import COMMANDED
from txbalancer.services.inside import inner_listener
from txbalancer.services.outside import Held, Outside
from txbalancer.services.pictures import Picture
from txbalancer.services.service import BalancerService
from txbalancer.services.sums import Sums
from txbalancer.workers.child import Child
from txbalancer.workers.crew import Crew
from txbalancer.workers.orders import (
    Configure,
    Perform,
    Setup,
    Stop,
    TakeSocket,
    Turn,
    Turned,
    turn_of,
)
from txbalancer.workers.orders import Reopen as ReopenLogs


def count_of(spec: ServiceSpec) -> int:
    """
    Return how many workers a configuration wants: C{auto} is one for each core that we may use.
    """
    wanted = spec.service.workers
    return wanted if wanted >= 0 else len(os.sched_getaffinity(0))


class Supervisor(BalancerService):
    """
    Has the listening sockets, the checks, the state and all pages; the workers carry the traffic.

    Its own balancers are never asked for a member: they are the picture of what the workers'
    balancers are, and where changes are decided.

    @ivar crew: the workers.
    """

    log = Logger()
    make_resource = Picture

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.crew = Crew(self.reactor, self.runtime.now, self._prepare_worker, self._lost)
        self.outside = Outside(self.reactor)
        self.sums = Sums(self.telemetry.meters, self.targets.resources)
        self._show_sums()
        self.targets.on_flip = self._flipped
        self.targets.steering.on_change.append(self._changed)
        self._folder = ""
        self._from: Child | None = None

    def _show_sums(self) -> None:
        sums, facts = self.sums, self.targets.steering.facts
        sources = self.targets.pages.sources
        facts.connections = lambda: sum(sums.connections().values())
        facts.listeners, facts.load = sums.connections, sums.load
        sources.listeners, sources.lost = sums.listeners, lambda: sums.lost

    # -- life

    def _open(self) -> None:
        """
        Open the ports; what is behind them comes with the start.
        """
        self.outside.prepare(self.spec.listeners, count_of(self.spec))
        self.outside.publish()

    def _close_listeners(self) -> None:
        super()._close_listeners()
        self.outside.close()

    def startService(self) -> None:
        """
        Begin to serve: by now the process has the user that it is going to have.
        """
        self._prepare()
        self._folder = tempfile.mkdtemp(prefix="txbalancer-")
        super()._open()
        super().startService()
        self._resize(self.spec)

    def served(self, spec: ServiceSpec) -> tuple[ListenerSpec, ...]:
        """
        Return what workers pass on to here.
        """
        http = [each for each in spec.listeners if each.mode == "http"]
        return tuple(inner_listener(each, self._folder) for each in http)

    def _stop(self, closed: Any) -> Deferred[None]:
        for child in self.crew:
            child.call(Stop)
        over = self.crew.stop()
        return super()._stop(gatherResults([closed, over]))

    def _close(self) -> None:
        super()._close()
        self.outside.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def cut(self) -> None:
        """
        End a graceful stop now.
        """
        super().cut()
        self.crew.cut()

    def reload(self, spec: ServiceSpec, who: str = "") -> list[str]:
        """
        Put another configuration in force, here and in every worker.
        """
        try:
            self.outside.prepare(spec.listeners, count_of(spec))
            lines = super().reload(spec, who)
        except Exception:
            self.outside.abandon()
            raise
        unused = self.outside.publish()
        self._resize(spec)
        told = DeferredList([self._prepare_worker(child) for child in self.crew])
        # A worker may accept from a socket until it has the new configuration.
        told.addCallback(lambda _: _close_all(unused))
        return lines

    def _resize(self, spec: ServiceSpec) -> None:
        for each in self.crew.resize(count_of(spec), spec.service.worker_timeout):
            each.call(Stop)

    def reopen_logs(self) -> None:
        """
        Open all logs anew, those of the workers too.
        """
        super().reopen_logs()
        for child in self.crew:
            child.call(ReopenLogs)

    # -- workers

    def _prepare_worker(self, child: Child) -> Deferred[Any]:
        if child not in self.sums:
            self.sums.begin(child)
            child.on_report, child.on_turn = self.sums.take, self._turned
            child.ended.addCallback(self._settle, child)
        now = self.runtime.now()
        states = {
            name: snapshot.export(each.balancer, now)
            for name, each in self.targets.balancers.items()
        }
        for held in self.outside:
            family, number = held.of(child.number)
            child.call(TakeSocket, endpoint=held.endpoint, family=family, socket=number)
        setup = Setup(self.spec, states, self.targets.secret, self._folder)
        return child.call(Configure, setup=setup).addCallback(self._prepared_worker, child)

    def _prepared_worker(self, answer: Any, child: Child) -> None:
        if answer is not None and answer["fault"]:
            child.kill(f"it cannot serve: {answer['fault']}")

    def _settle(self, cause: str, child: Child) -> str:
        self.sums.settle(child)
        return cause

    def _lost(self, child: Child) -> None:
        self.targets.journal.note(
            "worker", f"worker {child.number} is lost: {child.why or 'it ended'}"
        )

    # -- what they do

    def _finish(self, outcome: Outcome) -> None:
        """
        Leave the counting of what came by a worker to that one.
        """

    def _turned(self, child: Child, turn: Turn) -> None:
        resource = self.targets.balancers.get(turn.balancer)
        member = resource.member(turn.member) if resource is not None else None
        if resource is None or member is None:
            return
        self._from = child
        try:
            member.error_time = turn.error_time
            after = (member.flags | turn.on) & ~turn.off
            resource.balancer.set_flags(member, after, turn.cause, self.runtime.now())
        finally:
            self._from = None

    def _flipped(self, flip: Flip, resource: BalancerResource) -> None:
        """
        Tell the workers of a change that they have not seen.
        """
        if flip.cause == COMMANDED:
            return
        turn = turn_of(flip, resource.balancer.spec.name)
        for child in self.crew:
            if child is not self._from:
                child.tell(Turned, turn=turn)

    def _changed(self, change: Change) -> None:
        for child in self.crew:
            child.call(Perform, order=change.command)


def _close_all(unused: list[Held]) -> None:
    for each in unused:
        each.close()
