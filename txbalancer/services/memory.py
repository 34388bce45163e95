"""
How much memory this process has, and may have.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from txbalancer.errors import StartError

_STATM = "/proc/self/statm"
_CGROUP = "/proc/self/cgroup"
_MOUNTED = "/sys/fs/cgroup"

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""What C{mallopt} calls them. Source: C{malloc.h} of glibc."""

_LARGE = 128 * 1024
"""Bytes from which on a piece of memory is the system's own, and goes back to it when free."""

_MOST_FREE = 16 * 1024 * 1024
"""Bytes at the end of the heap that stay, until free memory is given back."""

_TRIMMED = 60.0
"""Seconds between two times that free memory is given back, at least."""

_TRIMMING = 1e-4
"""Part of the time that this may take."""


def resident() -> int:
    """
    Return the bytes of memory that this process has (RSS).

    @raise OSError: where the system does not tell.
    """
    with open(_STATM, "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def allowed(limit: int) -> int:
    """
    Return the bytes that a C{memory-limit} stands for; 0 for none.

    @param limit: bytes, or as a negative number percents of the container's or the machine's.
    @raise StartError: where the system does not tell how much memory the process has.
    """
    if not limit:
        return 0
    try:
        resident()
    except (OSError, ValueError, IndexError) as error:
        raise StartError(
            f"memory-limit: {_STATM} cannot be read: {error}: leave it out on this system"
        ) from error
    return limit if limit > 0 else min(_ceilings()) * -limit // 100


def _ceilings() -> Iterator[int]:
    """
    Yield all that bounds the memory of this process: the machine's, and of each control group
    that it is in.
    """
    yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path, name in _groups():
        while True:
            found = _number(f"{_MOUNTED}{path}/{name}")
            if found:
                yield found
            if path in ("", "/"):
                break
            path = path.rpartition("/")[0]


def _groups() -> Iterator[tuple[str, str]]:
    """
    Yield (path, file) for the control groups of this process, of version 2 and 1.
    """
    try:
        with open(_CGROUP, encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            yield path, "memory.max"
        elif "memory" in controllers.split(","):
            yield f"/memory{path}", "memory.limit_in_bytes"


def _number(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdigit() else 0


def settle(reactor: Any) -> None:
    """
    Have the garbage collector leave alone all that is there, and look seldom at what comes, and
    free memory be given back: for a process that is ours alone and is about to serve. A worker
    keeps the collector off until then, for what gets imported stays.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10000, 20, 50)
    _keep_large_apart()
    trim = _find("malloc_trim")
    if trim is not None:
        Trimming(reactor, partial(trim, 0)).start()


def _keep_large_apart() -> None:
    """
    Have C never put large pieces between small ones: by itself it begins to when the first of
    them is given back, and what lives on behind them then keeps their room for good.
    """
    tune = _find("mallopt")
    if tune is not None:
        tune(_M_MMAP_THRESHOLD, _LARGE)
        tune(_M_TRIM_THRESHOLD, _MOST_FREE)


def release() -> None:
    """
    Give back to the system what is not used; it takes some milliseconds.
    """
    gc.collect()
    trim = _find("malloc_trim")
    if trim is not None:
        trim(0)


def _find(name: str) -> Callable[..., int] | None:
    found: Any = sys.platform == "linux" and getattr(ctypes.CDLL(None), name, None)
    return found or None


class Trimming:
    """
    Gives back to the system, time and again, what the heap of C has free: by itself that only
    gives back its end, and so would stay as large as it was in a rush, and grow as it gets
    holes. Nothing else is done meanwhile: the longer it takes, the more seldom it is done.
    """

    def __init__(
        self,
        reactor: Any,
        trim: Callable[[], object],
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        @param trim: gives back; C{seconds}: by which it is measured.
        """
        self._reactor, self._trim, self._seconds = reactor, trim, seconds

    def start(self) -> None:
        """
        Begin a minute from now.
        """
        self._reactor.callLater(_TRIMMED, self._again)

    def _again(self) -> None:
        began = self._seconds()
        self._trim()
        took = self._seconds() - began
        self._reactor.callLater(max(_TRIMMED, took / _TRIMMING), self._again)
