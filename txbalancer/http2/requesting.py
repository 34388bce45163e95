"""
The client's role in a connection.
"""

from __future__ import annotations

from txbalancer.http2 import faults
from txbalancer.http2.connection import Connection
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.frames import MOST_WINDOW
from txbalancer.http2.limits import Limits
from txbalancer.http2.literals import Literals
from txbalancer.http2.stream import Stream
from txbalancer.http2.tables import Field


class Requesting(Connection):
    """
    A connection on which streams are opened here, and none by the peer.

    @ivar next: the next stream's number.
    @ivar gone_away: whether the peer takes no further streams.
    """

    __slots__ = ("gone_away", "next")

    def __init__(self, limits: Limits, literals: Literals) -> None:
        super().__init__(limits, literals)
        self.next = 1
        self.gone_away = False

    @property
    def room(self) -> int:
        """
        How many further streams can be opened now.
        """
        if self.gone_away or self.next > MOST_WINDOW:
            return 0
        return min(self.most_streams, self.limits.streams) - len(self.streams)

    def add(self, stream: Stream) -> None:
        """
        Open a stream, made with the number that is next.
        """
        self.streams[stream.number] = stream
        self.next += 2

    def _take_first(self, number: int, fields: list[Field], ended: bool) -> None:
        self._missing(number, "HEADERS")

    def highest(self, number: int) -> int:
        """
        Return the highest stream that was opened; the peer opens none.
        """
        return self.next - 2 if number & 1 else 0

    def check_push(self, value: int) -> None:
        """
        Servers do not get pushed to (RFC 9113 6.5.2).
        """
        if value:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "a server that would be pushed to")

    def take_goaway(self, last: int, code: int) -> None:
        """
        Let go of the streams that the peer has not acted on, and of all when it is at fault.
        """
        self.gone_away = True
        for stream in [each for each in self.streams.values() if each.number > last]:
            self.forget(stream)
            stream.broke_off(faults.REFUSED_STREAM)
