"""
Reads all families of everything there is, a few members at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from txbalancer.control.metrics.families import Group
from txbalancer.control.metrics.of_balancers import BALANCERS, BalancerView
from txbalancer.control.metrics.of_limits import LIMITS
from txbalancer.control.metrics.of_listeners import LISTENERS, ListenerView, MeteredListener
from txbalancer.control.metrics.of_members import MEMBERS, MemberView
from txbalancer.control.metrics.of_service import SERVICE, Sources
from txbalancer.control.metrics.of_sources import SOURCES
from txbalancer.control.metrics.of_workers import WORKERS
from txbalancer.control.metrics.registry import GROUPS
from txbalancer.control.metrics.text import header, label, samples
from txbalancer.core.meters import Meter, whole

BATCH = 10
"""Members whose samples are written in one go: about a millisecond's work."""

_MANY = 1000
"""Lines that are joined in one go."""


def process_registry() -> CollectorRegistry:
    """
    Return prometheus-client's families of a process: C{process_…} and C{python_…}.
    """
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class Scrape:
    """
    One look at everything.

    @ivar pieces: of the text, once L{steps} has come to its end.
    """

    def __init__(self, sources: Sources, process: CollectorRegistry, openmetrics: bool) -> None:
        """
        @param openmetrics: write that format, else the one of Prometheus.
        """
        self.pieces: list[bytes] = []
        self._sources = sources
        self._process = process
        self._openmetrics = openmetrics
        self._of_listener: defaultdict[str, Meter] = defaultdict(Meter)
        self._of_balancer: defaultdict[str, Meter] = defaultdict(Meter)
        self._lines: dict[str, list[str]] = {
            family.name: [header(family, openmetrics)]
            for group in GROUPS
            for family in group.families
        }

    def steps(self) -> Iterator[None]:
        """
        Do the work, a step for each turn; each member is read in one go.
        """
        sources = self._sources
        self._read(SERVICE, (), sources)
        for worker in sources.workers():
            self._read(WORKERS, (str(worker.number),), worker)
        yield from self._sum_up()
        for listener in self._listeners():
            self._read(
                LISTENERS,
                (listener.name,),
                MeteredListener(listener, self._of_listener[listener.name]),
            )
        for source in sources.discovery():
            self._read(SOURCES, (source.balancer, source.place), source)
        for limit in sources.limits():
            self._read(LIMITS, (limit.of, limit.option), limit)
        served = sources.telemetry.meters.by_places()
        # Mounts may name one lone member with several sets of options: its meter is one.
        named = {each.balancer.spec.name: each for each in reversed([*sources.resources()])}
        for resource in reversed(named.values()):
            yield
            self._read_balancer(resource)
            name = resource.balancer.spec.name
            for number, member in enumerate(resource.balancer.members, 1):
                meters = served.get((name, member.name))
                meter = whole(meters) if meters else Meter()
                self._read(MEMBERS, (name, member.name), MemberView(member, meter))
                if number % BATCH == 0:
                    yield
        yield from self._write()

    def _sum_up(self) -> Iterator[None]:
        """
        Sum the meters by listener and by balancer.
        """
        every = list(self._sources.telemetry.meters.by_key.items())
        for number, ((listener, balancer, _), meter) in enumerate(every, 1):
            self._of_listener[listener].merge(meter)
            self._of_balancer[balancer].merge(meter)
            if number % BATCH == 0:
                yield

    def _listeners(self) -> list[ListenerView]:
        """
        Return the listeners, also those of before a reload, whose counts are not to vanish.
        """
        there = {listener.name: listener for listener in self._sources.listeners()}
        names = {**there, **self._of_listener}
        return [there.get(name) or ListenerView(name, 0, 0, 0, 0) for name in names]

    def _read_balancer(self, resource: Any) -> None:
        name = resource.balancer.spec.name
        meter, now = self._of_balancer[name], self._sources.now()
        view = BalancerView(resource.balancer, meter, resource.waiting, now)
        self._read(BALANCERS, (name,), view)

    def _read(self, group: Group, values: tuple[str, ...], view: Any) -> None:
        labels = ",".join(map(label, group.labels, values))
        lines = self._lines
        for family in group.families:
            lines[family.name].extend(samples(family, labels, family.read(view)))

    def _write(self) -> Iterator[None]:
        """
        Join the lines to pieces that are worth a write.
        """
        lines: list[str] = []
        for of_family in self._lines.values():
            lines += of_family
            if len(lines) > _MANY:
                self.pieces.append("".join(lines).encode())
                lines.clear()
                yield
        generate = generate_openmetrics if self._openmetrics else generate_latest
        self.pieces.append("".join(lines).encode() + generate(self._process))
