"""
How something that is done again and again went.
"""

from __future__ import annotations


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
