"""
The reading half of a connection: frames, and blocks of headers that are more than one.
"""

from __future__ import annotations

from collections.abc import Callable

from txbalancer.http2 import faults, frames
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.frames import LARGEST, MOST_WINDOW
from txbalancer.http2.hpack import Decoder
from txbalancer.http2.limits import Limits
from txbalancer.http2.literals import Literals
from txbalancer.http2.sending import Sending
from txbalancer.http2.tables import Field

_MOST_SETTINGS = 32
"""Settings of a frame: there are nine of them, and each may concern every stream."""


class FrameReader(Sending):
    """
    Takes what comes apart, and checks of each frame what can be told without its stream.

    @ivar now: when the last bytes came, monotonic.
    """

    __slots__ = (
        "_block",
        "_block_ended",
        "_block_size",
        "_block_stream",
        "_buffer",
        "_decoder",
        "_settled",
        "now",
    )

    def __init__(self, limits: Limits, literals: Literals) -> None:
        super().__init__(limits, literals)
        self.now = 0.0
        self._buffer = b""
        self._block: list[bytes] | None = None
        self._block_stream = self._block_size = 0
        self._block_ended = self._settled = False
        self._decoder = Decoder()

    @property
    def unfinished(self) -> bool:
        """
        Whether a frame or a block of headers has begun and is not complete.
        """
        return bool(self._buffer) or self._block is not None

    @property
    def secrets(self) -> list[Field]:
        """
        Fields that came so that nobody may index them; see L{Decoder}.
        """
        return self._decoder.secrets

    @property
    def in_headers(self) -> bool:
        """
        Whether a block of headers is not complete.
        """
        return self._block is not None

    def receive(self, data: bytes, now: float) -> None:
        """
        Take what came.

        @raise ConnectionFault: when the connection cannot go on; the peer is to be told.
        """
        self.now = now
        if self._buffer:
            data = self._buffer + data
        at, size = 0, len(data)
        unpack = frames.unpack_head
        while size - at >= 9:
            high, low, kind, flags, number = unpack(data, at)
            length = high << 8 | low
            if length > LARGEST:
                raise ConnectionFault(faults.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            end = at + 9 + length
            if end > size:
                break
            payload = data[at + 9 : end]
            at = end
            number &= MOST_WINDOW
            if self._block is not None or not self._settled:
                self._check_order(kind, flags, number)
            if kind == frames.HEADERS:
                self._read_headers(flags, number, payload)
            elif kind == frames.DATA:
                if flags & frames.PADDED:
                    payload = _unpadded(flags, payload)
                if size - at < 9 or flags & frames.END_STREAM:
                    self.take_data(number, payload, length, bool(flags & frames.END_STREAM))
                else:
                    at = self._read_run(data, at, number, payload, length)
            else:
                self.spend(kind)
                reads = _READERS.get(kind)
                if reads is not None:
                    # Others mean nothing (RFC 9113 5.5).
                    reads(self, flags, number, payload)
        self._buffer = data[at:]

    def _read_run(self, data: bytes, at: int, number: int, first: bytes, length: int) -> int:
        """
        Pass on a piece of a body, joined with those of the same stream right behind it: many
        small frames must not cost as many trips to the exchange.

        @param at: where the next frame begins.
        @param first: the first piece, C{length} bytes with its padding.
        @return: where the first frame begins that is not one of them.
        """
        pieces, total, size, ended = [first], length, len(data), False
        unpack = frames.unpack_head
        while size - at >= 9 and not ended:
            high, low, kind, flags, stream = unpack(data, at)
            end = at + 9 + (high << 8 | low)
            if kind != frames.DATA or stream & MOST_WINDOW != number or end > size:
                break
            payload = data[at + 9 : end]
            if len(payload) > LARGEST or (flags & frames.PADDED and not _is_padded(payload)):
                # Told by who reads frames one by one, once the pieces before are passed on.
                break
            if flags & frames.PADDED:
                payload = _unpadded(flags, payload)
            ended = bool(flags & frames.END_STREAM)
            if not (payload or ended):
                self.spend(frames.DATA)
            pieces.append(payload)
            total += end - at - 9
            at = end
        if len(pieces) == 1:
            self.take_data(number, first, length, False)
            return at
        whole = b"".join(pieces)
        if not first and (whole or ended):
            self.spend(frames.DATA)
        self.take_data(number, whole, total, ended)
        return at

    def _check_order(self, kind: int, flags: int, number: int) -> None:
        if not self._settled and (kind != frames.SETTINGS or flags & frames.ACK):
            raise ConnectionFault(faults.PROTOCOL_ERROR, "no SETTINGS frame at first")
        apart = kind != frames.CONTINUATION or number != self._block_stream
        if self._block is not None and apart:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "another frame among those of a block")

    def spend(self, kind: int) -> None:
        """
        Make the peer pay for a frame that brings nothing forward.

        @raise ConnectionFault: when it has done so too often.
        """
        if not self._control.spend(self.now):
            self.abused("control-frames")
            text = f"too many frames of type {kind} without content"
            raise ConnectionFault(faults.ENHANCE_YOUR_CALM, text)

    # -- blocks of headers

    def _read_headers(self, flags: int, number: int, payload: bytes) -> None:
        if not number:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "HEADERS without a stream")
        if flags & (frames.PADDED | frames.PRIORITISED):
            payload = _unpadded(flags, payload)
            if flags & frames.PRIORITISED:
                _check_priority(number, payload[:5])
                payload = payload[5:]
        ended = bool(flags & frames.END_STREAM)
        if flags & frames.END_HEADERS:
            self.take_fields(number, self._decoder.decode(payload), ended)
            return
        self._block, self._block_size = [payload], len(payload)
        self._block_stream, self._block_ended = number, ended

    def _read_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._block.append(payload)
        self._block_size += len(payload)
        if self._block_size > self.limits.head:
            self.abused("header-block")
            text = f"a block of headers over {self.limits.head} bytes"
            raise ConnectionFault(faults.ENHANCE_YOUR_CALM, text)
        if flags & frames.END_HEADERS:
            block, self._block = b"".join(self._block), None
            self.take_fields(number, self._decoder.decode(block), self._block_ended)

    # -- what is small

    def _read_priority(self, flags: int, number: int, payload: bytes) -> None:
        if not number:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "PRIORITY without a stream")
        _check_priority(number, payload)

    def _read_reset(self, flags: int, number: int, payload: bytes) -> None:
        _check_size("RST_STREAM", payload, 4)
        self.take_reset(number, frames.unpack_number(payload)[0])

    def _read_settings(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & frames.ACK:
            _check_size("ACK of SETTINGS", payload, 0)
            return
        _check_size("SETTINGS", payload, len(payload) // 6 * 6)
        if len(payload) > 6 * _MOST_SETTINGS:
            self.abused("control-frames")
            text = f"a SETTINGS frame with over {_MOST_SETTINGS} settings"
            raise ConnectionFault(faults.ENHANCE_YOUR_CALM, text)
        self.take_settings(list(frames.unpack_settings(payload)))
        self._settled = True
        self.out.append(frames.SETTINGS_ACK)

    def _read_push(self, flags: int, number: int, payload: bytes) -> None:
        raise ConnectionFault(faults.PROTOCOL_ERROR, "PUSH_PROMISE, which nobody asked for")

    def _read_ping(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "PING on a stream")
        _check_size("PING", payload, 8)
        if flags & frames.ACK:
            self.take_pong(payload)
        else:
            self.out.append(frames.ping_frame(payload, ack=True))

    def _read_goaway(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise ConnectionFault(faults.PROTOCOL_ERROR, "GOAWAY on a stream")
        _check_size("GOAWAY", payload, max(8, len(payload)))
        last, code = frames.unpack_goaway(payload)
        self.take_goaway(last & MOST_WINDOW, code)

    def _read_window(self, flags: int, number: int, payload: bytes) -> None:
        _check_size("WINDOW_UPDATE", payload, 4)
        self.take_window(number, frames.unpack_number(payload)[0] & MOST_WINDOW)

    # -- for those who inherit

    def abused(self, what: str) -> None:
        """
        Count what the peer did too often.
        """
        raise NotImplementedError

    def take_fields(self, number: int, fields: list[Field], ended: bool) -> None:
        """
        Take a block of headers.
        """
        raise NotImplementedError

    def take_data(self, number: int, data: bytes, size: int, ended: bool) -> None:
        """
        Take a piece of a body.

        @param size: bytes that it counts against the windows, padding among them.
        """
        raise NotImplementedError

    def take_window(self, number: int, more: int) -> None:
        """
        Note that the peer takes more.
        """
        raise NotImplementedError

    def take_reset(self, number: int, code: int) -> None:
        """
        Note the end of a stream.
        """
        raise NotImplementedError

    def take_settings(self, settings: list[tuple[int, int]]) -> None:
        """
        Note settings of the peer.
        """
        raise NotImplementedError

    def take_pong(self, data: bytes) -> None:
        """
        Note the answer to a ping.
        """

    def take_goaway(self, last: int, code: int) -> None:
        """
        Note that the peer takes no stream after C{last}.
        """
        raise NotImplementedError


_READERS: dict[int, Callable[[FrameReader, int, int, bytes], None]] = {
    frames.PRIORITY: FrameReader._read_priority,
    frames.RST_STREAM: FrameReader._read_reset,
    frames.SETTINGS: FrameReader._read_settings,
    frames.PUSH_PROMISE: FrameReader._read_push,
    frames.PING: FrameReader._read_ping,
    frames.GOAWAY: FrameReader._read_goaway,
    frames.WINDOW_UPDATE: FrameReader._read_window,
    frames.CONTINUATION: FrameReader._read_continuation,
}


def _unpadded(flags: int, payload: bytes) -> bytes:
    """
    Take the padding off a payload.
    """
    if not flags & frames.PADDED:
        return payload
    if not _is_padded(payload):
        raise ConnectionFault(faults.PROTOCOL_ERROR, "padding longer than its frame")
    return payload[1 : len(payload) - payload[0]]


def _is_padded(payload: bytes) -> bool:
    """
    Tell whether a payload is as long as its padding says.
    """
    return bool(payload) and payload[0] < len(payload)


def _check_size(what: str, payload: bytes, size: int) -> None:
    if len(payload) != size:
        raise ConnectionFault(faults.FRAME_SIZE_ERROR, f"{what} of {len(payload)} bytes")


def _check_priority(number: int, payload: bytes) -> None:
    """
    Check priorities, of which no more is made (RFC 9113 5.3.2).
    """
    _check_size("priority", payload, 5)
    if frames.unpack_number(payload)[0] & MOST_WINDOW == number:
        raise ConnectionFault(faults.PROTOCOL_ERROR, "a stream that depends on itself")
