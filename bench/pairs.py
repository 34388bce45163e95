"""
Two set-ups of txbalancer on one core under load at the same time: the scheduler gives both the
same hours of a machine that is fast now and slow then, so that a few per cent can be told.
"""

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.clients import sticky_requests
from bench.load import Load, request
from bench.measure import Bench, Sample
from bench.procs import Child
from bench.proxies import OWN
from bench.site import BenchError, Site, free_ports
from bench.watchers import watching


class Side:
    """
    One of the two.

    @ivar load: what its clients saw; C{cpu}: the seconds that it took for them.
    """

    def __init__(self, bench: Bench, site: Site, child: Child) -> None:
        self.load: Load | None = None
        self.cpu = 0.0
        self._port, self._child = site.port, child
        self._wrk = replace(bench.wrk, folder=site.folder)
        self._connections = bench.settings.connections

    def drive(self, requests: Sequence[str], seconds: float) -> None:
        """
        Load it.
        """
        self.load = None
        before = self._child.cpu()
        self.load = self._wrk.run(self._port, requests, seconds, self._connections)
        self.cpu = self._child.cpu() - before

    def figures(self, kind: str) -> Sample:
        """
        What the last load showed; C{kind} starts the names.

        @raise BenchError: nothing.
        """
        if self.load is None or not self.load.requests:
            raise BenchError(f"{self._child.name} answered no {kind} request")
        return {
            f"{kind}.rps": self.load.requests / self.load.seconds,
            f"{kind}.cpu": self.cpu / self.load.requests * 1e6,
            f"{kind}.errors": self.load.errors,
        }


def drive_both(sides: Sequence[Side], requests: Sequence[str], seconds: float) -> None:
    """
    Load both, from now on and equally long.
    """
    threads = [threading.Thread(target=each.drive, args=(requests, seconds)) for each in sides]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def watched(bench: Bench) -> Sample:
    """
    Figures of a txbalancer that is watched; C{plain.more} and C{headers.more} are the CPU time
    of its requests, divided by that of one beside it that nobody watches.

    As both share a core, either serves half as much in a second; what is done once a second
    for those who watch counts double.
    """
    sites = [
        replace(bench.site(name, scale=True), port=port, watched=name == "watched")
        for name, port in zip(("alone", "watched"), free_ports(2), strict=True)
    ]
    cookies = [OWN.cookie(member) for member in sites[0].members]
    loads: Mapping[str, Sequence[str]] = {
        "plain": [request("/")],
        "headers": sticky_requests(cookies, ["/"]),
    }
    found: Sample = {}
    with contextlib.ExitStack() as stack:
        sides = [Side(bench, site, stack.enter_context(bench.running(OWN, site))) for site in sites]
        drive_both(sides, loads["plain"], 1)
        watchers = stack.enter_context(watching(sites[1].port))
        began = time.monotonic()
        for kind, requests in loads.items():
            drive_both(sides, requests, 2 * bench.settings.seconds)
            alone, mine = (side.figures(kind) for side in sides)
            found |= mine | {f"{kind}.more": mine[f"{kind}.cpu"] / alone[f"{kind}.cpu"]}
        watchers.check(time.monotonic() - began)
    return found
