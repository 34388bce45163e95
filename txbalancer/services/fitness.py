"""
What a service that runs cannot become by a reload.
"""

from __future__ import annotations

from collections.abc import Iterator

from txbalancer.config import Check, Complaint
from txbalancer.core.specs import ServiceSpec
from txbalancer.errors import StartError


def stays_one(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Complain of a configuration for several processes.
    """
    if spec.service.workers:
        yield (
            "txbalancer",
            "workers",
            "one process stays one in a reload: `txbalancer upgrade` or a restart makes it several,"
            " as txbalancer.services.supervisor.Supervisor is in a program of yours",
        )


def stays_several(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Complain of a configuration for one process.
    """
    if not spec.service.workers:
        yield (
            "txbalancer",
            "workers",
            "several processes stay so in a reload, with 1 as the fewest: `txbalancer upgrade` or a"
            " restart makes them one",
        )


def vet(spec: ServiceSpec, check: Check) -> None:
    """
    @raise StartError: with the first complaint of a check.
    """
    for title, key, text in check(spec):
        raise StartError(f"[{title}] {key}: {text}")
