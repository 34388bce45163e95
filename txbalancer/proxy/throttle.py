"""
A bound on how often something is logged, for what can happen with every request.
"""

from __future__ import annotations

_PERIOD = 1.0
"""Seconds between two messages."""


class Throttle:
    """
    Lets one message a second through, and counts the others.
    """

    __slots__ = ("_next", "_withheld")

    def __init__(self) -> None:
        self._next = 0.0
        self._withheld = 0

    def permit(self, now: float) -> str | None:
        """
        Tell whether to log now.

        @param now: monotonic seconds.
        @return: C{None} for no, else what to say of those withheld since the last message.
        """
        if now < self._next:
            self._withheld += 1
            return None
        self._next = now + _PERIOD
        withheld, self._withheld = self._withheld, 0
        return f" (and {withheld} more like it)" if withheld else ""
