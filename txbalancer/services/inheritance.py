"""
What a process leaves to the one that takes its place, beside its sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from txbalancer.control.metrics.of_listeners import ListenerView, TLSView, left_over, together
from txbalancer.control.record import Record
from txbalancer.core.balancer import Balancer
from txbalancer.core.carried import difference, pack, unpack
from txbalancer.core.events import Event
from txbalancer.core.forms import count, counts, mapping, moment, text
from txbalancer.core.member import Member
from txbalancer.core.meters import Key, Meter
from txbalancer.core.sources import Binding
from txbalancer.services.estate.graphs import Graphs
from txbalancer.services.estate.guessing import Guessing
from txbalancer.services.estate.part import Part, take_all, tell_all
from txbalancer.services.estate.probes import Probes
from txbalancer.services.estate.rates import Rates
from txbalancer.services.estate.undoing import Undoing
from txbalancer.services.restoring import put_back, told
from txbalancer.services.targets import Targets

_MEMBER = ("elected", "transferred", "read", "flips")
_PROBES = ("passed", "failed", "seconds")
_RECORDS = ("reloads", "writes")
_RECORD = ("passed", "failed", "last", "fine")


FORMLESS = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What comes of reading a part of a form that this version does not know."""


class _Counted(NamedTuple):
    """
    What a former process has counted since it last told, as it is added.

    @ivar data: as it was told, from the beginning on; so are C{views} and C{lost}.
    """

    data: Any
    meters: list[tuple[Key, Meter]]
    members: dict[tuple[str, str], dict[str, Any]]
    views: dict[str, ListenerView]
    lost: int


class Inheritance:
    """
    The estate of one service: what it can leave, and what it was left.

    @ivar parts: what goes over beside balancers, counters and events.
    """

    def __init__(self, targets: Targets, export: Callable[[], dict[str, Any]]) -> None:
        """
        @param export: returns overrides and condition of all balancers.
        """
        self._targets, self._steering, self._export = targets, targets.steering, export
        self._sources = targets.pages.sources
        now = self._steering.now
        self.parts: tuple[Part, ...] = (
            Undoing(self._steering),
            Graphs(targets.telemetry),
            Probes(self._balancers, now),
            Rates(targets.limits, now, lambda: self._sources.limits()),
            Guessing(targets.guards),
        )
        self._counted: Any = {}
        self._views: dict[str, ListenerView] = {}
        self._lost = 0

    # -- to leave

    def state(self) -> dict[str, Any]:
        """
        Return all that is known, of JSON's types.
        """
        journal, now = self._targets.journal, self._steering.now()
        return {
            "balancers": self._export(),
            "sources": {
                name: [(*each[:2], now - each.told) for each in resource.balancer.sources.all()]
                for name, resource in self._targets.balancers.items()
                if resource.balancer.sources is not None
            },
            "journal": {
                "last": journal.last,
                "counts": dict(journal.counts),
                "events": [each.as_json() for each in journal.events],
            },
            "records": {
                each: {name: getattr(getattr(self._sources, each), name) for name in _RECORD}
                for each in _RECORDS
            },
            "started": self._steering.facts.started,
            "counts": self.counts(),
            "parts": tell_all(self.parts),
        }

    def counts(self) -> dict[str, Any]:
        """
        Return everything that only grows.
        """
        return {
            "meters": {
                "\n".join(key): pack(meter)
                for key, meter in self._targets.telemetry.meters.by_key.items()
            },
            "members": {
                each.spec.name: {member.name: _of_member(member) for member in each.members}
                for each in self._balancers()
            },
            "listeners": {each.name: _of_listener(each) for each in self._sources.listeners()},
            "lost": self._sources.lost(),
        }

    # -- left to this one

    def take(self, state: Any) -> Iterator[str]:
        """
        Go on with what a former process has left. What is not of the form that this version
        knows is set aside.

        @return: for people, what was not taken and why.
        """
        if not isinstance(state, dict):
            yield "its state is not of a form that this version knows: all is as configured"
            return
        yield from put_back(self._steering, state.get("balancers"))
        parts = (
            ("journal", self._take_journal),
            ("sources", self._take_sources),
            ("records", self._take_records),
            ("started", self._take_start),
            ("counts", self._take_first_counts),
        )
        for name, take in parts:
            try:
                take(state[name])
            except FORMLESS as error:
                yield f"its {name} are not of a form that this version knows: {error!r}"
        yield from take_all(self.parts, state.get("parts"))

    def told(self) -> Iterable[str]:
        """
        Say what is not as configured.
        """
        return told(self._steering)

    def _take_journal(self, data: Any) -> None:
        events = [Event.read(each) for each in data["events"]]
        self._targets.journal.resume(count(data["last"]), counts(data["counts"]), events)

    def _take_sources(self, data: Any) -> None:
        now = self._steering.now()
        found = {
            name: [
                Binding(text(client), text(member), now - count(age))
                for client, member, age in rows
            ]
            for name, rows in data.items()
        }
        for name, bindings in found.items():
            resource = self._targets.balancers.get(name)
            if resource is not None and resource.balancer.sources is not None:
                for each in bindings:
                    resource.balancer.sources.learn(each)

    def _take_records(self, data: Any) -> None:
        found = [_record(data[each]) for each in _RECORDS]
        for each, record in zip(_RECORDS, found, strict=True):
            for name in _RECORD:
                # Others have it, too.
                setattr(getattr(self._sources, each), name, getattr(record, name))

    def _take_start(self, data: Any) -> None:
        self._steering.facts.started = moment(data)

    def _take_first_counts(self, data: Any) -> None:
        found = self._read(data)
        for balancer in self._balancers():
            for member in balancer.members:
                # These are in the condition, too, as far as it was put back.
                member.elected = member.transferred = member.read = 0
        listeners, lost = self._sources.listeners, self._sources.lost
        self._sources.listeners = lambda: self._over(listeners())
        self._sources.lost = lambda: lost() + self._lost
        self._add(found)

    def take_counts(self, data: Any) -> None:
        """
        Add by how much the former process' counters have grown.

        @raise ValueError: for what is none of them, or another of L{FORMLESS}; nothing is added
            then.
        """
        self._add(self._read(data))

    def _read(self, data: Any) -> _Counted:
        """
        Read all before any of it is added.
        """
        grown = difference(data, self._counted)
        meters = [(_key(key), unpack(packed)) for key, packed in mapping(grown["meters"]).items()]
        members = {
            (balancer, name): _grown(found)
            for balancer, each in mapping(grown["members"]).items()
            for name, found in mapping(each).items()
        }
        views = {name: _view(name, each) for name, each in mapping(data["listeners"]).items()}
        return _Counted(data, meters, members, views, count(data["lost"]))

    def _add(self, found: _Counted) -> None:
        self._counted, self._views, self._lost = found.data, found.views, found.lost
        by_key = self._targets.telemetry.meters.by_key
        for key, meter in found.meters:
            by_key.setdefault(key, Meter()).merge(meter)
        for balancer in self._balancers():
            for member in balancer.members:
                grown = found.members.get((balancer.spec.name, member.name))
                if grown is not None:
                    _add(member, grown)

    def _balancers(self) -> list[Balancer]:
        return [each.balancer for each in self._targets.resources()]

    def _over(self, views: Iterable[ListenerView]) -> list[ListenerView]:
        """
        Add what the former process had done to what listeners do.
        """
        return [
            together((each, self._views[each.name])) if each.name in self._views else each
            for each in views
        ]


