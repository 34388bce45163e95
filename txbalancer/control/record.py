"""
How something that is done again and again went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Record:
    """
    Counts tries, such as reloads or writes of a file.

    @ivar passed: how many went well; C{failed}: how many did not.
    @ivar last: when one last went well, in seconds since the epoch; 0 for never.
    @ivar fine: whether the last one did; before the first it is.
    """

    __slots__ = ("failed", "fine", "last", "passed")

    def __init__(self) -> None:
        self.passed = self.failed = 0
        self.last = 0.0
        self.fine = True

    @contextmanager
    def trial(self, wall: Callable[[], float]) -> Iterator[None]:
        """
        Count what is done within: it goes well unless it raises.

        @param wall: returns seconds since the epoch.
        """
        try:
            yield
        except BaseException:
            self.note(False, wall())
            raise
        self.note(True, wall())

    def note(self, fine: bool, wall: float) -> None:
        """
        Count one.

        @param wall: seconds since the epoch.
        """
        self.fine = fine
        if fine:
            self.passed += 1
            self.last = wall
        else:
            self.failed += 1
