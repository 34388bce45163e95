"""
What a process leaves to the one that takes its place, beside its sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from txbalancer.control.metrics.of_listeners import ListenerView, TLSView, left_over, together
from txbalancer.control.record import Record
from txbalancer.core.balancer import Balancer
from txbalancer.core.carried import difference, pack, unpack
from txbalancer.core.events import Event
from txbalancer.core.member import Member
from txbalancer.core.meters import Meter
from txbalancer.core.sources import Binding
from txbalancer.services.estate.breaking import Breaking
from txbalancer.services.estate.graphs import Graphs
from txbalancer.services.estate.guessing import Guessing
from txbalancer.services.estate.part import Part, Shared, take_all, tell_all
from txbalancer.services.estate.probes import Probes
from txbalancer.services.estate.rates import Rates
from txbalancer.services.estate.undoing import Undoing
from txbalancer.services.restoring import put_back, told
from txbalancer.services.targets import Targets

_MEMBER = ("elected", "transferred", "read", "flips")
_PROBES = ("passed", "failed", "seconds")
_RECORDS = ("reloads", "writes")
_RECORD = ("passed", "failed", "last", "fine")


class Inheritance:
    """
    The estate of one service: what it can leave, and what it was left.

    @ivar parts: what goes over beside balancers, counters and events; C{shared}: of that, what
        workers have each for itself.
    """

    def __init__(self, targets: Targets, export: Callable[[], dict[str, Any]]) -> None:
        """
        @param export: returns overrides and condition of all balancers.
        """
        self._targets, self._steering, self._export = targets, targets.steering, export
        self._sources = targets.pages.sources
        self.parts: tuple[Part, ...] = (
            Undoing(self._steering),
            Graphs(targets.telemetry),
            Probes(self._balancers, self._steering.now),
        )
        now = self._steering.now
        self.shared: tuple[Shared, ...] = (
            Rates(targets.limits, now, lambda: self._sources.limits()),
            Guessing(targets.guards, now),
            Breaking(self._balancers, now),
        )
        self._counted: Any = {}
        self._views: dict[str, ListenerView] = {}
        self._lost = 0

    # -- to leave

    def state(self, others: Sequence[Any] = ()) -> dict[str, Any]:
        """
        Return all that is known, of JSON's types.

        @param others: what workers have told of C{shared} parts.
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
            "parts": tell_all(self.parts, self.shared, others),
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
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                yield f"its {name} are not of a form that this version knows: {error!r}"
        yield from take_all((*self.parts, *self.shared), state.get("parts"))

    def told(self) -> Iterable[str]:
        """
        Say what is not as configured.
        """
        return told(self._steering)

    def _take_journal(self, data: Any) -> None:
        events = [Event(**{name: each[name] for name in Event._fields}) for each in data["events"]]
        self._targets.journal.resume(int(data["last"]), dict(data["counts"]), events)

    def _take_sources(self, data: Any) -> None:
        now = self._steering.now()
        for name, rows in data.items():
            resource = self._targets.balancers.get(name)
            if resource is not None and resource.balancer.sources is not None:
                for client, member, age in rows:
                    found = Binding(str(client), str(member), now - float(age))
                    resource.balancer.sources.learn(found)

    def _take_records(self, data: Any) -> None:
        for each in _RECORDS:
            record: Record = getattr(self._sources, each)
            for name in _RECORD:
                setattr(record, name, type(getattr(record, name))(data[each][name]))

    def _take_start(self, data: Any) -> None:
        self._steering.facts.started = float(data)

    def _take_first_counts(self, data: Any) -> None:
        for balancer in self._balancers():
            for member in balancer.members:
                # These are in the condition, too, as far as it was put back.
                member.elected = member.transferred = member.read = 0
        listeners, lost = self._sources.listeners, self._sources.lost
        self._sources.listeners = lambda: self._over(listeners())
        self._sources.lost = lambda: lost() + self._lost
        self.take_counts(data)

    def take_counts(self, data: Any) -> None:
        """
        Add by how much the former process' counters have grown.

        @raise ValueError: for what is none of them; also L{TypeError}, L{KeyError} and
            L{AttributeError}.
        """
        grown, self._counted = difference(data, self._counted), data
        by_key = self._targets.telemetry.meters.by_key
        for key, packed in grown["meters"].items():
            listener, balancer, member = key.split("\n")
            by_key.setdefault((listener, balancer, member), Meter()).merge(unpack(packed))
        for balancer in self._balancers():
            members = grown["members"].get(balancer.spec.name, {})
            for member in balancer.members:
                if member.name in members:
                    _add(member, members[member.name])
        self._views = {name: _view(name, each) for name, each in data["listeners"].items()}
        self._lost = int(data["lost"])

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


def _add(member: Member, grown: Any) -> None:
    for name in _MEMBER:
        setattr(member, name, getattr(member, name) + grown[name])
    for name in _PROBES:
        probes = member.probe_counts
        setattr(probes, name, getattr(probes, name) + grown["probes"][name])


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
    tls = data["tls"]
    return ListenerView(
        name,
        int(data["accepted"]),
        0,
        0,
        0,
        tls and _tls_view(tls),
        refused=dict(data["refused"]),
        abuses=dict(data["abuses"]),
    )


def _tls_view(data: Any) -> TLSView:
    full, resumed, failures = int(data["full"]), int(data["resumed"]), dict(data["failures"])
    return TLSView(full, resumed, failures, 0, 0, Record(), {})
