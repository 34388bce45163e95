"""
txbalancer with many members, mounts or idle connections, beside one with few.

Both run on one core and are loaded in turns, a slice each: the machine is fast now and slow then,
but hardly between two slices. Not at once, as in L{bench.pairs}: what a request finds in the
processor's caches is a part of its price here, and each would take them from the other.
"""

import contextlib
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.clients import held, sticky_requests, still_open
from bench.load import request
from bench.measure import Bench, Sample, Settings
from bench.pairs import Side
from bench.proxies import OWN
from bench.proxies.txbalancer import mount_path
from bench.site import BenchError, Site, free_ports

Requests = Mapping[str, Sequence[str]]
"""Kind of load -> what is asked."""


@dataclass(frozen=True, slots=True)
class Case:
    """
    A set-up of txbalancer whose cost per request is compared with the plain one's.
    """

    name: str
    title: str
    members: int = 2
    mounts: int = 0
    crowd: int = 0


def cases(settings: Settings) -> tuple[Case, ...]:
    """
    The set-ups; the first is what the others are compared with.
    """
    return (
        Case("base", "2 members, 1 mount"),
        Case("members", f"{settings.members:,} members", members=settings.members),
        Case("mounts", f"{settings.mounts:,} mounts", mounts=settings.mounts),
        Case("crowd", f"{settings.crowd:,} idle connections", crowd=settings.crowd),
    )


def scaled(bench: Bench, case: Case) -> Sample:
    """
    Figures of a case; C{plain.more} and C{headers.more} are the CPU time of its requests, divided
    by that of the first case's, unless it is that one.
    """
    base = cases(bench.settings)[0]
    compared = [case] if case == base else [base, case]
    sites = [
        replace(bench.site(f"scale-{each.name}", each.members, each.mounts, scale=True), port=port)
        for each, port in zip(compared, free_ports(len(compared)), strict=True)
    ]
    asked = [requests_of(site, bench.settings) for site in sites]
    times = math.ceil(bench.settings.seconds)
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(bench.running(OWN, site)) for site in sites]
        sides = [
            Side(bench, site, child, bench.settings.connections)
            for site, child in zip(sites, children, strict=True)
        ]
        # From here on each member has a connection, and the first checks are over.
        for side, requests in zip(sides, asked, strict=True):
            side.drive(requests["plain"])
        mine = sides[-1]
        clients = stack.enter_context(held(sites[-1].port, case.crowd))
        bench.wait_quiet(mine.child)
        found: Sample = {"rest": bench.rest(mine.child)}
        for kind in ("plain", "headers"):
            ratios = drive_in_turns(sides, [requests[kind] for requests in asked], times)
            found |= mine.figures(kind)
            if len(sides) > 1:
                found[f"{kind}.more"] = statistics.median(ratios)
        found["memory"] = mine.child.memory() / 1024**2
        lost = len(clients) - still_open(clients)
    if lost:
        raise BenchError(f"{lost} idle connections were closed during the load")
    return found


def requests_of(site: Site, settings: Settings) -> Requests:
    """
    Plain requests and such with twelve headers and a cookie: for a hundred of the members, and by
    the first, the middle and the last mount.
    """
    cookies = [OWN.cookie(each) for each in site.members[:: max(1, len(site.members) // 100)]]
    count = settings.mounts
    paths = ["/", *(f"{mount_path(number)}/" for number in (17, count // 2, count - 1))]
    return {
        "plain": [request(path) for path in paths],
        "headers": sticky_requests(cookies, paths),
    }


def drive_in_turns(
    sides: Sequence[Side], requests: Sequence[Sequence[str]], times: int
) -> list[float]:
    """
    Load one after another, so many times, with the other one first each time.

    @return: CPU time per request of the last, divided by that of the first, each time.
    """
    for side in sides:
        side.clear()
    both = list(zip(sides, requests, strict=True))
    for turn in range(times):
        for side, asked in both if turn % 2 else both[::-1]:
            side.drive(asked)
    return [mine / its for its, mine in zip(sides[0].cpu, sides[-1].cpu, strict=True)]
