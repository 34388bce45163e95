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

from txbalancer.core.outcome import Outcome
from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.services.gates import Gates
from txbalancer.services.inside import inner_listener
from txbalancer.services.outside import Held, Outside
from txbalancer.services.pictures import Picture
from txbalancer.services.service import BalancerService
from txbalancer.services.sockets import Socket
from txbalancer.services.view import View
from txbalancer.workers.child import Child
from txbalancer.workers.crew import Crew
from txbalancer.workers.orders import (
    Configure,
    Setup,
    Stop,
    TakeSocket,
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
        self.entrances = self.gates = Gates(self.outside, self.crew)
        self.view = View(self, self.crew)
        self._folder = ""
        self._left: Deferred[Any] | None = None

    # -- life

    def _open(self) -> None:
        """
        Open the ports; what is behind them comes with the start.
        """
        self.outside.inherit(self.beginning.endpoints())
        inherited = list(self.outside)
        self.outside.prepare(self.spec.listeners, count_of(self.spec))
        self.beginning.keep(inherited, self.outside.publish())

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
        self.gates.expect_workers(count_of(self.spec))
        self._resize(self.spec)

    def served(self, spec: ServiceSpec) -> tuple[ListenerSpec, ...]:
        """
        Return what workers pass on to here.
        """
        http = [each for each in spec.listeners if each.mode == "http"]
        return tuple(inner_listener(each, self._folder) for each in http)

    def stopService(self) -> Deferred[None]:
        """
        Stop as L{BalancerService.stopService}; workers that leave their place to others have all
        pages until their end.
        """
        if self.leaving.done and self._left is None:
            self._left = self.crew.stop()
            self._left.addCallback(lambda _: super(Supervisor, self).stopService())
        return super().stopService() if self._left is None else self._left

    def sockets(self) -> list[Socket]:
        """
        Return none: those that there are, are the workers'.
        """
        return []

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
        self.view.welcome(child)
        for held in self.outside:
            family, number = held.of(child.number)
            child.call(TakeSocket, endpoint=held.endpoint, family=family, socket=number)
        outset = self.view.outset()
        setup = Setup(self.spec, outset, count_of(self.spec), self.targets.secret, self._folder)
        return child.call(Configure, setup=setup).addCallback(self._prepared_worker, child)

    def _prepared_worker(self, answer: Any, child: Child) -> None:
        if answer is None:
            return
        if answer["fault"]:
            child.kill(f"it cannot serve: {answer['fault']}")
        else:
            self.gates.serves(child.number)

    def _lost(self, child: Child) -> None:
        self.targets.journal.note(
            "worker", f"worker {child.number} is lost: {child.why or 'it ended'}"
        )

    # -- what they do

    def _own_load(self) -> tuple[int, int]:
        """
        Return what all workers can take in addition, and what they have.
        """
        return self.view.sums.load()

    def _finish(self, outcome: Outcome) -> None:
        """
        Leave the counting of what came by a worker to that one.
        """


def _close_all(unused: list[Held]) -> None:
    for each in unused:
        each.close()
