"""
What a worker tells of its work: what was counted since it last did, and what it has to do now.

Only what is other than the last time is told, so that a thousand members without requests cost
a thousand looks and no message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple

from txbalancer.core.member import Member
from txbalancer.core.meters import Histogram, Key, Meter

SELDOM = 1.0
"""Seconds between two looks at what takes longer to look at: lbstatus and connections."""

Place = tuple[str, str]
"""Names of balancer and member."""

Packed = tuple[Any, ...]
"""A L{Meter} of few exchanges, small and quick to send."""

_TIMES = ("total", "first_byte", "connect", "queue")


class Levels(NamedTuple):
    """
    What a worker has to do with a member now.
    """

    busy: int = 0
    open: int = 0
    idle: int = 0
    connecting: int = 0
    waiting: int = 0


AT_REST = Levels()


class MemberNews(NamedTuple):
    """
    @ivar elected: attempts begun since the last report; C{transferred} and C{read}: bytes.
    @ivar levels: as they are.
    """

    elected: int
    transferred: int
    read: int
    levels: Levels


class Restraint(NamedTuple):
    """
    What a balancer left undone for its members' sake.

    @ivar spared: outliers not ejected, and C{denied}: retries stopped, since the last report.
    @ivar retries: in progress, of those that count for C{retry-budget}.
    """

    spared: int = 0
    denied: int = 0
    retries: int = 0


@dataclass(slots=True)
class Report:
    """
    @ivar meters: what was served since the last report.
    @ivar members: those with news.
    @ivar gone: those that are no more.
    @ivar waiting: exchanges that wait for any member, by balancer, where that has changed.
    @ivar lost: lines of access logs that could not be written since.
    @ivar standings: lbstatus of each balancer's members in their order, where it has changed.
    @ivar restraints: of each balancer where there is something new.
    @ivar listeners: a L{ListenerView<txbalancer.control.metrics.of_listeners.ListenerView>} each
        by name, with totals since the worker began; C{None} in reports that leave it out.
    @ivar limits: a L{LimitView<txbalancer.control.limitviews.LimitView>} each, the same way.
    @ivar room: how often no descriptor was left for clients, and whether memory is short.
    """

    meters: dict[Key, Packed] = field(default_factory=dict)
    members: dict[Place, MemberNews] = field(default_factory=dict)
    gone: list[Place] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    standings: dict[str, list[int]] = field(default_factory=dict)
    restraints: dict[str, Restraint] = field(default_factory=dict)
    listeners: dict[str, Any] | None = None
    limits: list[Any] | None = None
    room: tuple[int, bool] = 0, False


def pack(meter: Meter) -> Packed:
    """
    Write a meter down without its empty classes.
    """
    return (
        meter.classes,
        meter.retries,
        meter.bytes_in,
        meter.bytes_out,
        meter.seconds,
        meter.sticky,
        meter.failures or None,
        meter.failed or None,
        *[_pack_times(getattr(meter, name)) for name in _TIMES],
    )


def _pack_times(times: Histogram) -> tuple[float, tuple[tuple[int, int], ...]] | None:
    counts = times.counts
    found = tuple(compress(enumerate(counts), counts))
    return (times.seconds, found) if found else None


def count(meter: Meter, packed: Packed) -> None:
    """
    Count what L{pack} wrote down as well.
    """
    classes, retries, bytes_in, bytes_out, seconds, sticky, failures, failed, *times = packed
    for digit, number in enumerate(classes):
        meter.classes[digit] += number
    meter.retries += retries
    meter.bytes_in += bytes_in
    meter.bytes_out += bytes_out
    meter.seconds += seconds
    meter.sticky += sticky
    for mine, its in ((meter.failures, failures), (meter.failed, failed)):
        for reason, number in (its or {}).items():
            mine[reason] = mine.get(reason, 0) + number
    for name, spans in zip(_TIMES, times, strict=True):
        if spans is not None:
            histogram: Histogram = getattr(meter, name)
            histogram.seconds += spans[0]
            for index, number in spans[1]:
                histogram.counts[index] += number


def requests_of(packed: Packed) -> int:
    """
    Return how many exchanges there were.
    """
    return sum(packed[0])


@dataclass(slots=True)
class _Told:
    """
    What was told of a member.
    """

    place: Place
    elected: int = 0
    transferred: int = 0
    read: int = 0
    levels: Levels | None = None


class Reporter:
    """
    Knows what was told already.
    """

    def __init__(
        self,
        meters: Any,
        resources: Callable[[], Iterable[Any]],
        listeners: Callable[[], Iterable[Any]],
        lost: Callable[[], int],
        limits: Callable[[], Iterable[Any]] = tuple,
        room: Callable[[], tuple[int, bool]] = lambda: (0, False),
    ) -> None:
        """
        @param meters: a L{Meters<txbalancer.core.meters.Meters>} that is emptied.
        @param resources: returns every balancer's resource.
        @param lost: returns how many lines were lost, ever.
        @param limits: returns those that are set; C{room}: what L{Report.room} tells.
        """
        self._meters, self._resources = meters, resources
        self._listeners, self._lost = listeners, lost
        self._limits, self._room = limits, room
        self._told: dict[Member, _Told] = {}
        self._waiting: dict[str, int] = {}
        self._standings: dict[str, list[int]] = {}
        self._restraints: dict[str, Restraint] = {}
        self._told_lost = 0
        self._next = 0.0

    def report(self, now: float, whole: bool = False) -> Report:
        """
        Return the news.

        @param whole: leave nothing out for now.
        """
        counted, self._meters.by_key = self._meters.by_key, {}
        lost = self._lost()
        report = Report({key: pack(meter) for key, meter in counted.items()})
        report.lost, self._told_lost = max(0, lost - self._told_lost), lost
        resources = list(self._resources())
        self._look_at_members(resources, report)
        for each in resources:
            name = each.balancer.spec.name
            if each.waiting != self._waiting.get(name, 0):
                report.waiting[name] = self._waiting[name] = each.waiting
        if whole or now >= self._next:
            self._next = now + SELDOM
            self._look_at_standings(resources, report)
            self._look_at_restraints(resources, report)
            report.listeners = {each.name: each for each in self._listeners()}
            report.limits, report.room = list(self._limits()), self._room()
        return report

    def _look_at_members(self, resources: Iterable[Any], report: Report) -> None:
        before, after = self._told, {}
        for resource in resources:
            balancer = resource.balancer
            for member in balancer.members:
                told = before.get(member) or _Told((balancer.spec.name, member.name))
                after[member] = told
                # Nearly all members of a big balancer have nothing to tell: this has to be fast.
                if (
                    member.elected != told.elected
                    or told.levels is not AT_REST
                    or member.pool.open
                    or member.read != told.read
                ):
                    _tell(member, told, report)
        self._told = after
        if before.keys() != after.keys():
            there = {each.place for each in after.values()}
            report.gone = [each.place for each in before.values() if each.place not in there]

    def _look_at_standings(self, resources: Iterable[Any], report: Report) -> None:
        for resource in resources:
            balancer = resource.balancer
            found = [balancer.ledger.status(each) for each in balancer.members]
            if found != self._standings.get(balancer.spec.name):
                report.standings[balancer.spec.name] = found
                self._standings[balancer.spec.name] = found

    def _look_at_restraints(self, resources: Iterable[Any], report: Report) -> None:
        for resource in resources:
            balancer, budget = resource.balancer, resource.balancer.budget
            counts = (0, 0) if budget is None else (budget.denied, budget.in_progress)
            found = Restraint(balancer.spared, *counts)
            before = self._restraints.get(balancer.spec.name, Restraint())
            if found != before:
                self._restraints[balancer.spec.name] = found
                spared, denied = map(_since, found[:2], before[:2])
                report.restraints[balancer.spec.name] = Restraint(spared, denied, found.retries)


def _tell(member: Member, told: _Told, report: Report) -> None:
    pool = member.pool
    levels = Levels(member.busy, pool.open, pool.at_rest, pool.connecting, pool.waiting)
    elected = _since(member.elected, told.elected)
    transferred = _since(member.transferred, told.transferred)
    read = _since(member.read, told.read)
    if elected or transferred or read or levels != told.levels:
        news = MemberNews(elected, transferred, read, levels)
        # Mounts may name one lone member with several sets of options.
        other = report.members.get(told.place)
        if other is not None:
            news = MemberNews(
                news.elected + other.elected,
                news.transferred + other.transferred,
                news.read + other.read,
                other.levels,
            )
        report.members[told.place] = news
    told.elected, told.transferred, told.read = member.elected, member.transferred, member.read
    told.levels = AT_REST if levels == AT_REST else levels


def _since(now: int, before: int) -> int:
    """
    Return what was added; a change of lbmethod may have set a counter to 0 (APACHE A17).
    """
    return now - before if now >= before else now


def added(levels: Iterable[Mapping[Place, Levels]], place: Place) -> Levels:
    """
    Return the sum of what several workers have to do with a member.
    """
    found = [each[place] for each in levels if place in each]
    return Levels(*map(sum, zip(*found, strict=True))) if found else AT_REST
