"""
A connection: what frames mean to its streams.

Every frame that a peer can send for nothing costs it some of a budget, and every list has a
bound: a peer that exceeds one is told so and the connection ends (RFC 9113 section 10.5).
"""

from __future__ import annotations

from txbalancer.http2 import faults, frames
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.frames import MOST_WINDOW
from txbalancer.http2.limits import Budget, Limits
from txbalancer.http2.literals import Literals
from txbalancer.http2.reader import FrameReader
from txbalancer.http2.settings import (
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    check_setting,
)
from txbalancer.http2.stream import Stream
from txbalancer.http2.tables import Field

_MOST_RESET = 1000
"""Streams of which it is remembered that they were reset."""


class Connection(FrameReader):
    """
    The server's role in a connection; L{Requesting} has the client's.

    @ivar most_streams: how many streams the peer allows us to have open.
    @ivar extended: whether the peer takes an extended CONNECT (RFC 8441).
    @ivar last: the highest stream that the peer has opened.
    @ivar refusing: whether streams that the peer opens are not taken any more.
    """

    __slots__ = ("_reset", "_resets", "extended", "last", "most_streams", "refusing")

    def __init__(self, limits: Limits, literals: Literals) -> None:
        super().__init__(limits, literals)
        self.most_streams = MOST_WINDOW
        self.last = 0
        self.refusing = self.extended = False
        self._reset: dict[int, None] = {}
        self._resets = Budget(limits.resets)

    def open_stream(self, number: int) -> Stream:
        """
        Make a stream that the peer opens.
        """
        raise NotImplementedError

    def settled(self) -> None:
        """
        The peer's settings came, or changed.
        """

    # -- streams

    def take_fields(self, number: int, fields: list[Field], ended: bool) -> None:
        """
        Take a block of headers: a new stream's, or more of one.
        """
        stream = self.streams.get(number)
        if stream is None:
            self._take_first(number, fields, ended)
        elif stream.received_end:
            self._break_off(stream, faults.STREAM_CLOSED)
        else:
            if ended:
                self._received_end(stream)
            stream.received_fields(fields, ended)

    def _take_first(self, number: int, fields: list[Field], ended: bool) -> None:
        if not number & 1:
            raise ConnectionFault(faults.PROTOCOL_ERROR, f"stream {number} opened by a client")
        if number <= self.last:
            self._missing(number, "HEADERS")
            return
        self.last = number
        if self.refusing:
            self._spend_reset()
            self._remember(number)
        elif len(self.streams) >= self.limits.streams:
            self._spend_reset()
            self.reset(number, faults.REFUSED_STREAM)
        else:
            stream = self.streams[number] = self.open_stream(number)
            stream.received_end = ended
            self._control.earn(1)
            stream.received_fields(fields, ended)

    def take_data(self, number: int, data: bytes, size: int, ended: bool) -> None:
        """
        Take a piece of a body.
        """
        self._left -= size
        if self._left < 0:
            raise ConnectionFault(faults.FLOW_CONTROL_ERROR, "more than the window allows")
        stream = self.streams.get(number)
        if stream is None:
            self._missing(number, "DATA")
            self.consumed(size)
            return
        stream.left -= size
        if stream.received_end or stream.left < 0:
            self.consumed(size)
            code = faults.STREAM_CLOSED if stream.received_end else faults.FLOW_CONTROL_ERROR
            self._break_off(stream, code)
            return
        if ended:
            self._received_end(stream)
        elif not data:
            self.spend(frames.DATA)
        self.moved(size)
        if size != len(data):
            stream.consumed(size - len(data))
        stream.received_data(data, ended)

    def _received_end(self, stream: Stream) -> None:
        stream.received_end = True
        if stream.sent_end:
            self.forget(stream)

    def _missing(self, number: int, what: str) -> None:
        """
        Judge a frame for a stream that is not open (RFC 9113 5.1).

        @raise ConnectionFault: when there can be no reason for it.
        """
        if not number or number > self.highest(number):
            raise ConnectionFault(faults.PROTOCOL_ERROR, f"{what} on stream {number}, not open")
        if number not in self._reset and what in ("DATA", "HEADERS"):
            raise ConnectionFault(faults.STREAM_CLOSED, f"{what} on stream {number}, closed")

    def highest(self, number: int) -> int:
        """
        Return the highest stream so far of those who can open one of this number.
        """
        return self.last if number & 1 else 0

    def take_reset(self, number: int, code: int) -> None:
        """
        Drop a stream, at the peer's cost.
        """
        stream = self.streams.get(number)
        if stream is None:
            self._missing(number, "RST_STREAM")
            return
        self._spend_reset()
        self.forget(stream)
        stream.broke_off(code)

    def _break_off(self, stream: Stream, code: int) -> None:
        """
        Reset a stream for what the peer did.
        """
        self.malformed(stream, code)
        stream.broke_off(code)

    def malformed(self, stream: Stream, code: int = faults.PROTOCOL_ERROR) -> None:
        """
        Reset a stream that the peer made against the rules, at its cost.
        """
        self._spend_reset()
        stream.reset(code)

    def _spend_reset(self) -> None:
        if not self._resets.spend(self.now):
            self.abused("resets")
            raise ConnectionFault(faults.ENHANCE_YOUR_CALM, "too many streams that broke off")

    def reset(self, number: int, code: int) -> None:
        """
        End a stream; what still comes for it is dropped.
        """
        self.out.append(frames.reset_frame(number, code))
        self._remember(number)
        self.streams.pop(number, None)

    def _remember(self, number: int) -> None:
        self._reset[number] = None
        if len(self._reset) > _MOST_RESET:
            del self._reset[next(iter(self._reset))]

    def forget(self, stream: Stream) -> None:
        """
        Take off a stream that is over.
        """
        self.streams.pop(stream.number, None)

    # -- the connection's own

    def take_settings(self, settings: list[tuple[int, int]]) -> None:
        """
        Apply settings of the peer.
        """
        for setting, value in settings:
            check_setting(setting, value)
            if setting == HEADER_TABLE_SIZE:
                self._encoder.resize(value)
            elif setting == INITIAL_WINDOW_SIZE:
                more, self.first_window = value - self.first_window, value
                for stream in self.streams.values():
                    self.widen(stream, more)
            elif setting == MAX_CONCURRENT_STREAMS:
                self.most_streams = value
            elif setting == ENABLE_CONNECT_PROTOCOL:
                self.extended = value == 1
            elif setting == ENABLE_PUSH:
                self.check_push(value)
        self.settled()
        self.pump()

    def check_push(self, value: int) -> None:
        """
        Judge what the peer says of pushes, which never are (RFC 9113 6.5.2).
        """

    def take_window(self, number: int, more: int) -> None:
        """
        Let more be sent.
        """
        stream = self.streams.get(number)
        if stream is not None:
            if not more:
                self._break_off(stream, faults.PROTOCOL_ERROR)
                return
            if stream.window + more > MOST_WINDOW:
                self._break_off(stream, faults.FLOW_CONTROL_ERROR)
                return
            self.widen(stream, more)
        elif number:
            self._missing(number, "WINDOW_UPDATE")
            return
        else:
            self.window += more
            if not more:
                raise ConnectionFault(faults.PROTOCOL_ERROR, "a WINDOW_UPDATE of 0")
            if self.window > MOST_WINDOW:
                raise ConnectionFault(faults.FLOW_CONTROL_ERROR, "a window of over 2^31-1")
        self.pump()

    def goaway(self, code: int, text: str = "", last: int | None = None) -> None:
        """
        Tell the peer that no further stream of its is taken.

        @param last: the last stream that is; by default the highest so far.
        """
        self.refusing = last is None
        number = self.last if last is None else last
        self.out.append(frames.goaway_frame(number, code, text.encode("ascii", "replace")))

    def ping(self, data: bytes) -> None:
        """
        Ask the peer for a sign of life; L{take_pong} follows.

        @param data: eight bytes, to know the answer by.
        """
        self.out.append(frames.ping_frame(data))
