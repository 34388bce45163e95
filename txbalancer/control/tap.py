"""
The access log as it happens, for those who watch; without any, it is not in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from txbalancer.control.loglines import as_json
from txbalancer.core.outcome import Outcome

Log = Callable[[Outcome], object]


@dataclass(frozen=True, slots=True)
class LineFilter:
    """
    Which exchanges somebody wants to see; all that is given has to hold.

    @ivar balancers: of one of these; C{None} for all.
    @ivar member: at this one: its URL, its route, or HOST:PORT; empty for any.
    @ivar statuses: classes and statuses, of which one has to be; C{None} for all.
    @ivar path: how the path begins.
    @ivar slower: seconds that it lasted at least.
    """

    balancers: tuple[str, ...] | None = None
    member: str = ""
    statuses: tuple[frozenset[int], frozenset[int]] | None = None
    path: bytes = b""
    slower: float = 0.0

    def __call__(self, outcome: Outcome) -> bool:
        """
        Tell whether an exchange is wanted.
        """
        if self.balancers is not None and outcome.balancer not in self.balancers:
            return False
        if self.statuses is not None:
            classes, exact = self.statuses
            if outcome.status // 100 not in classes and outcome.status not in exact:
                return False
        if self.path:
            request = outcome.request
            if request is None or not request.path.startswith(self.path):
                return False
        if outcome.duration < self.slower:
            return False
        return not self.member or self._is_of_member(outcome)

    def _is_of_member(self, outcome: Outcome) -> bool:
        name = self.member
        if not outcome.member:
            return False
        if name in (outcome.member, outcome.route):
            return True
        place = f"://{name.lower()}"
        return outcome.member.endswith(place) or f"{place}/" in outcome.member


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

    def __init__(self, wanted: LineFilter, taker: Taker) -> None:
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

    @ivar watchers: who they are, by a number that nobody else ever had.
    @ivar on_change: called when one comes or goes.
    """

    def __init__(self) -> None:
        self.watchers: dict[int, Watcher] = {}
        self.on_change: Callable[[], object] = lambda: None
        self._numbers = count(1)

    def open(self, wanted: LineFilter, taker: Taker) -> Callable[[], None]:
        """
        Let somebody watch.

        @param wanted: tells which exchanges.
        @return: ends it; may be called more than once.
        """
        number = next(self._numbers)
        self.watchers[number] = Watcher(wanted, taker)
        self.on_change()

        def end() -> None:
            if self.watchers.pop(number, None) is not None:
                self.on_change()

        return end

    def filters(self) -> dict[int, LineFilter]:
        """
        Return what those who watch want to see, by their numbers.
        """
        return {number: each.wanted for number, each in self.watchers.items()}

    def follow(self, filters: Mapping[int, LineFilter], taker: Callable[[int], Taker]) -> None:
        """
        Let exactly these watch, who are elsewhere.

        @param taker: makes what passes lines on to the one of a number.
        """
        self.watchers = {
            number: self.watchers.get(number) or Watcher(wanted, taker(number))
            for number, wanted in filters.items()
        }
        self.on_change()

    def push(self, number: int, line: bytes) -> None:
        """
        Take a line that was found elsewhere for one who watches.
        """
        if number in self.watchers:
            self.watchers[number].push(line)

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
        for each in list(self.watchers.values()):
            if each.wanted(outcome):
                line = line or as_json(outcome)
                each.push(line)
