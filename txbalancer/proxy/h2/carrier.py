"""
What the streams of clients and of members have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.http2.stream import Stream

if TYPE_CHECKING:
    from txbalancer.proxy.tunnel import Tunnel


class Carrier(Stream):
    """
    A stream that carries one side of an exchange, or of a tunnel that takes it for a connection.

    @ivar exchange: what is in progress, or C{None}.
    @ivar tunnel: where bytes go when a tunnel stands.
    @ivar paused: whether the other side does not keep up; what comes, as far as the window
        goes, is held.
    """

    __slots__ = ("_held", "_trailers", "_waiting", "deadline", "exchange", "paused", "tunnel")

    deadline: float
    exchange: Any
    paused: bool
    tunnel: Tunnel | None
    _waiting: int

    def _moving(self) -> bool:
        """
        Tell whether any of what is queued went out since this was last asked, or it is up to
        the whole connection, which has a deadline of its own.
        """
        moving = self.connection.blocked or self.queued != self._waiting
        self._waiting = self.queued
        return moving

    @property
    def transport(self) -> Any:
        """
        What a tunnel writes to: the stream itself.
        """
        return self

    def write(self, data: bytes) -> None:
        """
        Send bytes of a tunnel.
        """
        self.write_body(data)

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of a body.
        """
        raise NotImplementedError

    def pauseProducing(self) -> None:
        """
        Let the far end send no more for now.
        """
        self.paused = True

    def resumeProducing(self) -> None:
        """
        Let the far end go on.
        """
        self.resume()

    def resume(self) -> None:
        """
        Go on with what is held.
        """
        raise NotImplementedError
