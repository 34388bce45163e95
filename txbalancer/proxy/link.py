"""
What both ends of the proxy have in common: a transport with a deadline.
"""

from __future__ import annotations

from typing import Any


class Link:
    """
    The base of a protocol that is watched by L{Deadlines<txbalancer.net.deadlines.Deadlines>}.

    @ivar transport: the connection's transport.
    @ivar deadline: when its silence has been too long, monotonic.
    """

    __slots__ = ("_progress", "deadline", "transport")

    transport: Any
    deadline: float
    _progress: int

    def connectionMade(self) -> None:
        """
        Part of the interface; C{makeConnection} does it all.
        """

    def writeConnectionLost(self) -> None:
        """
        Our half-close went out; nothing to do.
        """

    def stopProducing(self) -> None:
        """
        The transport is gone; C{connectionLost} follows.
        """

    @property
    def secure(self) -> bool:
        """
        Whether the connection is under TLS.
        """
        raise NotImplementedError

    def half_close(self) -> None:
        """
        Send no more, but go on reading.
        """
        self.transport.loseWriteConnection()

    def _moving(self) -> bool:
        """
        Tell whether the far end took bytes since this was last asked.
        """
        transport = getattr(self.transport, "transport", self.transport)
        progress = getattr(transport, "progress", 0)
        moved: bool = progress != self._progress
        self._progress = progress
        return moved
