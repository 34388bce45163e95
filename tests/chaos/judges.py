"""
What has to hold: judged all the time, and at rest.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.chaos.books import LogReader, differences, scrape
from tests.chaos.ledger import Ledger
from tests.chaos.processes import descriptors, large_pipes, rss, total
from tests.chaos.sheet import Sheet
from tests.chaos.world import World

BAD_WORDS = re.compile(r"Unhandled|Traceback|ResourceWarning|never awaited")
STANDSTILL = 45.0
"""Seconds after which each protocol must have had another good answer."""

BOOKS_SECONDS = 15.0
"""For lines that wait for their batch, and exchanges whose client has left."""

UNTOLD = 1.0
"""Seconds before its end of which a killed worker may not have told: four of its reports, for on a
busy machine they come late."""

LEAST_ROOM = 24 << 20
SPARE_DESCRIPTORS = 4
MOST_PIPES = 16
"""Ends of pipes that a process keeps for large bodies."""


class Judge:
    """
    One thing that has to hold.
    """

    def judge(self) -> Iterator[str]:
        """
        Look, some times a second; yield what does not hold.
        """
        return iter(())

    def judge_rest(self) -> Iterator[str]:
        """
        Look while no client asks anything.
        """
        return iter(())


class Served(Judge):
    """
    No request that could have been served fails; nobody gets what is another's.

    @ivar excused: how often what failed was explained by a fault, by protocol and trouble.
    """

    def __init__(self, sheet: Sheet, ledger: Ledger) -> None:
        self._sheet, self._ledger = sheet, ledger
        self.excused: Counter[str] = Counter()

    def judge(self) -> Iterator[str]:
        for failure in self._sheet.take():
            what = f"{failure.protocol} {failure.trouble.value}"
            if self._ledger.is_excused(failure):
                self.excused[what] += 1
            else:
                took = failure.ended - failure.began
                around = self._ledger.around(failure)
                yield f"{what} after {took:.2f} s, during {around}: {failure.text}"


class Moving(Judge):
    """
    Clients of each protocol are served again and again.
    """

    def __init__(self, sheet: Sheet, protocols: Collection[str]) -> None:
        self._sheet, self._protocols = sheet, protocols
        self._since = time.monotonic()

    def judge(self) -> Iterator[str]:
        now = time.monotonic()
        for protocol in self._protocols:
            if now - max(self._sheet.last.get(protocol, 0.0), self._since) > STANDSTILL:
                self._since = now
                yield f"{protocol}: no good answer for {STANDSTILL:g} s"

    def again(self) -> None:
        """
        Begin to count anew, after a rest.
        """
        self._since = time.monotonic()


class CleanLog(Judge):
    """
    Nothing goes wrong unseen: no Deferred fails without somebody who knows.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._position = path, 0

    def judge(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._position += whole
        lines = data[:whole].decode(errors="replace").splitlines()
        for number, line in enumerate(lines):
            if BAD_WORDS.search(line):
                yield "log: " + " | ".join(lines[number : number + 25])


class Books(Judge):
    """
    Counters say what the access log says.

    @ivar reader: of the log.
    @ivar torn: how many answers may be in one of the two only: those of the last report of a
        worker that was killed between writing here and there.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.reader = LogReader(world.process.access)
        self.torn = 0

    def judge(self) -> Iterator[str]:
        self.reader.read()
        while self.reader.faulty:
            yield f"access log: no line: {self.reader.faulty.pop()!r}"

    def judge_rest(self) -> Iterator[str]:
        found: list[str] = []
        deadline = time.monotonic() + BOOKS_SECONDS
        while time.monotonic() < deadline:
            counters = scrape(self._world.ports["admin"])
            yield from self.judge()
            if not (found := differences(counters, self.reader.tally)):
                return
            time.sleep(0.2)
        found = differences(counters, self.reader.tally, self.torn)
        yield from found

    def forget(self) -> None:
        """
        Begin anew, with a process whose counters do.
        """
        self.reader.read()
        self.reader.tally.clear()
        self.torn = 0


class Settled(Judge):
    """
    What clients got is in the log, and so in the counters, but for what workers had served right
    before they were killed.

    @ivar lost: how many answers may be missing, by listener.
    """

    def __init__(self, sheet: Sheet, reader: LogReader) -> None:
        self._sheet, self._reader = sheet, reader
        self.lost: Counter[str] = Counter()

    def may_lose(self) -> int:
        """
        Note that a worker takes with it what it has not told yet; return how many answers that
        may be.
        """
        lost = _by_listener(self._sheet.since(time.monotonic() - UNTOLD))
        self.lost += lost
        return lost.total()

    def missing(self) -> Counter[str]:
        """
        Return how many answers are not in the log, at the least.
        """
        return _by_listener(self._sheet.answers) - self._reader.served

    def judge_rest(self) -> Iterator[str]:
        deadline = time.monotonic() + BOOKS_SECONDS
        while over := self.missing() - self.lost:
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
            self._reader.read()
        for listener, count in over.items():
            most = self.lost[listener]
            yield f"{listener}: {count} more good answers are not in the log than the {most} lost"


def _by_listener(answers: Counter[str]) -> Counter[str]:
    return Counter({"web": answers["http"], "tls": answers["https"] + answers["h2"]})


def _needed(pid: int) -> int:
    """
    Return how many descriptors a process has but for the pipes that it keeps for bodies.
    """
    return descriptors(pid) - min(large_pipes(pid), MOST_PIPES)


class NoLeaks(Judge):
    """
    Memory and descriptors come back to what they were at the first rest.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.first: tuple[int, int] | None = None
        self.last = (0, 0)

    def judge_rest(self) -> Iterator[str]:
        deadline = time.monotonic() + BOOKS_SECONDS
        while True:
            pid = self._world.pid
            self.last = total(pid, rss), total(pid, _needed)
            if self.first is None:
                # Pools have to be empty first: ttl is 1 s.
                time.sleep(3.0)
                self.first = total(pid, rss), total(pid, _needed)
                return
            memory, open_ = (now - first for now, first in zip(self.last, self.first, strict=True))
            # A worker that is about to begin has not opened all yet.
            spare = SPARE_DESCRIPTORS * (1 + self._world.workers)
            if memory <= LEAST_ROOM and open_ <= spare:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        if memory > LEAST_ROOM:
            yield f"memory: {memory >> 20} MiB more than at first ({self.first[0] >> 20} MiB)"
        if open_ > spare:
            yield f"descriptors: {open_} more than at first ({self.first[1]})"
