"""
What a running process and the one that is to take its place tell each other.

A message is a mapping of JSON's types with its kind under C{say}; on the line it has its length
before it. Two versions of the program speak here, so nothing else than JSON is understood, and
what one does not know of the other's it passes over.

The new process says C{hello} and gets an C{offer} of sockets, asks for the C{state} and gets it,
and says C{serving}; just before that, if both know of it, it asks for the C{sessions} of
datagrams, which nobody takes in between. From then on the old one sends C{counts} until it ends.
A process that gives up says why it C{failed}.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

PROTOCOL = 1
"""Rises when the messages themselves become others, not with what is in the state."""

_LENGTH = struct.Struct("!I")
_MOST = 1 << 30
"""Bytes of a message; nothing that is carried over comes near."""

Message = Mapping[str, Any]


def frame(say: str, **fields: Any) -> bytes:
    """
    Make the bytes of a message.
    """
    data = json.dumps({"say": say, **fields}, separators=(",", ":")).encode()
    return _LENGTH.pack(len(data)) + data


class Frames:
    """
    Finds the messages in what arrives.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """
        Take some bytes, and return the messages that are whole now.

        @raise ValueError: for what is no message.
        """
        self._buffer += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        buffer, start = self._buffer, _LENGTH.size
        if len(buffer) < start:
            return None
        (length,) = _LENGTH.unpack_from(buffer)
        if length > _MOST:
            raise ValueError(f"a message of {length} bytes")
        if len(buffer) < start + length:
            return None
        data = bytes(buffer[start : start + length])
        del buffer[: start + length]
        try:
            message = json.loads(data)
        except RecursionError:
            raise ValueError("a message that is nested too deeply") from None
        if not isinstance(message, dict) or not isinstance(message.get("say"), str):
            raise ValueError("a message without a kind")
        return message


def protocol_fault(message: Message) -> str:
    """
    Say why another process cannot be understood; empty when it can.

    @param message: its C{hello} or C{offer}.
    """
    theirs = message.get("protocol")
    if theirs == PROTOCOL:
        return ""
    return (
        f"version {message.get('version', 'unknown')} hands over by protocol {theirs!r}, this one"
        f" by {PROTOCOL}: stop the one and start the other"
    )
