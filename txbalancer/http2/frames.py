"""
Frames of HTTP/2 as bytes (RFC 9113 sections 4 and 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

(
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
) = range(10)
"""Types of frames."""

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client's connection begins with (RFC 9113 3.4)."""

HEAD = 9
"""Bytes before a frame's payload."""
LARGEST = 16384
"""Bytes of payload that every peer takes, and that we take."""
MOST_WINDOW = 2**31 - 1
FIRST_WINDOW = 65535
"""What each window begins with."""

_HEAD = Struct(">HBBBL")
_NUMBER = Struct(">L")
_SETTING = Struct(">HL")
_GOAWAY = Struct(">LL")
unpack_head = _HEAD.unpack_from
unpack_number = _NUMBER.unpack_from
unpack_goaway = _GOAWAY.unpack_from
unpack_settings = _SETTING.iter_unpack


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """
    Write a frame.
    """
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 255, kind, flags, stream) + payload


def data_frame(stream: int, payload: bytes, last: bool) -> bytes:
    """
    Write a piece of a body.
    """
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 255, DATA, 1 if last else 0, stream) + payload


def header_frames(stream: int, block: bytes, last: bool) -> bytes:
    """
    Write a block of headers, in as many frames as it takes.
    """
    if len(block) <= LARGEST:
        return frame(HEADERS, END_HEADERS | END_STREAM if last else END_HEADERS, stream, block)
    pieces = [frame(HEADERS, END_STREAM if last else 0, stream, block[:LARGEST])]
    for at in range(LARGEST, len(block), LARGEST):
        end = at + LARGEST
        flags = END_HEADERS if end >= len(block) else 0
        pieces.append(frame(CONTINUATION, flags, stream, block[at:end]))
    return b"".join(pieces)


def settings_frame(settings: Iterable[tuple[int, int]]) -> bytes:
    """
    Write settings, each by its number and value.
    """
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*each) for each in settings))


SETTINGS_ACK = frame(SETTINGS, ACK, 0, b"")


def reset_frame(stream: int, code: int) -> bytes:
    """
    Write the end of a stream.
    """
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(code))


def goaway_frame(last: int, code: int, text: bytes = b"") -> bytes:
    """
    Write the end of a connection.

    @param last: the last stream that is, or may have been, acted on.
    """
    return frame(GOAWAY, 0, 0, _GOAWAY.pack(last, code) + text)


def window_frame(stream: int, more: int) -> bytes:
    """
    Write how much more may be sent on a stream; 0 for the connection.
    """
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(more))


def ping_frame(data: bytes, ack: bool = False) -> bytes:
    """
    Write a ping of eight bytes, or the answer to one.
    """
    return frame(PING, ACK if ack else 0, 0, data)
