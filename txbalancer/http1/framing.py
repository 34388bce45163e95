"""
Where a chunked body ends: a strict reader, and the writer's side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from txbalancer.errors import BalancerError
from txbalancer.http1.fields import parse_trailers

_LONGEST_SIZE_LINE = 1024
_MOST_TRAILERS = 64
_LONGEST_TRAILERS = 8192

_SIZE = re.compile(
    rb"([0-9A-Fa-f]{1,15})"
    rb"(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    rb"(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|\"(?:[^\"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e])*\"))?)*"
).fullmatch

_IN_SIZE, _IN_DATA, _AFTER_DATA, _IN_TRAILERS = range(4)

LAST_CHUNK = b"0\r\n\r\n"


class ChunkedReader:
    """
    Takes a chunked body apart, in whatever pieces it comes.

    Extensions are checked and dropped (RFC 9112 7.1.1), trailers are checked and kept
    when they may be passed on.

    @ivar done: whether the last byte of the body has been read.
    @ivar trailers: header lines after the body, when L{done}.
    """

    __slots__ = ("_error", "_left", "_lines", "_partial", "_state", "_trailing", "done", "trailers")

    def __init__(self, error: type[BalancerError]) -> None:
        """
        @param error: what is raised when the framing is broken.
        """
        self._error = error
        self._state = _IN_SIZE
        self._left = 0
        self._partial = b""
        self._lines: list[bytes] = []
        self._trailing = 0
        self.done = False
        self.trailers: list[bytes] = []

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """
        Take the next bytes.

        @return: the body bytes among them, and what follows the body when L{done}.
        @raise BalancerError: when the framing is broken.
        """
        pieces: list[bytes] = []
        if self._partial:
            data = self._partial + data
            self._partial = b""
        at, size = 0, len(data)
        while at < size and not self.done:
            if self._state == _IN_DATA:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = _AFTER_DATA
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._keep_partial(data[at:])
                return b"".join(pieces), b""
            self._line(data[at:end])
            at = end + 2
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), data[at:] if self.done else b""

    def _keep_partial(self, rest: bytes) -> None:
        if self._state == _AFTER_DATA and rest != b"\r":
            raise self._error("a chunk that does not end in CRLF")
        limit = _LONGEST_TRAILERS if self._state == _IN_TRAILERS else _LONGEST_SIZE_LINE
        if b"\n" in rest or b"\r" in rest[:-1] or len(rest) > limit:
            raise self._error("a line of the chunked body that is too long or not ended by CRLF")
        self._partial = rest

    def _line(self, line: bytes) -> None:
        if self._state == _AFTER_DATA:
            if line:
                raise self._error("a chunk that is longer than its size")
            self._state = _IN_SIZE
        elif self._state == _IN_SIZE:
            match = _SIZE(line) if len(line) <= _LONGEST_SIZE_LINE else None
            if match is None:
                raise self._error("a chunk size that is no hexadecimal number")
            self._left = int(match[1], 16)
            self._state = _IN_DATA if self._left else _IN_TRAILERS
        elif line:
            self._lines.append(line)
            self._trailing += len(line) + 2
            if len(self._lines) > _MOST_TRAILERS or self._trailing > _LONGEST_TRAILERS:
                raise self._error("too many or too long trailers")
        else:
            self.trailers = parse_trailers(self._lines, self._error)
            self.done = True


def chunk(data: bytes) -> bytes:
    """
    Write data as one chunk; empty data is no chunk at all.
    """
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(trailers: Sequence[bytes]) -> bytes:
    """
    Write the end of a chunked body.
    """
    if not trailers:
        return LAST_CHUNK
    return b"0\r\n" + b"\r\n".join(trailers) + b"\r\n\r\n"
