"""
Pipes for bytes on their way from one socket to another.
"""

from __future__ import annotations

import os
from typing import NamedTuple

_WANTED = 1 << 20
"""Bytes that a pipe should hold. What one socket has received comes in pieces, of which each
takes a place of its own, so that small pipes are full before they hold much."""

_LEAST = 1 << 16
"""Bytes below which a pipe is of no use: the system gives such when too many are open."""


class Pipe(NamedTuple):
    """
    An empty pipe.

    @ivar size: bytes that it holds at most.
    """

    reader: int
    writer: int
    size: int

    def close(self) -> None:
        """
        Give it up, with whatever is in it.
        """
        os.close(self.reader)
        os.close(self.writer)


MOST = 64
"""Pipes in use at once: no more memory than 64 MiB, which is all that one user may have."""


class Pipes:
    """
    Pipes to be used in turn. One is in use only while there is something in it.

    @ivar most: how many may be in use at once, which bounds the memory that they take; 0 for
        none at all.
    @ivar used: how many are.
    """

    def __init__(self, most: int = MOST, kept: int = 8) -> None:
        """
        @param kept: how many of those not in use stay open.
        """
        self.most, self._kept = most, kept
        self.used = 0
        self._free: list[Pipe] = []

    def allow(self, allowed: bool) -> None:
        """
        Let pipes be used or not from now on; what is in some still goes out.
        """
        self.most = MOST if allowed else 0

    def take(self) -> Pipe | None:
        """
        Return an empty pipe, or C{None} when there are too many.
        """
        if self.used >= self.most:
            return None
        pipe = self._free.pop() if self._free else _made()
        if pipe is not None:
            self.used += 1
        return pipe

    def give(self, pipe: Pipe) -> None:
        """
        Take an empty pipe back.
        """
        self.used -= 1
        if len(self._free) < self._kept:
            self._free.append(pipe)
        else:
            pipe.close()

    def drop(self, pipe: Pipe) -> None:
        """
        Take a pipe back that is not empty.
        """
        self.used -= 1
        pipe.close()


def _made() -> Pipe | None:
    import fcntl  # not every system has it; those without splice never get here

    try:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _WANTED)
    except OSError:
        size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    pipe = Pipe(reader, writer, size)
    if size < _LEAST:
        pipe.close()
        return None
    return pipe
