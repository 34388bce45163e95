"""
A bound on how many of something run at once, first come, first served.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred, succeed


class Slots:
    """
    @ivar limit: most slots taken at once; 0 = no limit. May be changed by L{resize}.
    @ivar taken: slots that are taken.
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self.taken = 0
        self._waiting: deque[Deferred[None]] = deque()
        self._serving = False

    def acquire(self) -> Deferred[None]:
        """
        Wait for a slot; who got one gives it back by L{release}. Cancelling ends the wait.
        """
        if not self._waiting and self._is_free():
            self.taken += 1
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    def release(self) -> None:
        """
        Give a slot back; whoever waits longest has it next.
        """
        self.taken -= 1
        self._serve()

    def resize(self, limit: int) -> None:
        """
        Change the limit; slots that are taken stay so.
        """
        self.limit = limit
        self._serve()

    def _is_free(self) -> bool:
        return not self.limit or self.taken < self.limit

    def _serve(self) -> None:
        if self._serving:
            return  # the loop below goes on with what was given back meanwhile
        self._serving = True
        while self._waiting and self._is_free():
            self.taken += 1
            self._waiting.popleft().callback(None)
        self._serving = False
