"""
What the system tells of a process and those that it started.
"""

from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
USUAL = 1 << 16
"""Bytes that a pipe holds if nobody asks for more."""


def tree(pid: int) -> list[int]:
    """
    Return a process and all below it, those that still live.
    """
    found = [pid] if (PROC / str(pid)).exists() else []
    for each in _children(pid):
        found += tree(each)
    return found


def _children(pid: int) -> list[int]:
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
        return [int(each) for task in tasks for each in (task / "children").read_text().split()]
    except OSError:
        return []


def rss(pid: int) -> int:
    """
    Return the resident bytes of a process; 0 if it is gone.
    """
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS:")), 0)


def descriptors(pid: int) -> int:
    """
    Return how many descriptors a process has; 0 if it is gone.
    """
    return len(_files(pid))


def large_pipes(pid: int) -> int:
    """
    Return how many ends of pipes larger than usual a process has; 0 if it is gone.
    """
    return sum(_pipe_size(each) > USUAL for each in _files(pid))


def _pipe_size(file: Path) -> int:
    try:
        if not str(file.readlink()).startswith("pipe:"):
            return 0
        number = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return 0
    try:
        return fcntl.fcntl(number, fcntl.F_GETPIPE_SZ)
    finally:
        os.close(number)


def _files(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "fd").iterdir())
    except OSError:
        return []


def has_ended(pid: int) -> bool:
    """
    Tell whether a process has, even if nobody asked how.
    """
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return True
    return "\nState:\tZ" in status


def total(pid: int, measure: Callable[[int], int]) -> int:
    """
    Return the sum of something over a process and those below it.
    """
    return sum(map(measure, tree(pid)))


def limit_descriptors(pid: int, most: int | None) -> None:
    """
    Set how many descriptors a process may have; C{None} = as many as it could have.
    """
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard if most is None else most, hard))
