"""
Whether connections are accepted: not when the last descriptors are kept for others, nor while
somebody has said so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from typing import Any

EXHAUSTED = frozenset((EMFILE, ENFILE, ENOBUFS, ENOMEM))
"""Errors that tell of this machine, whoever is at the other end."""

PAUSE = 0.25
"""Seconds for which a port that found no room does not look again."""

RESERVE = 32
"""Descriptors for reserved listeners, commands, logs, checks and names."""


class Turnstile:
    """
    Stands before the ports of a service that are not reserved.

    A new descriptor has the lowest free number, so that one number tells how many are left.

    @ivar clients: the first descriptor that clients may not have.
    @ivar members: the first one that connections to members may not have, either. Those between
        are for clients that are there already.
    @ivar full: how often a port found no room.
    @ivar on_full: called each time that one did.
    @ivar closed: whether nothing is accepted; C{on_closed}: called with that when it changes.
    @ivar divert: called with each port before which it is closed; returns whether it goes on, and
        has others serve what comes.
    """

    __slots__ = (
        "_clock",
        "_ports",
        "clients",
        "closed",
        "divert",
        "full",
        "members",
        "on_closed",
        "on_full",
    )

    def __init__(self, clock: Any) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        """
        self._clock = clock
        self.on_full: Callable[[], None] = lambda: None
        self.on_closed: Callable[[bool], object] = lambda closed: None
        self.divert: Callable[[Any], bool] = lambda port: False
        self._ports: set[Any] = set()
        self.clients = self.members = sys.maxsize
        self.full = 0
        self.closed = False

    def limit(self, descriptors: int) -> None:
        """
        Divide the descriptors that the process may have; ports that come later count with it.
        """
        self.members = max(descriptors - RESERVE, descriptors // 2)
        self.clients = self.members - min(descriptors // 8, 1024)

    def add(self, port: Any) -> None:
        """
        Stand before a port, too.
        """
        self._ports.add(port)
        if self.closed:
            self._shut(port)

    def discard(self, port: Any) -> None:
        """
        Let a port accept whatever comes.
        """
        if port in self._ports:
            self._ports.discard(port)
            if self.closed:
                _resume(port)

    def forget(self, port: Any) -> None:
        """
        Stand no more before a port that is closed.
        """
        self._ports.discard(port)

    def no_room(self, port: Any) -> None:
        """
        Let a port rest, whose next connection would find no room; what comes meanwhile waits.
        """
        self.full += 1
        port.stopReading()
        self._clock.callLater(PAUSE, self._again, port)
        self.on_full()

    def rest(self, port: Any) -> None:
        """
        Let a port rest that others take connections of, none of whom could.
        """
        port.stopReading()
        self._clock.callLater(PAUSE, _resume, port)

    def _shut(self, port: Any) -> None:
        if not self.divert(port):
            port.stopReading()

    def _again(self, port: Any) -> None:
        if not self.closed or port not in self._ports:
            _resume(port)

    def close(self) -> None:
        """
        Accept nothing more for now.
        """
        self.closed = True
        self.on_closed(True)
        for port in self._ports:
            self._shut(port)

    def open(self) -> None:
        """
        Go on accepting.
        """
        self.closed = False
        self.on_closed(False)
        for port in self._ports:
            _resume(port)


def _resume(port: Any) -> None:
    if port.connected and not port.disconnecting:
        port.startReading()
