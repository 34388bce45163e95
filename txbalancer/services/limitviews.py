"""
What is shown of the limits of a service, and how much of them is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

from txbalancer.control.limitviews import LimitView
from txbalancer.core.gates import MAX_REQUESTS, Crowd, Gate
from txbalancer.proxy.door import IN_ALL, PER_CLIENT
from txbalancer.proxy.limiter import Limiter
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.site import Site
from txbalancer.services.limits import Limits
from txbalancer.services.overload import Overload
from txbalancer.stream.datagram_site import OF_CLIENT


def view_limits(
    limits: Limits,
    overload: Overload,
    sites: Iterable[Site],
    resources: Iterable[BalancerResource],
    now: float,
) -> Iterator[LimitView]:
    """
    Yield every limit that is set.

    @param now: by the clock of those who take from rates.
    """
    sites = list(sites)
    yield from _of_service(limits, overload, sites)
    for site in sites:
        yield from _of_listener(site)
    for resource in resources:
        if resource.gate is not None:
            yield _of_gate(f"balancer {resource.balancer.spec.name}", resource.gate)
    for limiter in limits.limiters.values():
        yield _of_rate(limiter, now)


def _of_service(limits: Limits, overload: Overload, sites: list[Site]) -> Iterator[LimitView]:
    if limits.most:
        refused = sum(each.refused[IN_ALL] for each in sites)
        yield LimitView("service", IN_ALL, limits.connections, limits.most, refused=refused)
    if overload.memory:
        used, most = overload.used, overload.memory
        yield LimitView("service", "memory-limit", used, most, refused=overload.times)


def _of_listener(site: Site) -> Iterator[LimitView]:
    spec, of = site.spec, f"listener {site.spec.name}"
    if spec.max_connections:
        used = len(site.channels) - site.held
        yield LimitView(of, IN_ALL, used, spec.max_connections, site.held)
    if site.clients is not None:
        option, most = PER_CLIENT, spec.connections_per_client
        if spec.mode == "udp":
            option, most = OF_CLIENT, spec.sessions_per_client
        refused = site.refused[option]
        yield LimitView(of, option, site.clients.most(), most, refused=refused)
    if site.crowd is not None:
        yield _of_crowd(of, site.crowd)
    if site.gate is not None:
        yield _of_gate(of, site.gate)


def _of_gate(of: str, gate: Gate) -> LimitView:
    most, waiting = int(gate.spec.most), len(gate.line)
    return LimitView(of, MAX_REQUESTS, gate.busy, most, waiting, refused=gate.refused)


def _of_crowd(of: str, crowd: Crowd) -> LimitView:
    used, most = crowd.busiest(), int(crowd.spec.most)
    return LimitView(of, "requests-per-client", used, most, crowd.waiting, refused=crowd.refused)


def _of_rate(limiter: Limiter, now: float) -> LimitView:
    spec = limiter.spec
    # Of each that came so many seconds are to be paid back; one that is paid in part is still one.
    owed = limiter.table.deepest(now) * spec.rate.per_second
    return LimitView(
        f"limit {spec.name}",
        "rate",
        len(limiter.table),
        spec.keys,
        passed=limiter.passed,
        refused=limiter.refused,
        dry_run=spec.dry_run,
        rate=f"{spec.rate.number}/{spec.rate.unit}",
        burst=spec.burst,
        spent=min(spec.burst, ceil(owed - 1e-6)),
    )
