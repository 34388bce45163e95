"""
A bound on how often something is logged, for what can happen with every request.
"""

from __future__ import annotations


class Throttle:
    """
    Lets one message a period through, and counts the others.
    """

    __slots__ = ("_next", "_period", "_withheld")

    def __init__(self, period: float = 1.0) -> None:
        """
        @param period: seconds between two messages.
        """
        self._period = period
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
        self._next = now + self._period
        withheld, self._withheld = self._withheld, 0
        return f" (and {withheld} more like it)" if withheld else ""
