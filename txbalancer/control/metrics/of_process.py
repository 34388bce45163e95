"""
The families of the process and its Python, with the names that prometheus-client gives them.

Its own collectors and their text took much of the time of a small page: they read more of
/proc, and list every descriptor to count them.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from txbalancer.control.metrics.families import COUNTER, GAUGE, Family, Group

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


def process_view() -> ProcessView | None:
    """
    Ask the system what this process uses; C{None} where it has no /proc.
    """
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            virtual, resident = map(int, file.read().split()[:2])
        descriptors, started = count_descriptors(), start_time(os.getpid())
    except OSError:
        return None
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


def _of_generations(key: str) -> Callable[[list[dict[str, int]]], dict[str, int]]:
    return lambda stats: {str(number): each[key] for number, each in enumerate(stats)}


PROCESS = Group(
    "process",
    (),
    (
        Family(
            "process_virtual_memory_bytes",
            GAUGE,
            "Virtual memory size in bytes",
            lambda view: view.virtual,
        ),
        Family(
            "process_resident_memory_bytes",
            GAUGE,
            "Resident memory size in bytes",
            lambda view: view.resident,
        ),
        Family(
            "process_start_time_seconds",
            GAUGE,
            "Start time of the process since unix epoch in seconds",
            lambda view: view.started,
        ),
        Family(
            "process_cpu_seconds",
            COUNTER,
            "Total user and system CPU time spent in seconds",
            lambda view: view.cpu,
        ),
        Family(
            "process_open_fds",
            GAUGE,
            "Number of open file descriptors",
            lambda view: view.descriptors,
        ),
        Family(
            "process_max_fds",
            GAUGE,
            "Maximum number of open file descriptors",
            lambda view: view.most,
        ),
    ),
)

COLLECTIONS = Group(
    "garbage collection",
    (),
    (
        Family(
            "python_gc_objects_collected",
            COUNTER,
            "Objects collected during gc",
            _of_generations("collected"),
            "generation",
        ),
        Family(
            "python_gc_objects_uncollectable",
            COUNTER,
            "Uncollectable objects found during GC",
            _of_generations("uncollectable"),
            "generation",
        ),
        Family(
            "python_gc_collections",
            COUNTER,
            "Number of times this generation was collected",
            _of_generations("collections"),
            "generation",
        ),
    ),
)

PYTHON = Group(
    "python",
    ("implementation", "major", "minor", "patchlevel", "version"),
    (Family("python_info", GAUGE, "Python platform information", lambda view: 1),),
)

THIS_PYTHON = (
    platform.python_implementation(),
    *platform.python_version_tuple(),
    platform.python_version(),
)
"""What Python it is, for the labels of L{PYTHON}."""
