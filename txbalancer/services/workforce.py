"""
The worker processes of a service, and what they listen with.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.services.outside import Held, Outside
from txbalancer.services.sockets import Offered
from txbalancer.workers.child import Child
from txbalancer.workers.crew import Crew
from txbalancer.workers.orders import Configure, Setup, TakeBox, TakeRates, TakeSocket
from txbalancer.workers.parcels import Packed
from txbalancer.workers.places import Places
from txbalancer.workers.rates import RateMemory
from txbalancer.workers.standin import StandIn


def count_of(spec: ServiceSpec) -> int:
    """
    Return how many workers a configuration wants: C{auto} is one for each core that we may use.
    """
    wanted = spec.service.workers
    return wanted if wanted >= 0 else len(os.sched_getaffinity(0))


class Workforce:
    """
    Gives each worker its place, its sockets and its orders.

    @ivar crew: the workers.
    @ivar outside: what they listen with.
    @ivar folder: for sockets between the processes; only the service's user may enter it.
    @ivar edition: which configuration is in force, counted from 1.
    """

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], float],
        setup: Callable[[int], Setup],
        rates: Callable[[], Mapping[str, RateMemory]],
        begin: Callable[[Child], object],
        lost: Callable[[Child, str], object],
    ) -> None:
        """
        @param setup: returns what workers are to serve by, for an edition.
        @param rates: returns the memory of each limit's rates.
        @param begin: called with each worker before it is told anything.
        @param lost: called with one that ended without having been told to, and the cause.
        """
        self._reactor, self._now = reactor, now
        self._setup, self._rates, self._begin = setup, rates, begin
        self._on_lost = lost
        self.crew = Crew(reactor, now, self._make, self._prepare, self._over, self._lost)
        self.edition = 0
        self.folder = ""
        self.outside = Outside(reactor)
        self._places: Places | None = None
        self._count = 0
        self._missing: set[int] = set()
        self._stand_in = StandIn(reactor, lambda *what: self.places.give(self.edition, *what))
        self._children: dict[int, Child] = {}
        self._packed: Packed | None = None

    @property
    def places(self) -> Places:
        """
        Where each process has its own; there from the start on.
        """
        assert self._places is not None
        return self._places

    # -- sockets

    def open(
        self, listeners: Iterable[ListenerSpec], count: int, offered: Iterable[Offered] = ()
    ) -> tuple[list[Held], list[Held]]:
        """
        Open all endpoints for the first time; does nothing when they are open.

        @param offered: endpoints that another process has opened.
        @return: what was made of those, and what of it is not used.
        @raise StartError: when one cannot be had; none is open then.
        """
        if self.edition:
            return [], []
        self.outside.inherit(offered)
        inherited = list(self.outside)
        try:
            self.prepare(listeners, count)
        except Exception:
            self.abandon()
            raise
        unused = self.outside.publish()
        self.edition, self._count = 1, count
        return inherited, unused

    def prepare(self, listeners: Iterable[ListenerSpec], count: int) -> None:
        """
        Open the endpoints of another configuration.

        @raise StartError: when one cannot be had; L{abandon} must follow.
        """
        self.outside.prepare(listeners, count)

    def abandon(self) -> None:
        """
        Stay with those that there were.
        """
        self.outside.abandon()

    # -- life

    def make_folder(self) -> None:
        """
        Have a place for sockets between the processes, as the user that they are going to have.
        """
        self.folder = tempfile.mkdtemp(prefix="txbalancer-")
        self._places = Places(self.folder)

    def start(self, spec: ServiceSpec) -> None:
        """
        Have the workers that a configuration wants.
        """
        # Ports were opened before the logs.
        self.outside.tell()
        self.crew.resize(self._count, spec.service.worker_timeout, spec.service.graceful_timeout)

    def publish(self, spec: ServiceSpec) -> None:
        """
        Have all serve by another configuration.
        """
        unused = self.outside.publish()
        self._count = count_of(spec)
        self.edition += 1
        # What takes a while for ten thousand members is done once for all.
        self._packed = Packed(self._setup(self.edition))
        self.crew.refresh(self._count)
        self.start(spec)
        self._packed = None
        self._replace_lost()
        # A worker may accept from a socket until it has the new configuration.
        self.crew.settled().addCallback(lambda _: _close_all(unused))

    def stop(self) -> Deferred[Any]:
        """
        Have all end.

        @return: fires when no process is left.
        """
        self._count = 0
        self._replace_lost()
        self.crew.stop().addCallback(lambda _: self.outside.close())
        return self.crew.ended()

    def give_away(self) -> None:
        """
        Leave new clients to another process.
        """
        self._count = 0
        self._replace_lost()
        self.crew.succeeded = True
        self.crew.stop()
        self.outside.give_away()

    def close(self) -> None:
        """
        Have nothing open any more.
        """
        self._stand_in.serve({})
        self.outside.close()
        if self._places is not None:
            self._places.close()
            self._places = None
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- one by one

    def _make(self) -> Child:
        places = self.places
        column = places.take()
        made = self._children[column] = Child(
            self._reactor,
            self._now,
            column,
            places.table.column(column),
            places.files(column),
            (str(column), self.folder, str(os.getpid())),
        )
        return made

    def restore(self) -> None:
        """
        Make boxes anew that something has removed.

        @raise OSError: when one cannot be made.
        """
        places = self.places
        for column in places.lost():
            former = places.renew(column)
            told = self._children[column].call(TakeBox, box=places.files(column)[1])
            told.addCallback(lambda _, former: places.empty(former), former)

    def _prepare(self, child: Child) -> Deferred[Any]:
        self._begin(child)
        wanted: set[tuple[int, int]] = set()
        for held in self.outside:
            for index, family, number in held.of(child.number, self._count):
                wanted.add((held.key, index))
                if (held.key, index) not in child.has:
                    child.call(
                        TakeSocket,
                        key=held.key,
                        index=index,
                        endpoint=held.endpoint,
                        family=family,
                        socket=number,
                    )
        child.has = wanted
        self._give_rates(child)
        setup = self._packed or self._setup(self.edition)
        told = child.call(Configure, setup=setup, place=child.number, sockets=wanted)
        return told.addCallback(self._configured, child)

    def _give_rates(self, child: Child) -> None:
        """
        Let a worker have the memory of limits that are new, or begin anew.
        """
        before, child.rates = child.rates, dict(self._rates())
        for name, memory in child.rates.items():
            if before.get(name) is not memory:
                told = child.call(TakeRates, name=name, memory=memory.descriptor)
                # It has to stay open until it is on its way.
                told.addCallback(lambda _, memory: None, memory)

    def _configured(self, answer: Any, child: Child) -> str:
        if self._places is not None:
            self._places.distribute()
        if answer is None or answer["fault"]:
            return answer["fault"] if answer is not None else ""
        if self.crew.members.get(child.number) is child:
            self._missing.discard(child.number)
            self._replace_lost()
        return ""

    def _lost(self, child: Child, cause: str) -> None:
        self._missing.add(child.number)
        self._replace_lost()
        self._on_lost(child, cause)

    def _replace_lost(self) -> None:
        """
        Have others get what comes to the sockets of workers that are lost. Those that are only
        just starting have their clients wait: all would stay with the first that is there.
        """
        doors = {}
        for held in self.outside:
            for place in self._missing:
                if held.divided and place <= self._count:
                    for index, _, number in held.of(place, self._count):
                        doors[held.key, index] = number
        self._stand_in.serve(doors)

    def _over(self, child: Child) -> None:
        del self._children[child.column]
        if self._places is not None:
            self._places.leave(child.column)


def _close_all(unused: list[Held]) -> None:
    for each in unused:
        each.close()
