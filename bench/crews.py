"""
What workers cost and what they bring.

One worker is compared with a single process, and two workers with one. A machine with two cores
has none to spare for a second worker beside the clients and members, so both workers share the
proxy's core, and what two cores would bring follows from what the busier worker takes: as long as
it does not have all of its core, requests can be more.
"""

import contextlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.measure import Bench, Sample
from bench.pairs import Side, drive_together, small_loads
from bench.procs import TICKS, Child, stat_ticks, tree
from bench.proxies import OWN
from bench.site import Site, free_ports


def by_process(pid: int) -> dict[int, float]:
    """
    CPU seconds of a process and of each of its living descendants.
    """
    found = {}
    for each in tree(pid):
        with contextlib.suppress(OSError):
            found[each] = stat_ticks(Path(f"/proc/{each}/stat").read_text()) / TICKS
    return found


class Crew(Side):
    """
    One side, of which each process is looked at.

    @ivar busiest: CPU µs of the busiest process per request of all, slice by slice.
    """

    def __init__(self, bench: Bench, site: Site, child: Child) -> None:
        super().__init__(bench, site, child)
        self.busiest: list[float] = []

    def drive(self, requests: Sequence[str]) -> None:
        """
        Load it for a slice.
        """
        before = by_process(self.child.pid)
        super().drive(requests)
        after = by_process(self.child.pid)
        most = max(cpu - before.get(pid, 0.0) for pid, cpu in after.items())
        self.busiest.append(most / self.loads[-1].requests * 1e6)


def crews(bench: Bench, few: int, many: int) -> Sample:
    """
    Figures with C{many} workers; C{KIND.more} is the CPU time of a request, divided by that with
    C{few}, and C{KIND.gain} how many times more requests would be served with a core for each
    worker.
    """
    sites = [
        replace(bench.site(f"workers{count}", scale=True), port=port, workers=count)
        for count, port in zip((few, many), free_ports(2), strict=True)
    ]
    loads = small_loads(sites[0])
    times = math.ceil(bench.settings.seconds)
    found: Sample = {}
    with contextlib.ExitStack() as stack:
        sides = [Crew(bench, site, stack.enter_context(bench.running(OWN, site))) for site in sites]
        for each in sides:
            each.drive(loads["plain"])
        for kind, requests in loads.items():
            for each in sides:
                each.busiest.clear()
            more = drive_together(sides, requests, times)
            found |= sides[1].figures(kind) | {f"{kind}.more": more}
            found[f"{kind}.gain"] = gain(sides)
    return found


def gain(sides: Sequence[Crew]) -> float:
    """
    How many times more the second could serve, with a core for each process: the median of what
    each turn showed.
    """
    few, many = (each.busiest for each in sides)
    return statistics.median(one / other for one, other in zip(few, many, strict=True))
