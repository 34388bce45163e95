"""
What a worker is of the whole service: its part of the configuration.
"""

from __future__ import annotations

from dataclasses import replace

from txbalancer.core.specs import GlobalSpec, ServiceSpec


def own_part(spec: ServiceSpec, workers: int) -> ServiceSpec:
    """
    Return what of a configuration is a worker's: all but what the supervisor does for all, and
    an even part of the memory.

    @param workers: how many there are.
    """
    return replace(spec, service=_of_service(spec.service, workers))


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


def _even_memory(limit: int, workers: int) -> int:
    """
    Return a part of C{memory-limit}, rounded towards 0 but never to it.
    """
    if limit < 0:
        return min(-1, -(-limit // workers))
    return limit // workers
