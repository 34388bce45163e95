"""
Who accepts connections in place of a worker that is not there: the supervisor, for the others.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

_MOST = 16
"""Connections accepted in one turn, at most."""

_REST = 0.01
"""Seconds to the next look where nobody could take what has come."""

Door = tuple[int, int]
"""Key of an endpoint, and the index of one of its sockets."""


class StandIn:
    """
    Takes what comes to some listening sockets, and serves nobody itself.
    """

    def __init__(self, reactor: Any, give: Callable[[int, int], bool]) -> None:
        """
        @param give: called with the key of an endpoint and the file number of a connection, which
            is closed by who is called; returns whether somebody has it who would take more. Asked
            with C{-1}, it only tells.
        """
        self._reactor, self.give = reactor, give
        self._doors: dict[Door, _Reader] = {}

    def serve(self, doors: Mapping[Door, int]) -> None:
        """
        Accept from these sockets, given by their file numbers, and from no others.
        """
        for door in self._doors.keys() - doors.keys():
            self._doors.pop(door).close()
        for door in doors.keys() - self._doors.keys():
            self._doors[door] = _Reader(self._reactor, door[0], doors[door], self.give)


class _Reader:
    def __init__(
        self, reactor: Any, key: int, number: int, give: Callable[[int, int], bool]
    ) -> None:
        self._reactor, self._key, self._give = reactor, key, give
        self._socket = socket.socket(fileno=os.dup(number))
        self._rest: Any = None
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._socket.fileno()

    def doRead(self) -> None:
        for _ in range(_MOST):
            if not self._give(self._key, -1):
                self._pause()
                return
            try:
                accepted, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError:
                # Such as for want of descriptors.
                self._pause()
                return
            self._give(self._key, accepted.detach())

    def _pause(self) -> None:
        self._reactor.removeReader(self)
        self._rest = self._reactor.callLater(_REST, self._again)

    def _again(self) -> None:
        self._rest = None
        self._reactor.addReader(self)

    def close(self) -> None:
        if self._rest is None:
            self._reactor.removeReader(self)
        else:
            self._rest.cancel()
        self._socket.close()

    def connectionLost(self, reason: object) -> None:
        """
        The reactor has given it up.
        """

    def logPrefix(self) -> str:
        return "connections of a worker that is not there"
