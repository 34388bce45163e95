"""
One stream: what is to be sent, as far as windows allow, and what may come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from txbalancer.http2.faults import NO_ERROR
from txbalancer.http2.frames import LARGEST, data_frame, header_frames
from txbalancer.http2.tables import Field

if TYPE_CHECKING:
    from txbalancer.http2.connection import Connection

Lines = list[bytes]


class Stream:
    """
    The half of a stream that sends, and the base of whoever takes what comes.

    What cannot be sent at once waits here, unwritten: headers are compressed in the order in
    which they go out.

    @ivar connection: the connection.
    @ivar number: the stream's identifier.
    @ivar window: bytes that the peer takes at the moment.
    @ivar left: bytes that the peer may send at the moment.
    @ivar queued: bytes that wait to be sent.
    @ivar received_end: whether the peer has sent all.
    @ivar sent_end: whether all has been sent.
    @ivar ready: whether it stands in the connection's queue of those that can send.
    """

    __slots__ = (
        "_credit",
        "_ending",
        "_heads",
        "_pieces",
        "connection",
        "left",
        "number",
        "queued",
        "ready",
        "received_end",
        "sent_end",
        "window",
    )

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.number = number
        self.window = connection.first_window
        self.left = connection.limits.window
        self.queued = self._credit = 0
        self.received_end = self.sent_end = self.ready = False
        self._heads: Sequence[Lines] = ()
        self._pieces: list[bytes] = []
        self._ending: Sequence[bytes] | None = None

    # -- what comes; for those who inherit

    def received_fields(self, fields: list[Field], ended: bool) -> None:
        """
        Take the fields of a head or of trailers.
        """
        raise NotImplementedError

    def received_data(self, data: bytes, ended: bool) -> None:
        """
        Take a piece of the body; L{consumed} must follow, now or later.
        """
        raise NotImplementedError

    def broke_off(self, code: int) -> None:
        """
        The stream is over before its end: the peer reset it, or broke a rule.
        """
        raise NotImplementedError

    def drained(self) -> None:
        """
        What waited to be sent has been sent.
        """
        raise NotImplementedError

    def ended_sending(self) -> None:
        """
        All has been sent, by now and not before the call that gave the rest.
        """

    # -- what goes

    def send(self, lines: Lines, data: bytes, last: bool, trailers: Sequence[bytes] = ()) -> None:
        """
        Send a head with the beginning of a body.

        @param lines: header lines, pseudo headers first.
        @param last: whether C{data} and C{trailers} are the rest.
        """
        connection = self.connection
        size = len(data)
        if (
            self.queued
            or self._heads
            or connection.blocked
            or (size and (size > self.window or size > connection.window or size > LARGEST))
            or trailers
        ):
            self._heads = [*self._heads, lines]
            self._enqueue(data, trailers if last else None)
            return
        out = connection.out
        out.append(header_frames(self.number, connection.encode(lines), last and not size))
        if size:
            self.window -= size
            connection.window -= size
            out.append(data_frame(self.number, data, last))
            connection.moved(size)
        if last:
            self._ended()

    def send_data(self, data: bytes, last: bool = False, trailers: Sequence[bytes] = ()) -> None:
        """
        Send a piece of the body, perhaps the last one.
        """
        size = len(data)
        connection = self.connection
        if (
            self.queued
            or self._heads
            or connection.blocked
            or connection.ready
            or size > self.window
            or size > connection.window
            or size > LARGEST
            or trailers
            or not (size or last)
        ):
            if size or last:
                self._enqueue(data, trailers if last else None)
            return
        self.window -= size
        connection.window -= size
        connection.out.append(data_frame(self.number, data, last))
        connection.moved(size)
        if last:
            self._ended()

    def _enqueue(self, data: bytes, ending: Sequence[bytes] | None) -> None:
        if data:
            self._pieces.append(data)
            self.queued += len(data)
        self._ending = ending
        if not self.ready:
            self.ready = True
            self.connection.ready.append(self)
        self.connection.pump()

    def turn(self) -> bool:
        """
        Send one frame of what waits, or what needs no window.

        @return: whether there is more that can go at once.
        """
        connection = self.connection
        out = connection.out
        for lines in self._heads:
            last = self._ending is not None and not self.queued and not self._ending
            if last and lines is not self._heads[-1]:
                last = False
            out.append(header_frames(self.number, connection.encode(lines), last))
            if last:
                self._heads = ()
                self._ended()
                return False
        self._heads = ()
        if self.queued:
            size = min(self.window, connection.window, LARGEST, self.queued)
            if size > 0:
                self._send_piece(size)
            if self.queued:
                return self.window > 0
            if self.sent_end:
                return False
        if self._ending is not None:
            if self._ending:
                block = connection.encode(list(self._ending))
                out.append(header_frames(self.number, block, True))
            else:
                out.append(data_frame(self.number, b"", True))
            self._ended()
        return False

    def _send_piece(self, size: int) -> None:
        pieces = self._pieces
        first = pieces[0]
        if len(first) == size:
            data = pieces.pop(0)
        elif len(first) > size:
            data, pieces[0] = first[:size], first[size:]
        else:
            data = b"".join(pieces)
            pieces[:] = [data[size:]] if size < len(data) else []
            data = data[:size]
        self.queued -= size
        self.window -= size
        connection = self.connection
        connection.window -= size
        last = not self.queued and self._ending is not None and not self._ending
        connection.out.append(data_frame(self.number, data, last))
        connection.moved(size)
        if last:
            self._ended()

    def _ended(self) -> None:
        self.sent_end = True
        self._ending = None
        if self.received_end:
            self.connection.forget(self)
        self.ended_sending()

    def reset(self, code: int = NO_ERROR) -> None:
        """
        End the stream now, whatever is still to be sent or to come.
        """
        self._pieces.clear()
        self.queued = 0
        self._heads = ()
        self.sent_end = True
        self.connection.reset(self.number, code)

    # -- windows

    def consumed(self, size: int) -> None:
        """
        Let the peer send as much more, for this much of what it sent is not here any more.
        """
        connection = self.connection
        connection.consumed(size)
        if self.received_end:
            return
        self._credit += size
        if self._credit * 2 >= connection.limits.window:
            self.left += self._credit
            connection.allow(self.number, self._credit)
            self._credit = 0
