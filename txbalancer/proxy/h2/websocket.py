"""
WebSockets over HTTP/2 towards members of HTTP/1.1 (RFC 8441).
"""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import sha1

from txbalancer.http1.heads import RequestHead

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handshake:
    """
    What HTTP/1.1 wants of the opening of a WebSocket, and HTTP/2 does not have: a key, and the
    proof that the other end knows what it answers (RFC 6455 4).
    """

    __slots__ = ("_accept",)

    def __init__(self, head: RequestHead) -> None:
        """
        @param head: the request; the key is added to its lines.
        """
        key = b64encode(os.urandom(16))
        self._accept = _proof(key)
        head.lines = [line for line in head.lines if not is_key(line)]
        head.lines.append(b"sec-websocket-key: " + key)

    def accepts(self, lines: list[bytes]) -> bool:
        """
        Tell whether an answer's lines have the right proof.
        """
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"sec-websocket-accept":
                return value.strip() == self._accept
        return False

    def answer(self, lines: list[bytes]) -> list[bytes]:
        """
        Return the lines that the client gets.
        """
        left_out = (b"sec-websocket-accept", b"connection", b"upgrade")
        return [line for line in lines if line.partition(b":")[0].lower() not in left_out]


def is_key(line: bytes) -> bool:
    """
    Tell whether a line is the key of HTTP/1.1's handshake.
    """
    return line[:18].lower() == b"sec-websocket-key:"


def accept_line(head: RequestHead) -> list[bytes]:
    """
    Return the line that proves to a client of HTTP/1.1 that its handshake was understood.
    """
    for line in head.lines:
        if is_key(line):
            return [b"Sec-WebSocket-Accept: " + _proof(line[18:].strip())]
    return []


def _proof(key: bytes) -> bytes:
    return b64encode(sha1(key + _MAGIC, usedforsecurity=False).digest())
