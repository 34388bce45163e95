"""
Proxies that send PROXY headers to a listener that does not expect any of theirs.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from txbalancer.proxy.throttle import Throttle

PERIOD = 60.0
"""Seconds between two messages of a listener."""


class Unlisted:
    """
    Warns of them: to their clients it looks as if every request were bad.
    """

    __slots__ = ("_listener", "_throttle")

    log = Logger()

    def __init__(self, listener: str) -> None:
        self._listener = listener
        self._throttle = Throttle(PERIOD)

    def note(self, address: Any, now: float) -> None:
        """
        Warn of one, within reason.

        @param address: of the far end, as Twisted has it.
        @param now: monotonic seconds.
        """
        more = self._throttle.permit(now)
        if more is not None:
            host = getattr(address, "host", "")
            self.log.warn(
                "listener {listener}: {proxy} sent a PROXY header but is not in accept-proxy{more}",
                listener=self._listener,
                proxy=host or "a unix socket's client",
                more=more,
            )
