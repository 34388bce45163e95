"""
The sending half of a connection: windows, and whose turn it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txbalancer.http2 import frames
from txbalancer.http2.faults import FLOW_CONTROL_ERROR, ConnectionFault
from txbalancer.http2.frames import MOST_WINDOW
from txbalancer.http2.hpack import Encoder
from txbalancer.http2.limits import Budget, Limits
from txbalancer.http2.literals import Literals

if TYPE_CHECKING:
    from txbalancer.http2.stream import Stream

_WORTH = 1024
"""Bytes from which a piece of a body is worth the windows and pings that go with it."""
_BATCH = 65536
"""Bytes that are given to the transport at once."""


class Sending:
    """
    What streams share when they send.

    @ivar limits: what the peer may do.
    @ivar out: frames that are to be written, in their order.
    @ivar streams: those that are open, by their number.
    @ivar ready: those that have something to send and a window for it.
    @ivar window: bytes that the peer takes at the moment, on all streams.
    @ivar first_window: what a stream's window begins with.
    @ivar blocked: whether the transport takes no more for now.
    @ivar encode: compresses header lines; to be called in the order of what goes out.
    """

    __slots__ = (
        "_control",
        "_credit",
        "_encoder",
        "_left",
        "_pumping",
        "blocked",
        "encode",
        "first_window",
        "limits",
        "out",
        "ready",
        "streams",
        "window",
    )

    def __init__(self, limits: Limits, literals: Literals) -> None:
        self.limits = limits
        self.out: list[bytes] = []
        self.streams: dict[int, Stream] = {}
        self.ready: list[Stream] = []
        self.window = self.first_window = frames.FIRST_WINDOW
        self.blocked = self._pumping = False
        self._left = limits.connection_window
        self._credit = 0
        self._encoder = Encoder(literals)
        self.encode = self._encoder.encode
        self._control = Budget(limits.control)

    def flush(self) -> None:
        """
        Give L{out} to the transport.
        """
        raise NotImplementedError

    # -- what the peer may send

    def consumed(self, size: int) -> None:
        """
        Let the peer send as much more on the connection.
        """
        self._credit += size
        if self._credit * 2 >= self.limits.connection_window:
            self._left += self._credit
            self.allow(0, self._credit)
            self._credit = 0

    def allow(self, number: int, more: int) -> None:
        """
        Tell the peer of a larger window.
        """
        self.out.append(frames.window_frame(number, more))

    def moved(self, size: int) -> None:
        """
        Note a piece of a body, in whatever direction: windows and pings come with it.
        """
        if size >= _WORTH:
            self._control.earn(3)

    # -- what may be sent

    def widen(self, stream: Stream, more: int) -> None:
        """
        Note that the peer takes more of a stream, or less.

        @raise ConnectionFault: when that would be more than there is.
        """
        stream.window += more
        if stream.window > MOST_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "a window of over 2^31-1")
        if stream.queued and not stream.ready and stream.window > 0:
            stream.ready = True
            self.ready.append(stream)

    def unblocked(self) -> None:
        """
        The transport takes more again.
        """
        self.blocked = False
        self.pump()

    def pump(self) -> None:
        """
        Send what waits: a frame of each stream in turn, as far as windows and transport allow.
        """
        if self._pumping or self.blocked or not self.ready:
            return
        self._pumping = True
        try:
            self._pump()
        finally:
            self._pumping = False

    def _pump(self) -> None:
        ready = self.ready
        starved: list[Stream] = []
        size = 0
        while ready and not self.blocked:
            stream = ready.pop(0)
            before = stream.queued
            if stream.number not in self.streams:
                stream.ready = False
            elif stream.turn():
                (ready if self.window > 0 else starved).append(stream)
            else:
                stream.ready = False
                if before and not stream.queued:
                    stream.drained()
            size += before - stream.queued
            if size >= _BATCH:
                size = 0
                self.flush()
        ready[:0] = starved
