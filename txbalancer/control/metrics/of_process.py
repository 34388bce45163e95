"""
The families of the process and its Python, as prometheus-client has them.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_DESCRIPTORS = "/proc/self/fd"


class ProcessView(NamedTuple):
    """
    @ivar virtual: bytes of its address space; C{resident}: those that are in memory.
    @ivar started: seconds since the epoch.
    @ivar cpu: seconds of the processor's time that it used.
    @ivar descriptors: that are open; C{most}: how many may be.
    """

    virtual: int
    resident: int
    started: float
    cpu: float
    descriptors: int
    most: int


def process_view() -> ProcessView:
    """
    Ask the system what this process uses.

    @raise OSError: it has no /proc.
    """
    with open("/proc/self/statm", "rb", buffering=0) as file:
        virtual, resident = map(int, file.read().split()[:2])
    descriptors, started = count_descriptors(), start_time(os.getpid())
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return ProcessView(
        virtual * _PAGE, resident * _PAGE, started, time.process_time(), descriptors, most
    )


def count_descriptors() -> int:
    """
    Return how many are open. Linux has the count as the folder's size, from 6.2 on.
    """
    return os.stat(_DESCRIPTORS).st_size or len(os.listdir(_DESCRIPTORS))


@lru_cache(maxsize=1)
def start_time(pid: int) -> float:
    """
    Return when a process began, in seconds since the epoch.

    @raise OSError: the system does not tell.
    """
    with open(f"/proc/{pid}/stat", "rb") as file:
        # What stands before the last bracket is a name, in which anything may be.
        ticks = int(file.read().rpartition(b")")[2].split()[19])
    with open("/proc/stat", "rb") as file:
        booted = next(line for line in file if line.startswith(b"btime "))
    return int(booted.split()[1]) + ticks / _TICKS


class Process(Collector):
    """
    Tells of this process by prometheus-client's names.

    Its own collector lists every descriptor to count them, which takes a proxy with 10,000
    connections some milliseconds at each look.
    """

    def collect(self) -> Iterable[Metric]:
        """
        Read what there is; nothing where the system does not tell.
        """
        try:
            view = process_view()
        except OSError:
            return
        gauges = (
            ("virtual_memory_bytes", "Virtual memory size in bytes.", view.virtual),
            ("resident_memory_bytes", "Resident memory size in bytes.", view.resident),
            ("start_time_seconds", "When the process began, in seconds since 1970.", view.started),
            ("open_fds", "Open file descriptors.", view.descriptors),
            ("max_fds", "File descriptors that may be open.", view.most),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(f"process_{name}", text, value)
        text = "User and system time of the processor that was used, in seconds."
        yield CounterMetricFamily("process_cpu_seconds", text, view.cpu)


def process_registry() -> CollectorRegistry:
    """
    Return the families of a process: C{process_…} and C{python_…}.
    """
    registry = CollectorRegistry()
    registry.register(Process())
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
