"""
Which faults were there when, and what they excuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from tests.chaos.sheet import Failure, Trouble

GRACE = 1.5
"""Seconds after its end for which a fault still excuses."""


class Excuses(Protocol):
    """
    What a fault may do to clients.

    @ivar excuses: to requests that can be sent to another member.
    @ivar breaks: to all else, tunnels mostly.
    """

    excuses: frozenset[Trouble]
    breaks: frozenset[Trouble]


@dataclass(slots=True)
class Entry:
    """
    A fault from its beginning to its end, of L{time.monotonic}.
    """

    fault: Excuses
    text: str
    began: float
    ended: float = field(default=float("inf"))

    def covers(self, failure: Failure) -> bool:
        """
        Tell whether this explains a failure.
        """
        if failure.ended < self.began or failure.began > self.ended + GRACE:
            return False
        return failure.trouble in (self.fault.excuses if failure.safe else self.fault.breaks)


class Ledger:
    """
    @ivar entries: in the order of their beginning.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def begin(self, fault: Excuses, text: str, now: float) -> Entry:
        """
        Write down that a fault begins.
        """
        entry = Entry(fault, text, now)
        self.entries.append(entry)
        return entry

    def is_excused(self, failure: Failure) -> bool:
        """
        Tell whether some fault explains a failure.
        """
        if failure.trouble is Trouble.MIXED:
            return False
        return any(each.covers(failure) for each in self.entries)

    def around(self, failure: Failure) -> str:
        """
        Name the faults at the time of a failure.
        """
        names = [
            each.text
            for each in self.entries
            if each.began <= failure.ended and failure.began <= each.ended + GRACE
        ]
        return ", ".join(names) or "no fault"
