"""
Lines of the access log on their way from a worker to those who watch it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PAUSE = 0.05
"""Seconds between two messages."""

_MOST = 64 * 1024
"""Bytes of one message for one who watches; what is more is lost to them, which they are told."""

Lines = list[tuple[int, bytes]]


class SeenLines:
    """
    Collects lines and sends some at a time.
    """

    def __init__(self, clock: Any, send: Callable[[Lines], object]) -> None:
        """
        @param send: takes numbers of those who watch, each with lines for them.
        """
        self._clock, self._send = clock, send
        self._pieces: dict[int, list[bytes]] = {}
        self._sizes: dict[int, int] = {}
        self._call: Any = None

    def taker(self, number: int) -> _Taker:
        """
        Return what takes the lines for one who watches.
        """
        return _Taker(self, number)

    def push(self, number: int, data: bytes) -> bool:
        """
        Take a line, if there is room for it.
        """
        size = self._sizes.get(number, 0) + len(data)
        if size > _MOST:
            return False
        self._sizes[number] = size
        self._pieces.setdefault(number, []).append(data)
        if self._call is None:
            self._call = self._clock.callLater(PAUSE, self._flush)
        return True

    def _flush(self) -> None:
        self._call = None
        pieces, self._pieces, self._sizes = self._pieces, {}, {}
        self._send([(number, line) for number, lines in pieces.items() for line in lines])

    def stop(self) -> None:
        """
        Send nothing more.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None


class _Taker:
    """
    Takes the lines for one who watches.
    """

    def __init__(self, lines: SeenLines, number: int) -> None:
        self._lines, self._number = lines, number

    def push(self, data: bytes) -> bool:
        """
        Take a line, or return false.
        """
        return self._lines.push(self._number, data)
