"""
The families of the service as a whole. Those of its process: C{of_process.py}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from txbalancer import __version__
from txbalancer.control.discovered import SourceView
from txbalancer.control.journal import Journal
from txbalancer.control.limitviews import LimitView
from txbalancer.control.metrics.families import COUNTER, GAUGE, Family, Group
from txbalancer.control.metrics.of_listeners import ListenerView
from txbalancer.control.processes import WorkerView
from txbalancer.control.record import Record
from txbalancer.control.telemetry import Telemetry


@dataclass(slots=True)
class Sources:
    """
    Where everything is read.

    @ivar now: returns the time of the balancers' clock.
    @ivar resources: returns the L{BalancerResource<txbalancer.proxy.resource.BalancerResource>}
        of every balancer, lone members of mounts included.
    @ivar listeners: returns those that are there now.
    @ivar reloads: how they went; C{writes}: how those of the state file did.
    @ivar stopping: tells whether the service is about to stop.
    @ivar lost: returns how many lines of access logs could not be written.
    @ivar limits: returns those that are set, and their use.
    @ivar room: returns how often no descriptor was left for clients, and whether connections are
        not accepted for want of memory.
    @ivar discovery: returns how sources of members do.
    @ivar streams: returns how many streams of events clients have open.
    @ivar workers: returns the worker processes; C{replaced}: how many had to be replaced.
    """

    journal: Journal
    telemetry: Telemetry
    now: Callable[[], float]
    resources: Callable[[], Iterable[Any]]
    listeners: Callable[[], Iterable[ListenerView]] = tuple
    reloads: Record = field(default_factory=Record)
    writes: Record = field(default_factory=Record)
    stopping: Callable[[], bool] = lambda: False
    lost: Callable[[], int] = lambda: 0
    discovery: Callable[[], Iterable[SourceView]] = tuple
    streams: Callable[[], int] = lambda: 0
    limits: Callable[[], Iterable[LimitView]] = tuple
    room: Callable[[], tuple[int, bool]] = lambda: (0, False)
    workers: Callable[[], Iterable[WorkerView]] = tuple
    replaced: Callable[[], int] = lambda: 0


def _by_result(record: Record) -> dict[str, int]:
    return {"failed": record.failed, "passed": record.passed}


SERVICE = Group(
    "service",
    (),
    (
        Family(
            "txbalancer_build_info",
            GAUGE,
            "1, with the version of txbalancer",
            lambda sources: {__version__: 1},
            "version",
        ),
        Family(
            "txbalancer_stopping",
            GAUGE,
            "1 once the service is about to stop",
            lambda sources: int(sources.stopping()),
        ),
        Family(
            "txbalancer_events",
            COUNTER,
            "Events in the journal, by kind: changes by people, flips of members, reloads",
            lambda sources: sources.journal.counts,
            "kind",
        ),
        Family(
            "txbalancer_reloads",
            COUNTER,
            "Times that the configuration file was read again, by result",
            lambda sources: _by_result(sources.reloads),
            "result",
        ),
        Family(
            "txbalancer_last_reload_successful",
            GAUGE,
            "0 when the last reload was refused, so that the file is not what is in force",
            lambda sources: int(sources.reloads.fine),
        ),
        Family(
            "txbalancer_last_reload_success_timestamp_seconds",
            GAUGE,
            "When a reload last went well, since the epoch; 0 for never",
            lambda sources: sources.reloads.last,
        ),
        Family(
            "txbalancer_state_writes",
            COUNTER,
            "Times that the state file was written, by result",
            lambda sources: _by_result(sources.writes),
            "result",
        ),
        Family(
            "txbalancer_last_state_write_successful",
            GAUGE,
            "0 when changes at run time would not outlive a restart now, though they should",
            lambda sources: int(sources.writes.fine),
        ),
        Family(
            "txbalancer_last_state_write_success_timestamp_seconds",
            GAUGE,
            "When the state file was last written, since the epoch; 0 for never",
            lambda sources: sources.writes.last,
        ),
        Family(
            "txbalancer_log_lines_lost",
            COUNTER,
            "Lines of access logs that could not be written",
            lambda sources: sources.lost(),
        ),
        Family(
            "txbalancer_descriptors_exhausted",
            COUNTER,
            "Times that a port stopped accepting for a moment, as the last descriptors are kept",
            lambda sources: sources.room()[0],
        ),
        Family(
            "txbalancer_memory_exhausted",
            GAUGE,
            "1 while no connections are accepted for memory-limit",
            lambda sources: int(sources.room()[1]),
        ),
        Family(
            "txbalancer_event_streams",
            GAUGE,
            "Open streams of events: live pages, and commands that watch",
            lambda sources: sources.streams(),
        ),
        Family(
            "txbalancer_workers",
            GAUGE,
            "Worker processes; 0 where one process does everything",
            lambda sources: len(list(sources.workers())),
        ),
        Family(
            "txbalancer_workers_replaced",
            COUNTER,
            "Worker processes that were lost and replaced",
            lambda sources: sources.replaced(),
        ),
    ),
)
