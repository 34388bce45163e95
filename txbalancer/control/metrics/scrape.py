"""
Reads all families of everything there is, a few members at a time.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry
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
from txbalancer.control.metrics.series import Series
from txbalancer.control.metrics.text import header
from txbalancer.control.slices import Steps
from txbalancer.core.meters import Meter, whole

BATCH = 10
"""Members whose samples are written in one go: about a millisecond's work."""

MOST_KEPT = 200
"""Things whose series are kept for the next page: of each some 13 KB."""

_MANY = 1000
"""Lines that are joined in one go."""

Known = dict[tuple[str, ...], Series]
"""Series by the sort of the thing and its labels."""


@lru_cache(maxsize=2)
def _headers(openmetrics: bool) -> dict[str, list[str]]:
    """
    Return what stands before the samples of each family of a group.
    """
    return {
        group.what: [header(family, openmetrics) for family in group.families] for group in GROUPS
    }


class Scrape:
    """
    One look at everything.

    @ivar pieces: of the text, once L{steps} has come to its end.
    @ivar known: series for the next one.
    """

    def __init__(
        self,
        sources: Sources,
        process: CollectorRegistry,
        openmetrics: bool,
        before: Known | None = None,
    ) -> None:
        """
        @param process: what is told of the process, in the end.
        @param openmetrics: write that format, else the one of Prometheus.
        @param before: C{known} of the last one.
        """
        self.pieces: list[bytes] = []
        self.known: Known = {}
        self._before = before or {}
        self._sources = sources
        self._process = process
        self._openmetrics = openmetrics
        self._of_listener: defaultdict[str, Meter] = defaultdict(Meter)
        self._of_balancer: defaultdict[str, Meter] = defaultdict(Meter)
        self._texts: dict[str, list[list[str]]] = {
            what: [[text] for text in headers] for what, headers in _headers(openmetrics).items()
        }

    def steps(self) -> Steps[None]:
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
        read = 0
        for resource in reversed(named.values()):
            self._read_balancer(resource)
            name = resource.balancer.spec.name
            for member in resource.balancer.members:
                meters = served.get((name, member.name))
                meter = whole(meters) if meters else Meter()
                self._read(MEMBERS, (name, member.name), MemberView(member, meter))
                read += 1
                if read % BATCH == 0:
                    yield
        yield from self._write()

    def _sum_up(self) -> Steps[None]:
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
        key = (group.what, *values)
        series = self._before.get(key) or Series(group, values)
        if len(self.known) < MOST_KEPT:
            self.known[key] = series
        for texts, text in zip(self._texts[group.what], series.read(view), strict=True):
            texts.append(text)

    def _write(self) -> Steps[None]:
        """
        Join the texts to pieces that are worth a write.
        """
        texts: list[str] = []
        for of_group in self._texts.values():
            for of_family in of_group:
                texts += of_family
                if len(texts) > _MANY:
                    self.pieces.append("".join(texts).encode())
                    texts.clear()
                    yield
        generate = generate_openmetrics if self._openmetrics else generate_latest
        self.pieces.append("".join(texts).encode() + generate(self._process))
