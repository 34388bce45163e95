"""
Keeping what the processes of a service find each other by.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.errors import StartError
from txbalancer.services.inside import inner_path
from txbalancer.services.ports import ListenerService
from txbalancer.services.workforce import Workforce

_LOOK = 1.0
"""Seconds between two looks."""


class Upkeep:
    """
    Looks whether the folder of the sockets between the processes is there with all in it, and makes
    anew what somebody has removed: the boxes of workers, and the sockets by which they pass on
    requests for the service's own pages.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, workforce: Workforce, listeners: Iterable[ListenerService]
    ) -> None:
        """
        @param listeners: those for which workers pass on requests, as they are at the time.
        """
        self._workforce, self._listeners = workforce, listeners
        self._told = ""
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def start(self) -> None:
        """
        Begin to look.
        """
        self._loop.start(_LOOK, now=False)

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        try:
            self._workforce.restore()
            for each in self._listeners:
                self._restore(each)
        except (OSError, StartError) as error:
            told, self._told = self._told, str(error)
            if told != self._told:
                # Once: it is tried again every second.
                self.log.error("{folder}: {error}", folder=self._workforce.folder, error=error)
        else:
            self._told = ""

    def _restore(self, listener: ListenerService) -> None:
        path = inner_path(self._workforce.folder, listener.spec.name)
        if os.path.lexists(path):
            return
        with contextlib.suppress(FileNotFoundError):
            # Our own, which Twisted would take for another process's.
            os.unlink(f"{path}.lock")
        listener.open_anew()
        self.log.warn("{path} was removed, and is made again", path=path)
