"""
What a worker is of the whole service: its part of the configuration.
"""

from __future__ import annotations

from dataclasses import replace

from txbalancer.core.passive.breaker import is_wanted
from txbalancer.core.specs import BalancerSpec, GlobalSpec, MemberSpec, ServiceSpec


def own_part(spec: ServiceSpec, workers: int) -> ServiceSpec:
    """
    Return what of a configuration is a worker's: all but what the supervisor does for all, and
    an even part of the memory, and of what circuit breakers let through to see.

    @param workers: how many there are.
    """
    balancers = tuple(_of_balancer(each, workers) for each in spec.balancers)
    return replace(spec, service=_of_service(spec.service, workers), balancers=balancers)


def _of_service(spec: GlobalSpec, workers: int) -> GlobalSpec:
    return replace(
        spec,
        workers=0,
        control="off",
        state="",
        error_log="",
        event_log="off",
        heartbeat_listen="",
        heartbeat_address="",
        stop_delay=0.0,
        memory_limit=_even_memory(spec.memory_limit, workers),
    )


def _of_balancer(spec: BalancerSpec, workers: int) -> BalancerSpec:
    if not any(is_wanted(each) for each in (spec, *spec.members)):
        return spec
    trials = _even(spec.breaker_trials, workers)
    members = tuple(_of_member(each, workers) for each in spec.members)
    return replace(spec, breaker_trials=trials, members=members)


def _of_member(spec: MemberSpec, workers: int) -> MemberSpec:
    return replace(spec, breaker_trials=_even(spec.breaker_trials, workers))


def _even(most: int, workers: int) -> int:
    """
    Return an even part, rounded up.
    """
    return -(-most // workers)


def _even_memory(limit: int, workers: int) -> int:
    """
    Return a part of C{memory-limit}, rounded towards 0 but never to it.
    """
    if limit < 0:
        return min(-1, -(-limit // workers))
    return limit // workers
