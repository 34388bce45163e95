"""
Limits and loads that count all workers, as one of them keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from txbalancer.core.gates import Gate, GateSpec, Wake, limit_name
from txbalancer.core.member import Member
from txbalancer.core.registry import Registry
from txbalancer.core.specs import BalancerSpec, MemberSpec
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.crowd import Crowd, crowded
from txbalancer.workers.gates import SharedGate
from txbalancer.workers.shares import Line, Share
from txbalancer.workers.table import Table

Name = tuple[str, ...]
"""What a row of the table is about."""

CONNECTIONS: Name = ("connections",)
"""The row of those that C{max-connections} of the service counts."""

_OF_MEMBERS = ("open", "line", "ahead", "busy")
"""Kinds of rows that members have."""

LOOK = 0.005
"""Seconds between two looks at whether there is room, while somebody waits."""

_GATES = 100
"""Gates that are looked at in one turn: each client may have one."""

_ASK = 10
"""Looks between two times that others are asked to give up what they do not use."""

BY_LOAD = ("bybusyness", "leastload")
"""The lbmethods for which attempts of all workers count."""


def names_of(
    resources: Iterable[BalancerResource], listeners: Iterable[Any] = ()
) -> Iterable[Name]:
    """
    Return the names of all rows that balancers need, and listeners' specs.
    """
    for resource in resources:
        yield from names_of_balancer(resource.balancer.spec, resource.balancer.members)
    for each in listeners:
        yield CONNECTIONS
        if each.max_connections:
            yield "admitted", each.name
            yield "held", each.name
        if each.max_requests:
            yield from _of_gate(limit_name(f"listener {each.name}"))


def names_of_balancer(spec: BalancerSpec, members: Iterable[Member]) -> Iterable[Name]:
    """
    Return the names of the rows that a balancer and some of its members need.
    """
    if spec.max_requests:
        yield from _of_gate(limit_name(f"balancer {spec.name}"))
    for member in members:
        if limited(member.spec):
            yield "open", spec.name, member.name
            yield "line", spec.name, member.name
            yield "ahead", spec.name, member.name
        if spec.lbmethod in BY_LOAD:
            yield "busy", spec.name, member.name


def _of_gate(name: str) -> Iterable[Name]:
    return ((kind, name) for kind in ("inside", "before", "first"))


def limited(spec: MemberSpec) -> bool:
    """
    Tell whether a member may have only so much at once.
    """
    return bool(spec.max or spec.maxrequests)


class Shares:
    """
    One worker's part of them.

    @ivar rows: where in the table what is.
    """

    def __init__(
        self,
        clock: Any,
        table: Table,
        number: int,
        workers: int,
        ask: Callable[[str, str], object],
    ) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param number: the worker's own column.
        @param workers: how many share the limits.
        @param ask: called with balancer and member, has others give up idle connections to it.
        """
        self.rows: dict[Name, int] = {}
        self._clock, self._table, self._number = clock, table, number
        self._ask = ask
        self.adopt(workers, {})
        self._waiting: dict[Any, tuple[Callable[[], int], Callable[[], object]]] = {}
        self._gates: dict[SharedGate, None] = {}
        self._crowds: dict[str, Crowd] = {}
        self._call: Any = None
        self._turn = 0

    def adopt(self, workers: int, rows: Mapping[Name, int]) -> None:
        """
        Share the limits with so many, by these rows and no others.
        """
        self._table.workers = workers
        # Others have it, too.
        self.rows.clear()
        self.rows.update(rows)

    def registry(self, registry: Registry) -> Registry:
        """
        Return a registry whose lbmethods by load count what all workers do.
        """
        return crowded(registry, BY_LOAD, self._crowd)

    def _crowd(self, balancer: str) -> Crowd:
        crowd = Crowd(self._table, self._number, self.rows, balancer, self._clock.seconds)
        self._crowds[balancer] = crowd
        return crowd

    def tell(self) -> None:
        """
        Let others know how busy members are here.
        """
        for each in self._crowds.values():
            each.tell_all()

    def learn(self, rows: Mapping[Name, int]) -> None:
        """
        Learn of further rows.
        """
        self.rows.update(rows)

    def forget(self, balancer: str, member: str) -> None:
        """
        Forget the rows of a member that is gone: others may get them.
        """
        for kind in _OF_MEMBERS:
            self.rows.pop((kind, balancer, member), None)

    def apply(self, resources: Iterable[BalancerResource], listeners: Iterable[Any]) -> None:
        """
        Have the limits of these hold for all workers, where they have any.
        """
        for resource in resources:
            for member in resource.balancer.members:
                if limited(member.spec) and not member.pool.shared:
                    self._apply_to_pool(resource, member)
        for each in listeners:
            if each.spec.max_connections and not each.site.shared:
                self._apply_to_site(each.site)

    def _apply_to_pool(self, resource: BalancerResource, member: Any) -> None:
        pool, place = member.pool, (resource.balancer.spec.name, member.name)
        share = self._share(place, pool.open, "open", "line", "ahead")
        if share is None:
            return

        def serve() -> None:
            pool.serve_waiting()
            # Others may have left room elsewhere, for those who do not need this member.
            for each in resource.balancer.members:
                if not pool.waiting:
                    return
                each.pool.serve_others()

        share.on_wait = lambda: self._look_later(place, lambda: pool.waiting, serve)
        pool.share(share, Line(share, pool.line))

    def _apply_to_site(self, site: Any) -> None:
        there = len(site.channels) - site.held
        share = self._share((site.spec.name,), there, "admitted", "held")
        if share is not None:
            share.on_wait = lambda: self._look_later(site, lambda: site.held, site.serve_held)
            site.share(share, Line(share, site.line))

    def _share(self, place: Name, there: int, *kinds: str) -> Share | None:
        """
        Return a part in what rows of these kinds have of a place; C{None} if one is missing.

        @param kinds: of what is taken, who waits, and where ranks count, who goes first.
        """
        rows = [self.rows.get((kind, *place)) for kind in kinds]
        found = [each for each in rows if each is not None]
        if len(found) < len(rows):
            return None
        taken, waiting, *ahead = found
        share = Share(self._table, self._number, taken, waiting, *ahead)
        share.begin(there)
        return share

    def gate(self, spec: GateSpec, wake: Wake) -> Gate | None:
        """
        Make a gate that counts those inside of all workers; C{None} if it has no rows.
        """
        share = self._share((spec.name,), 0, "inside", "before", "first")
        return None if share is None else SharedGate(spec, wake, share, self.look_after)

    # -- those who wait

    def look_after(self, gate: SharedGate) -> None:
        """
        Look whether there is room inside until nobody waits before a gate.
        """
        self._gates[gate] = None
        if self._call is None:
            self._call = self._clock.callLater(LOOK, self._look)

    def _look_later(
        self, what: Any, waiting: Callable[[], int], serve: Callable[[], object]
    ) -> None:
        """
        Look for room until nobody waits: others do not say when they leave some.
        """
        if what not in self._waiting:
            self._waiting[what] = waiting, serve
            self._demand(what)
        if self._call is None:
            self._call = self._clock.callLater(LOOK, self._look)

    def _demand(self, what: Any) -> None:
        if isinstance(what, tuple):
            self._ask(*what)

    def _look(self) -> None:
        self._call = None
        self._turn += 1
        for what, (waiting, serve) in list(self._waiting.items()):
            serve()
            if not waiting():
                del self._waiting[what]
            elif self._turn % _ASK == 0:
                self._demand(what)
        for gate in list(islice(self._gates, _GATES)):
            del self._gates[gate]
            gate.look()
            if gate.pending:
                self._gates[gate] = None
        if (self._waiting or self._gates) and self._call is None:
            self._call = self._clock.callLater(LOOK, self._look)

    def stop(self) -> None:
        """
        Look no more.
        """
        self._waiting.clear()
        self._gates.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None
