"""
What a peer may do: sizes, and how often it may do what brings nothing forward.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("control-frames", "header-block", "resets")
"""What a peer may do too much of."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds for one connection.

    @ivar streams: most streams that the peer may have open.
    @ivar window: bytes of one stream's body that may be on their way or waiting here.
    @ivar connection_window: the same of all streams together.
    @ivar head: largest block of headers, compressed.
    @ivar resets: streams that may break off in a burst; see L{Budget}.
    @ivar control: frames without any content in a burst.
    """

    streams: int = 100
    window: int = 256 * 1024
    connection_window: int = 1024 * 1024
    head: int = 65536
    resets: int = 200
    control: int = 1000


class Budget:
    """
    An allowance that is spent and grows again: by a tenth of its most in each second.
    """

    __slots__ = ("_left", "_most", "_since")

    def __init__(self, most: int) -> None:
        """
        @param most: how much may be spent in a burst.
        """
        self._most = most
        self._left = float(most)
        self._since = 0.0

    def spend(self, now: float) -> bool:
        """
        Spend one; tell whether it was there.
        """
        if not self._since:
            self._since = now
        self._left -= 1
        if self._left >= 0:
            return True
        self._left = min(self._most, self._left + (now - self._since) * self._most / 10)
        self._since = now
        return self._left >= 0

    def earn(self, more: int) -> None:
        """
        Give some back, for what brought something forward.
        """
        if self._left < self._most:
            self._left += more
