"""
The families of worker processes.
"""

from __future__ import annotations

from txbalancer.control.metrics.families import COUNTER, GAUGE, Family, Group

WORKERS = Group(
    "worker",
    ("worker",),
    (
        Family(
            "txbalancer_worker_requests",
            COUNTER,
            "Exchanges by the worker process; a new one in its place begins at 0, as with all"
            " of these",
            lambda view: view.requests,
        ),
        Family(
            "txbalancer_worker_in_flight",
            GAUGE,
            "Exchanges in progress",
            lambda view: view.busy,
        ),
        Family(
            "txbalancer_worker_connections",
            GAUGE,
            "Open connections of clients",
            lambda view: view.connections,
        ),
        Family(
            "txbalancer_worker_cpu_seconds",
            COUNTER,
            "Time of the processor that the worker used",
            lambda view: view.user + view.system,
        ),
        Family(
            "txbalancer_worker_resident_memory_bytes",
            GAUGE,
            "Memory that the worker has",
            lambda view: view.memory,
        ),
        Family(
            "txbalancer_worker_start_time_seconds",
            GAUGE,
            "When the worker began to serve, since the epoch",
            lambda view: view.started,
        ),
    ),
)
