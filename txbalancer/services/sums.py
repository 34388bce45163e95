"""
One view of what several workers do.

What they count is added to the one place where everybody looks; what they have to do at the
moment is kept by worker, so that it ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from txbalancer.control.metrics.of_listeners import ListenerView, left_over, together
from txbalancer.core.member import Member
from txbalancer.core.meters import Meter, Meters
from txbalancer.services.limitsums import LimitSums
from txbalancer.workers.reports import AT_REST, Levels, Place, Report, added, count, requests_of

_MOST_WITHOUT_LIMIT = 10000
"""Connections that one worker is said to take where a listener has no limit (APACHE A23)."""


class _Part:
    """
    What one worker has to do.

    @ivar requests: exchanges that it has finished.
    """

    __slots__ = ("levels", "listeners", "requests", "retries", "standings", "waiting")

    def __init__(self) -> None:
        self.requests = 0
        self.levels: dict[Place, Levels] = {}
        self.listeners: dict[str, ListenerView] = {}
        self.standings: dict[str, list[int]] = {}
        self.waiting: dict[str, int] = {}
        self.retries: dict[str, int] = {}


class Work(NamedTuple):
    """
    What a worker does, in figures.
    """

    requests: int
    connections: int
    busy: int


class Sums:
    """
    Takes the reports of workers, which are told apart by any value that can be a key.

    @ivar lost: lines of access logs that could not be written.
    @ivar limits: those of all workers.
    """

    def __init__(self, meters: Meters, resources: Callable[[], Iterable[Any]]) -> None:
        """
        @param meters: where exchanges are counted.
        @param resources: returns the L{Picture<txbalancer.services.pictures.Picture>} of every
            balancer, the first of a name being the one that is looked at.
        """
        self.lost = 0
        self.limits = LimitSums()
        self._meters, self._resources = meters, resources
        self._parts: dict[Any, _Part] = {}
        self._left: dict[str, ListenerView] = {}
        self._pictures: dict[str, Any] = {}
        self._members: dict[str, tuple[Sequence[Member], dict[str, Member]]] = {}

    def __contains__(self, worker: Any) -> bool:
        return worker in self._parts

    def begin(self, worker: Any) -> None:
        """
        Expect reports of a worker, until L{settle}.
        """
        self._parts[worker] = _Part()

    def take(self, worker: Any, report: Report) -> None:
        """
        Take a report. What a worker had counted counts even after L{settle}.
        """
        part = self._parts.get(worker)
        self.lost += report.lost
        by_key = self._meters.by_key
        for key, packed in report.meters.items():
            meter = by_key.get(key)
            if meter is None:
                meter = by_key[key] = Meter()
            count(meter, packed)
            if part is not None:
                part.requests += requests_of(packed)
        self._pictures = {each.balancer.spec.name: each for each in [*self._resources()][::-1]}
        for place, news in report.members.items():
            member = self._member(place)
            if member is not None:
                member.elected += news.elected
                member.transferred += news.transferred
                member.read += news.read
            if part is not None:
                part.levels[place] = news.levels
                self._show(place)
        for name, restraint in report.restraints.items():
            self._take_restraint(part, name, *restraint)
        if part is not None:
            self._take_levels(part, report)
            if report.limits is not None:
                self.limits.take(worker, report.limits, report.room)

    def _take_restraint(
        self, part: _Part | None, name: str, spared: int, denied: int, retries: int
    ) -> None:
        if name in self._pictures:
            balancer = self._pictures[name].balancer
            balancer.spared += spared
            if balancer.budget is not None:
                balancer.budget.denied += denied
        if part is not None:
            part.retries[name] = retries
            self._show_retries(name)

    def _take_levels(self, part: _Part, report: Report) -> None:
        for place in report.gone:
            if part.levels.pop(place, None) is not None:
                self._show(place)
        if report.listeners is not None:
            for name in part.listeners.keys() - report.listeners.keys():
                self._leave(part.listeners[name])
            part.listeners = report.listeners
        part.waiting.update(report.waiting)
        part.standings.update(report.standings)
        for name in report.waiting:
            self._show_waiting(name)
        for name in report.standings:
            self._show_standing(name)

    def settle(self, worker: Any) -> None:
        """
        Forget what a worker that is no more was just doing; what it had done stays.
        """
        part = self._parts.pop(worker, None)
        if part is None:
            return
        self._pictures = {each.balancer.spec.name: each for each in [*self._resources()][::-1]}
        for place, levels in part.levels.items():
            if levels != AT_REST:
                self._show(place)
        for name in part.waiting:
            self._show_waiting(name)
        for name in part.standings:
            self._show_standing(name)
        for name in part.retries:
            self._show_retries(name)
        for view in part.listeners.values():
            self._leave(view)
        self.limits.settle(worker)

    def _leave(self, view: ListenerView) -> None:
        before, view = self._left.get(view.name), left_over(view)
        self._left[view.name] = view if before is None else together((before, view))

    # -- where everybody looks

    def _member(self, place: Place) -> Member | None:
        """
        Find a member; there may be a thousand.
        """
        name = place[0]
        picture = self._pictures.get(name)
        if picture is None:
            return None
        members = picture.balancer.members
        known = self._members.get(name)
        if known is None or known[0] is not members:
            known = self._members[name] = members, {each.name: each for each in members}
        return known[1].get(place[1])

    def _show(self, place: Place) -> None:
        member = self._member(place)
        if member is not None:
            total = added([each.levels for each in self._parts.values()], place)
            pool = member.pool
            member.busy, pool.open, pool.at_rest, pool.connecting, pool.waiting = total

    def _show_waiting(self, name: str) -> None:
        if name in self._pictures:
            parts = self._parts.values()
            self._pictures[name].waiting = sum(each.waiting.get(name, 0) for each in parts)

    def _show_retries(self, name: str) -> None:
        budget = self._pictures[name].balancer.budget if name in self._pictures else None
        if budget is not None:
            budget.elsewhere = sum(each.retries.get(name, 0) for each in self._parts.values())

    def _show_standing(self, name: str) -> None:
        """
        Show the sum of each member's lbstatus: what it lags behind over all.
        """
        if name not in self._pictures:
            return
        balancer = self._pictures[name].balancer
        size = len(balancer.members)
        found = [each.standings.get(name, ()) for each in self._parts.values()]
        found = [each for each in found if len(each) == size]
        if found:
            for member, each in zip(balancer.members, zip(*found, strict=True), strict=True):
                member.base += sum(each) - balancer.ledger.status(member)

    # -- for the service as a whole

    def listeners(self) -> list[ListenerView]:
        """
        Return the sums of each listener that there is.
        """
        found: dict[str, list[ListenerView]] = {}
        for part in self._parts.values():
            for name, view in part.listeners.items():
                found.setdefault(name, []).append(view)
        for name, view in self._left.items():
            if name in found:
                found[name].append(view)
        return [together(views) for views in found.values()]

    def connections(self) -> dict[str, int]:
        """
        Return how many connections each listener has.
        """
        return {each.name: each.connections for each in self.listeners()}

    def load(self) -> tuple[int, int]:
        """
        Return how many more connections can be served, and how many are busy (APACHE A23).
        """
        ready = busy = 0
        unlimited = _MOST_WITHOUT_LIMIT * len(self._parts)
        for each in self.listeners():
            busy += each.busy
            ready += max(0, (each.most or unlimited) - each.connections)
        return ready, busy

    def work(self, worker: Any) -> Work:
        """
        Return what a worker does.
        """
        part = self._parts.get(worker) or _Part()
        views = part.listeners.values()
        return Work(
            part.requests,
            sum(each.connections for each in views),
            sum(each.busy for each in views),
        )
