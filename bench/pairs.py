"""
Two set-ups of txbalancer on one core, loaded at the same time by as many clients each: the
machine, which is fast now and slow then, is the same for both at every moment, so that a few per
cent can be told.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bench.clients import sticky_requests
from bench.load import Load, request
from bench.measure import Bench, Sample
from bench.procs import Child
from bench.proxies import OWN
from bench.site import BenchError, Site, free_ports
from bench.watchers import watching

SLICE = 2
"""Seconds of load, after which the two are compared."""

FEWEST_SLICES = 5
"""Of each load on a txbalancer that is watched."""

WATCHED = "watched"


class Side:
    """
    One of the two.

    @ivar child: its process.
    @ivar loads: what its clients saw, slice by slice; C{cpu}: CPU µs of each request in it.
    """

    def __init__(self, bench: Bench, site: Site, child: Child, connections: int = 0) -> None:
        """
        @param connections: of clients; 0 = half of all.
        """
        self.loads: list[Load] = []
        self.cpu: list[float] = []
        self.child = child
        self._port = site.port
        self._wrk = replace(bench.wrk, folder=site.folder)
        self._connections = connections or bench.settings.connections // 2

    def clear(self) -> None:
        """
        Forget all slices.
        """
        self.loads.clear()
        self.cpu.clear()

    def drive(self, requests: Sequence[str]) -> None:
        """
        Load it for a slice.

        @raise BenchError: it answered nothing.
        """
        before = self.child.cpu_of_threads()
        load = self._wrk.run(self._port, requests, SLICE, self._connections)
        if not load.requests:
            raise BenchError(f"{self.child.name} answered no request:\n{self.child.tail()}")
        self.loads.append(load)
        self.cpu.append((self.child.cpu_of_threads() - before) / load.requests * 1e6)

    def figures(self, kind: str) -> Sample:
        """
        What its slices showed; C{kind} starts the names.
        """
        return {
            f"{kind}.rps": statistics.median(each.requests / each.seconds for each in self.loads),
            f"{kind}.p99": statistics.median(each.p99 for each in self.loads),
            f"{kind}.cpu": statistics.median(self.cpu),
            f"{kind}.errors": sum(each.errors for each in self.loads),
        }


def drive_together(sides: Sequence[Side], requests: Sequence[str], times: int) -> float:
    """
    Load both at once, so many times.

    @return: CPU time per request of the second, divided by that of the first: the median of
        all times.
    """
    for each in sides:
        each.clear()
    with ThreadPoolExecutor(len(sides)) as threads:
        for turn in range(times):
            order = sides if turn % 2 else sides[::-1]
            # Reading the results waits for both, and raises what went wrong.
            list(threads.map(lambda side: side.drive(requests), order))
    return statistics.median(
        mine / alone for alone, mine in zip(*(s.cpu for s in sides), strict=True)
    )


def small_loads(site: Site) -> Mapping[str, Sequence[str]]:
    """
    What is asked of both: plain requests, and such with twelve headers and a cookie.
    """
    cookies = [OWN.cookie(member) for member in site.members]
    return {"plain": [request("/")], "headers": sticky_requests(cookies, ["/"])}


def watched(bench: Bench) -> Sample:
    """
    Figures of a txbalancer that is watched; C{plain.more} and C{headers.more} are the CPU time
    of its requests, divided by that of one on the same core that nobody watches. Where two
    processes lie in memory alone can be a per cent, so that each is started first once.
    """
    both = [_watched(bench, names) for names in (("alone", WATCHED), (WATCHED, "alone"))]
    return {name: statistics.fmean(each[name] for each in both) for name in both[0]}


def _watched(bench: Bench, names: Sequence[str]) -> Sample:
    """
    @param names: of the two, the first to be started first.
    """
    sites = {
        name: replace(bench.site(name, scale=True), port=port, watched=name == WATCHED)
        for name, port in zip(names, free_ports(2), strict=True)
    }
    loads = small_loads(sites[WATCHED])
    times = max(FEWEST_SLICES, math.ceil(bench.settings.seconds))
    found: Sample = {}
    with contextlib.ExitStack() as stack:
        made = {
            name: Side(bench, site, stack.enter_context(bench.running(OWN, site)))
            for name, site in sites.items()
        }
        sides = [made["alone"], made[WATCHED]]
        for each in sides:
            each.drive(loads["plain"])
        watchers = stack.enter_context(watching(sites[WATCHED].port))
        began = time.monotonic()
        for kind, requests in loads.items():
            more = drive_together(sides, requests, times)
            found |= sides[1].figures(kind) | {f"{kind}.more": more}
        watchers.check(time.monotonic() - began)
    return found
