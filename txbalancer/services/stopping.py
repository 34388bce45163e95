"""
The end of a service: announced, then without new connections, then cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from txbalancer.core.values import counted
from txbalancer.proxy.runtime import Runtime

_LOOK = 0.05
"""Seconds between two looks at whether all connections have ended."""


class Stopping:
    """
    @ivar begun: whether the service is going to stop.
    """

    log = Logger()

    def __init__(self, runtime: Runtime, channels: Callable[[], list[Any]]) -> None:
        """
        @param channels: returns the connections of clients that are still there.
        """
        self.begun = False
        self._runtime = runtime
        self._channels = channels
        self._announced: Deferred[None] | None = None

    def announce(self, seconds: float) -> Deferred[None]:
        """
        Let whoever asks the C{health:} URLs go elsewhere, while everything is still served.

        @return: fires after so many seconds, or once it is L{cut} short.
        """
        self.begun = True
        if not seconds:
            return succeed(None)
        self.log.info(
            "stopping in {seconds:g} s, until then health: URLs answer 503; a second signal cuts",
            seconds=seconds,
        )
        waiting: Deferred[Any] = deferLater(self._runtime.reactor, seconds)
        self._announced = waiting
        return waiting.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def drain(self, seconds: float) -> Deferred[Any]:
        """
        Let exchanges finish within so many seconds, then cut them.

        @return: fires when no connection is left.
        """
        until = self._runtime.now() + seconds
        left = self._channels()
        if left:
            self.log.info(
                "stopping: {count} in progress, at most {seconds:g} s more; a second signal cuts",
                count=counted(len(left), "connection"),
                seconds=seconds,
            )

        def look() -> None:
            left = self._channels()
            if left and self._runtime.now() < until:
                return
            if left:
                self.log.warn("stopping: {count} cut off", count=counted(len(left), "connection"))
            for channel in left:
                channel.cut()
            polling.stop()

        polling = LoopingCall(look)
        polling.clock = self._runtime.reactor
        return polling.start(_LOOK)

    def cut(self) -> None:
        """
        End it now.
        """
        for channel in self._channels():
            channel.cut()
        if self._announced is not None:
            self._announced.cancel()
