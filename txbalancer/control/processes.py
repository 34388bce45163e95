"""
What other processes of the service use of the machine.
"""

from __future__ import annotations

import os
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class WorkerView(NamedTuple):
    """
    A worker process and what it does.

    @ivar number: its place among the workers, from 1; another process may come to have it.
    @ivar started: when it began to serve, in seconds since the epoch.
    @ivar user: seconds of the processor's time that it used itself; C{system}: those that the
        system used for it.
    @ivar memory: bytes that it has.
    @ivar requests: exchanges that it has finished.
    @ivar connections: of clients that are open; C{busy}: those with an exchange.
    """

    number: int
    pid: int
    started: float
    user: float
    system: float
    memory: int
    requests: int
    connections: int
    busy: int


class Usage(NamedTuple):
    """
    @ivar user: seconds; C{system}: those of the system for it.
    @ivar memory: bytes that are resident.
    """

    user: float = 0.0
    system: float = 0.0
    memory: int = 0


def usage_of(pid: int) -> Usage:
    """
    Ask the system what a process uses; nothing where it is over, or where nobody knows.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # What stands before the last bracket is a name, in which anything may be.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return Usage()
    user, system, resident = (int(fields[place]) for place in (11, 12, 21))
    return Usage(user / _TICKS, system / _TICKS, resident * _PAGE)
