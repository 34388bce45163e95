"""
Where the pages of a service read what they show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txbalancer.services.limitviews import view_limits

if TYPE_CHECKING:
    from txbalancer.services.service import BalancerService


def show(service: BalancerService) -> None:
    """
    Let the pages of a service look at it.
    """
    targets, limits, overload = service.targets, service.limits, service.overload
    listeners = service.listeners
    facts = targets.steering.facts
    facts.counters, facts.load = service.telemetry.meters.select, limits.load
    facts.connections = lambda: len(listeners.channels())
    facts.listeners = listeners.counts
    facts.config = service.path
    facts.limits = lambda: list(
        view_limits(
            limits,
            overload,
            (each.site for each in listeners),
            targets.balancers.values(),
            service.runtime.now(),
        )
    )
    sources = targets.pages.sources
    sources.writes = service.persistence.record
    sources.listeners = listeners.views
    sources.stopping = lambda: service.stopping.begun
    sources.lost = lambda: service.logs.access.lost
    sources.limits = facts.limits
    sources.room = lambda: (service.runtime.turnstile.full, overload.closed)
