"""
The access log as it happens, for those who watch; without any, it is not in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from txbalancer.control.loglines import as_json
from txbalancer.core.outcome import Outcome

Wanted = Callable[[Outcome], bool]
Log = Callable[[Outcome], object]


class Taker(Protocol):
    """
    Takes lines as far as it has room; see L{Stream<txbalancer.control.stream.Stream>}.
    """

    def push(self, data: bytes) -> bool:
        """
        Take a line, or return false.
        """
        ...


class Watcher:
    """
    Somebody who watches.

    @ivar lost: lines since the last one taken for which there was no room.
    """

    __slots__ = ("_taker", "lost", "wanted")

    def __init__(self, wanted: Wanted, taker: Taker) -> None:
        self.wanted = wanted
        self.lost = 0
        self._taker = taker

    def push(self, line: bytes) -> None:
        """
        Pass a line on, and say before how many were lost.
        """
        if self.lost and self._taker.push(b'{"lost":%d}\n' % self.lost):
            self.lost = 0
        if self.lost or not self._taker.push(line):
            self.lost += 1


class Tap:
    """
    Passes lines on to those who watch.

    @ivar watchers: who they are.
    @ivar on_change: called when the first comes, and when the last has gone.
    """

    def __init__(self) -> None:
        self.watchers: list[Watcher] = []
        self.on_change: Callable[[], object] = lambda: None

    def open(self, wanted: Wanted, taker: Taker) -> Callable[[], None]:
        """
        Let somebody watch.

        @param wanted: tells which exchanges.
        @return: ends it; may be called more than once.
        """
        watcher = Watcher(wanted, taker)
        self.watchers.append(watcher)
        if len(self.watchers) == 1:
            self.on_change()

        def end() -> None:
            if watcher in self.watchers:
                self.watchers.remove(watcher)
                if not self.watchers:
                    self.on_change()

        return end

    def over(self, log: Log) -> Log:
        """
        Return a log that tells those who watch as well; C{log} itself where nobody does.
        """
        if not self.watchers:
            return log

        def log_and_tell(outcome: Outcome) -> None:
            log(outcome)
            self.log(outcome)

        return log_and_tell

    def log(self, outcome: Outcome) -> None:
        """
        Take an exchange that is over.
        """
        line = b""
        for each in list(self.watchers):
            if each.wanted(outcome):
                line = line or as_json(outcome)
                each.push(line)
