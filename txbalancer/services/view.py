"""
One view of a service with several workers: whoever looks at the supervisor sees the sums, and
what is done to it is done to all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txbalancer.control.metrics.of_listeners import ListenerView
from txbalancer.control.processes import WorkerView, usage_of
from txbalancer.core import snapshot
from txbalancer.core.commands import (
    AddMember,
    Command,
    PutBack,
    RenewMember,
    Revert,
    SetBalancer,
    subject,
)
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.relays import Relays, word_of
from txbalancer.services.shares import Name, names_of, names_of_balancer
from txbalancer.services.sums import Sums
from txbalancer.workers.child import Child
from txbalancer.workers.crew import Crew
from txbalancer.workers.orders import Outset
from txbalancer.workers.word import Word


class View:
    """
    Stands between the supervisor's own parts, which are those of any service, and the workers.

    @ivar sums: what all workers do; C{relays}: what they are told.
    """

    log = Logger()

    def __init__(self, service: Any, crew: Crew) -> None:
        """
        @param service: a L{Supervisor<txbalancer.services.supervisor.Supervisor>}.
        """
        targets, self._service = service.targets, service
        self._runtime, self._targets, self._crew = service.runtime, targets, crew
        self._started: WeakKeyDictionary[Child, float] = WeakKeyDictionary()
        self._steering = targets.steering
        self.sums = Sums(service.telemetry.meters, targets.resources)
        self.relays = Relays(service.runtime, self._find, crew.everyone, self._rows_for)
        self._show()
        targets.on_flip, targets.on_alarm = self.relays.flipped, self.relays.alarmed
        self.relays.on_guess = targets.guards.learn
        targets.guards.on_wrong = self.relays.guessed
        service.loads.on_rooms = self.relays.roomy
        self._steering.on_change.append(self.relays.ordered)
        self._steering.tap.on_change = self._watch
        self._durable = self._steering.settled
        self._steering.settled = self._settled

    def _find(self, name: str) -> BalancerResource | None:
        return self._targets.balancers.get(name)

    def _show(self) -> None:
        sums, facts, sources = self.sums, self._steering.facts, self._targets.pages.sources
        facts.connections = lambda: sum(sums.connections().values())
        facts.listeners, facts.load = sums.connections, sums.load
        sources.listeners, sources.lost = self._listeners, lambda: sums.lost
        own = facts.limits
        facts.limits = sources.limits = lambda: sums.limits.views(
            # Before its own pages the supervisor judges rates itself.
            each
            for each in own()
            if each.option == "rate"
        )
        sources.room = sums.limits.room
        facts.workers = sources.workers = self._workers
        sources.replaced = lambda: sum(self._crew.replaced.values())

    def _listeners(self) -> list[ListenerView]:
        """
        Return what the listeners of all workers do. Each takes the same certificates from the
        disk: the supervisor, which looks there, too, counts them for as long as the service runs.
        """
        return [
            each
            if each.tls is None
            else each._replace(tls=each.tls._replace(renewals=self._service.renewals[each.name]))
            for each in self.sums.listeners()
        ]

    def _workers(self) -> list[WorkerView]:
        """
        Return what each worker does and uses; the system is asked each time.
        """
        return [
            WorkerView(
                child.number,
                child.last_pid,
                self._start_of(child),
                *usage_of(child.last_pid),
                *self.sums.work(child),
            )
            for child in sorted(self._crew, key=lambda each: each.number)
        ]

    def _start_of(self, child: Child) -> float:
        """
        Return when a worker began, in seconds since the epoch: the same each time, though the two
        clocks are never read at the same moment.
        """
        ago = self._runtime.now() - child.at_work
        return self._started.setdefault(child, self._runtime.wall() - ago)

    def _watch(self) -> None:
        self.relays.watch(self._steering.tap.filters())

    def _settled(self) -> Deferred[str]:
        """
        Wait until all changes so far are on the disk and in every worker.
        """
        durable = self._durable()
        return self.relays.performed().addCallback(lambda _: durable)

    # -- one worker

    def welcome(self, child: Child) -> None:
        """
        Let a worker that is about to serve be part of it all.
        """
        if child in self.sums:
            return
        self.sums.begin(child)
        child.on_report, child.on_word = self.sums.take, self._hear
        child.on_lines, child.on_warning = self._seen, self._warned
        child.ended.addCallback(self._settle, child)

    def _hear(self, child: Child, word: Word) -> Word:
        return self.relays.hear(child, word)

    def _seen(self, lines: Any) -> None:
        for number, line in lines:
            self._steering.tap.push(number, line)

    def _warned(self, child: Child, text: str) -> None:
        self._targets.journal.note("warning", f"worker {child.number}: {text}")

    def _settle(self, cause: str, child: Child) -> str:
        self.sums.settle(child)
        return cause

    def outset(self) -> Outset:
        """
        Return how all is, for a worker that begins.
        """
        now = self._runtime.now()
        resources = self._targets.balancers
        return Outset(
            now,
            {name: snapshot.export(each.balancer, now) for name, each in resources.items()},
            word_of(resources),
            self._rows(self._all_rows()),
            self._steering.tap.filters(),
            self._targets.guards.owing(),
        )

    # -- the shared table

    def _rows(self, names: Iterable[Name]) -> dict[Name, int]:
        """
        Return where in the table what is; where it is full, limits hold for each worker.
        """
        places = self._service.workforce.places
        if places.rows.many:
            places.reclaim(set(self._all_rows()))
        rows, found = places.rows, {}
        for name in names:
            try:
                found[name] = rows[name]
            except LookupError as error:
                self.log.warn("{error}; limits are each worker's own", error=str(error))
                break
        return found

    def _all_rows(self) -> Iterable[Name]:
        return names_of(self._targets.resources(), self._service.spec.listeners)

    def _rows_for(self, command: Command) -> dict[Name, int]:
        """
        Return where in the table is what a command brings about.
        """
        balancer = self._targets.balancers[command.balancer].balancer
        if isinstance(command, AddMember | PutBack | RenewMember):
            name = subject(command)
            members = [each for each in balancer.members if each.name == name]
        elif isinstance(command, SetBalancer | Revert):
            members = list(balancer.members)
        else:
            return {}
        return self._rows(names_of_balancer(balancer.spec, members))