def _of_member(member: Member) -> dict[str, Any]:
    counts = {name: getattr(member, name) for name in _MEMBER}
    probes = {name: getattr(member.probe_counts, name) for name in _PROBES}
    return {**counts, "probes": probes}


def _grown(data: Any) -> dict[str, Any]:
    probes = {name: count(data["probes"][name]) for name in _PROBES}
    return {**{name: count(data[name]) for name in _MEMBER}, "probes": probes}


def _add(member: Member, grown: Any) -> None:
    for name in _MEMBER:
        setattr(member, name, getattr(member, name) + grown[name])
    for name in _PROBES:
        probes = member.probe_counts
        setattr(probes, name, getattr(probes, name) + grown["probes"][name])


def _key(written: str) -> Key:
    listener, balancer, member = written.split("\n")
    return listener, balancer, member


def _record(data: Any) -> Record:
    found = Record()
    found.passed, found.failed = count(data["passed"]), count(data["failed"])
    found.last, found.fine = moment(data["last"]), data["fine"] is True
    return found


def _of_listener(view: ListenerView) -> dict[str, Any]:
    view = left_over(view)
    tls = view.tls
    return {
        "accepted": view.accepted,
        "refused": dict(view.refused),
        "abuses": dict(view.abuses),
        "tls": tls and {"full": tls.full, "resumed": tls.resumed, "failures": dict(tls.failures)},
    }


def _view(name: str, data: Any) -> ListenerView:
    tls = None if data["tls"] is None else _tls_view(data["tls"])
    refused, abuses = counts(data["refused"]), counts(data["abuses"])
    return ListenerView(name, count(data["accepted"]), 0, 0, 0, tls, refused, abuses)


def _tls_view(data: Any) -> TLSView:
    full, resumed, failures = count(data["full"]), count(data["resumed"]), counts(data["failures"])
    return TLSView(full, resumed, failures, 0, 0, Record(), {})
