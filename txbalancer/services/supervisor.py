"""
The service with several workers, as one: what is seen of it and done to it from outside.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from txbalancer.control.record import Record
from txbalancer.core.outcome import Outcome
from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.errors import StartError
from txbalancer.services.certificates import CertificateWatch
from txbalancer.services.counting import OfSupervisor
from txbalancer.services.fitness import stays_several, vet
from txbalancer.services.gates import Gates
from txbalancer.services.inside import inner_listener
from txbalancer.services.pictures import ListenerPicture, Picture
from txbalancer.services.service import BalancerService
from txbalancer.services.sockets import Socket
from txbalancer.services.told import TellingChannel
from txbalancer.services.upkeep import Upkeep
from txbalancer.services.view import View
from txbalancer.services.workforce import Workforce, count_of
from txbalancer.tls.listeners import ListenerTLS, server_options
from txbalancer.workers.child import Child
from txbalancer.workers.orders import Reopen as ReopenLogs
from txbalancer.workers.orders import Setup
from txbalancer.workers.parcels import Packed
from txbalancer.workers.rates import RateMemory, SharedRates


class Supervisor(BalancerService):
    """
    Has the listening sockets, the checks, the state and all pages; the workers carry the traffic.

    Its own balancers are never asked for a member: they are the picture of what the workers'
    balancers are, and where changes are decided.

    @ivar workforce: the processes and what they listen with; C{crew}: the workers.
    @ivar renewals: how often certificates of each listener were taken from the disk, by its name.
    """

    log = Logger()
    make_resource = Picture
    fits = staticmethod(stays_several)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options["counting"] = OfSupervisor(lambda: self.workforce.places.table, time.monotonic)
        super().__init__(*arguments, **options)
        self.workforce = Workforce(
            self.reactor, self.runtime.now, self._setup, self._rates, self._welcome, self._lost
        )
        self.crew = self.workforce.crew
        self.entrances = self.gates = Gates(self.workforce)
        self.runtime.channel = TellingChannel
        self.upkeep = Upkeep(self.reactor, self.workforce, self.listeners)
        self._left: Deferred[Any] | None = None
        self.view = View(self, self.crew)
        self._certificates: dict[str, ListenerTLS | None] = {}
        self.renewals: defaultdict[str, Record] = defaultdict(Record)
        self._packed: tuple[int, Packed] | None = None
        self.certificates = CertificateWatch(self.runtime, self.targets, self._listening)

    # -- life

    def privilegedStartService(self) -> None:
        """
        Open every port; what is behind them comes with the start, as the user who serves.
        """
        self._open_ports()
        MultiService.privilegedStartService(self)

    def _open_ports(self) -> None:
        vet(self.spec, self.fits)
        self.beginning.greet(self)
        used, unused = self.workforce.open(
            self.spec.listeners, count_of(self.spec), self.beginning.endpoints()
        )
        self.beginning.keep(used, unused)

    def startService(self) -> None:
        """
        Begin to serve: by now the process has the user that it is going to have.
        """
        self._open_ports()
        self.workforce.make_folder()
        try:
            self._certificates = self._read_certificates(self.spec)
            super().startService()
        except StartError:
            self.workforce.close()
            raise
        self.workforce.start(self.spec)
        self.upkeep.start()
        self.crew.settled().addCallback(lambda _: self.gates.began())

    def served(self, spec: ServiceSpec) -> tuple[ListenerSpec, ...]:
        """
        Return what workers pass on to here.
        """
        http = [each for each in spec.listeners if each.mode == "http"]
        return tuple(inner_listener(each, self.workforce.folder) for each in http)

    def settled(self) -> Deferred[None]:
        """
        Wait until all workers serve by the configuration in force.
        """
        return self.crew.settled()

    def well(self) -> bool:
        """
        Tell whether anybody serves.
        """
        return self.crew.well()

    def sockets(self) -> list[Socket]:
        """
        Return none: those that there are, are the workers'.
        """
        return []

    def stopService(self) -> Deferred[None]:
        """
        Stop as L{BalancerService.stopService}; workers that leave their place to others have all
        pages until their end.
        """
        if not self.leaving.done:
            return super().stopService()
        if self._left is None:
            self._left = self.crew.ended()
            self._left.addCallback(lambda _: super(Supervisor, self).stopService())
        return self._left

    def _stop(self, closed: Any) -> Deferred[None]:
        self.upkeep.stop()
        return super()._stop(gatherResults([closed, self.workforce.stop()]))

    def _close(self) -> None:
        super()._close()
        self.workforce.close()

    def cut(self) -> None:
        """
        End a graceful stop now.
        """
        super().cut()
        self.crew.cut()

    # -- another configuration

    def _read_certificates(self, spec: ServiceSpec) -> dict[str, ListenerTLS | None]:
        """
        Try what only workers use, so that none of them is told to use what it cannot.

        @raise StartError: naming the file.
        """
        former = self._certificates
        return {each.name: server_options(each, former.get(each.name)) for each in spec.listeners}

    def _listening(self) -> list[ListenerPicture]:
        """
        Return the listeners of the workers, whose certificates are told of here.
        """
        certificates, renewals, wall = self._certificates, self.renewals, self.runtime.wall
        return [
            ListenerPicture(each, certificates, renewals[each.name], wall)
            for each in self.spec.listeners
        ]

    def reload(self, spec: ServiceSpec, who: str = "") -> list[str]:
        """
        Put another configuration in force, here and in every worker.
        """
        vet(spec, self.fits)
        certificates = self._read_certificates(spec)
        try:
            self.workforce.prepare(spec.listeners, count_of(spec))
            lines = super().reload(spec, who)
        except Exception:
            self.workforce.abandon()
            raise
        self._certificates = certificates
        self.workforce.publish(spec)
        return lines

    def reopen_logs(self) -> None:
        """
        Open all logs anew, those of the workers too.
        """
        super().reopen_logs()
        for child in self.crew.everyone():
            child.call(ReopenLogs)

    # -- workers

    def _setup(self, edition: int) -> Setup:
        if self._packed is None or self._packed[0] != edition:
            self._packed = edition, Packed(self.spec)
        return Setup(
            self._packed[1],
            edition,
            self.view.outset(),
            count_of(self.spec),
            self.targets.secret,
            self.workforce.folder,
            sessions=self.gates.sessions_of_former,
        )

    def _rates(self) -> dict[str, RateMemory]:
        """
        Return the memory of each limit's rates.
        """
        found = {name: each.table for name, each in self.limits.limiters.items()}
        return {name: each.memory for name, each in found.items() if isinstance(each, SharedRates)}

    def _welcome(self, child: Child) -> None:
        self.view.welcome(child)

    def _lost(self, child: Child, cause: str) -> None:
        self.targets.journal.note("worker", f"worker {child.number} is lost: {cause}")

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
