"""
What changes on the page while somebody watches it, as Server-Sent Events.

All watchers of a page share what is worked out once a second; without one nothing is. With
thousands of members that is done in slices, and less often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.server import NOT_DONE_YET

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.looking import Look, Looking
from txbalancer.control.stream import EventStream

PERIOD = 1.0
"""Seconds between two looks."""

MOST = 1000
"""Members that are looked at in a second: a core has other things to do."""


class Live:
    """
    The watchers of one page.
    """

    log = Logger()

    def __init__(self, board: Board, names: Callable[[], tuple[str, ...]]) -> None:
        """
        @param names: returns the balancers that the page shows.
        """
        self._board, self._names = board, names
        # Each with whether it was told everything.
        self._watchers: dict[EventStream, bool] = {}
        self._looking = Looking(board)
        self._work: Deferred[Look] | None = None
        self._pause: Any = None
        # Whether somebody came while a look was at work.
        self._again = False

    def watch(self, request: Request) -> int | bytes:
        """
        Begin to tell somebody: first all there is, then what is other each second.
        """
        if not self._board.streams.room(request):
            return b"Too many are watching already.\n"
        stream = EventStream(request, self._board.streams)
        self._watchers[stream] = False
        stream.on_end(lambda: self._leave(stream))
        self._again = self._work is not None
        if not self._again:
            self._look()
        return NOT_DONE_YET

    def _leave(self, stream: EventStream) -> None:
        self._watchers.pop(stream, None)
        if not self._watchers:
            self._rest()
            if self._work is not None:
                self._work.cancel()
            self._looking = Looking(self._board)

    def _rest(self) -> None:
        pause, self._pause = self._pause, None
        if pause is not None and pause.active():
            pause.cancel()

    def _look(self) -> None:
        self._rest()
        self._again = False
        whole = not all(self._watchers.values())
        self._work = work = self._board.slices.run(self._looking.look(self._names, whole))
        work.addCallbacks(self._tell, self._failed).addBoth(lambda _: self._go_on())

    def _tell(self, found: Look) -> None:
        for stream, knows in list(self._watchers.items()):
            if knows and found.news:
                stream.send_written("some", found.news)
            elif not knows and found.everything:
                self._watchers[stream] = True
                stream.send_written("all", found.everything)

    def _failed(self, reason: Failure) -> None:
        # The next second is another try, and a new beginning.
        self._watchers = dict.fromkeys(self._watchers, False)
        if not reason.check(TaskStopped):
            self.log.failure("what is on a page cannot be told", reason)

    def _go_on(self) -> None:
        self._work = None
        if self._watchers:
            pause = 0.0 if self._again else max(PERIOD, self._looking.members / MOST)
            self._pause = self._board.streams.clock.callLater(pause, self._look)
