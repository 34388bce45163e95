"""
The workers of a service: as many as there should be, and a spare one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.core.values import counted
from txbalancer.workers.child import Child

LOOK = 0.25
"""Seconds between two looks at who still gives signs of life."""

_START = 30.0
"""Seconds that a worker may take to begin."""

_YOUNG = 5.0
"""A worker that ends within so many seconds is not replaced at once every time."""


class Crew:
    """
    Keeps a number of workers at work.

    A worker that ends is replaced by the spare, which has started long before and has only to be
    told what to do; then another spare is started. Those that end young again and again are
    replaced at growing intervals, up to 5 s.

    @ivar members: the workers by number; those that are being replaced are missing.
    @ivar replaced: how many ended that were not told to, by cause.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], float],
        prepare: Callable[[Child], Deferred[Any]],
        lost: Callable[[Child], object],
        make: Callable[[Any, Callable[[], float]], Child] = Child,
    ) -> None:
        """
        @param prepare: tells a worker what to do; fires when it does that.
        @param lost: called with a worker that is no more, before it is replaced.
        """
        self._reactor, self._now, self._make = reactor, now, make
        self._prepare, self._lost = prepare, lost
        self.members: dict[int, Child] = {}
        self.replaced: dict[str, int] = {}
        self.timeout = 0.0
        self._spare: Child | None = None
        self._wanted = 0
        self._failures = 0
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._leaving: set[Child] = set()
        self._delayed: set[Any] = set()

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self.members.values()))

    def resize(self, count: int, timeout: float) -> list[Child]:
        """
        Have so many workers from now on.

        @param timeout: seconds of silence after which a worker is replaced.
        @return: those that are too many; they are to be stopped.
        """
        self._wanted, self.timeout = count, timeout
        for number in range(1, count + 1):
            if number not in self.members:
                self._enlist(number)
        if count and self._spare is None:
            self._spare = self._start()
        if count and not self._loop.running:
            self._loop.start(LOOK, now=False)
        gone = [child for number, child in self.members.items() if number > count]
        for each in gone:
            self.dismiss(each)
        return gone

    def dismiss(self, child: Child) -> None:
        """
        Expect a worker to end, and do not replace it.
        """
        self._leaving.add(child)
        self.members.pop(child.number, None)

    def stop(self) -> Deferred[Any]:
        """
        Replace nobody any more.

        @return: fires when no worker is left.
        """
        self._wanted = 0
        if self._loop.running:
            self._loop.stop()
        for call in self._delayed:
            call.cancel()
        self._delayed.clear()
        for each in self:
            self.dismiss(each)
        spare, self._spare = self._spare, None
        if spare is not None:
            self._leaving.add(spare)
            spare.kill("the service stops")
        over: list[Deferred[Any]] = []
        for each in self._leaving:
            if each.pid:
                done: Deferred[Any] = Deferred()
                each.ended.addBoth(_pass_to(done))
                over.append(done)
        return DeferredList(over) if over else succeed(None)

    def cut(self) -> None:
        """
        End those that are still there.
        """
        for each in list(self._leaving):
            each.kill("the service ends at once")

    # -- one by one

    def _start(self) -> Child:
        child = self._make(self._reactor, self._now)
        child.start()
        child.ended.addCallback(self._ended, child)
        return child

    def _enlist(self, number: int) -> None:
        child = self._spare or self._start()
        self._spare = self._start()
        child.number = number
        self.members[number] = child
        # Until it serves, which may begin with the start of Python, it has more time.
        child.heard_at = self._now() + _START
        self._prepare(child).addCallback(lambda _: child.heard())

    def _ended(self, cause: str, child: Child) -> str:
        if child in self._leaving:
            self._leaving.discard(child)
            return cause
        if child is self._spare:
            self._spare = None
            self.log.error("a spare worker is lost: {cause}", cause=cause)
            self._later(self._replace_spare)
            return cause
        number = child.number
        del self.members[number]
        self.replaced[cause] = self.replaced.get(cause, 0) + 1
        self._failures = self._failures + 1 if self._now() - child.started < _YOUNG else 0
        self.log.error(
            "worker {number} (process {pid}) is lost: {cause}; another takes its place",
            number=number,
            pid=child.last_pid,
            cause=cause,
        )
        self._lost(child)
        if self._failures < 3:
            self._refill(number)
        else:
            self._later(lambda: self._refill(number))
        return cause

    def _refill(self, number: int) -> None:
        if number <= self._wanted and number not in self.members:
            self._enlist(number)

    def _replace_spare(self) -> None:
        if self._wanted and self._spare is None:
            self._spare = self._start()

    def _later(self, action: Callable[[], None]) -> None:
        def run() -> None:
            self._delayed.discard(call)
            action()

        self._failures = max(self._failures, 1)
        call = self._reactor.callLater(min(5.0, 0.1 * 2.0 ** min(self._failures, 6)), run)
        self._delayed.add(call)

    def _look(self) -> None:
        """
        Replace those who have not been heard of.
        """
        now = self._now()
        for child in self:
            silent = now - child.heard_at
            if silent > self.timeout and not child.why:
                child.kill(f"it gave no sign of life for {silent:.1f} s")

    def told(self) -> str:
        """
        Say how many there are.
        """
        return counted(len(self.members), "worker")


def _pass_to(done: Deferred[Any]) -> Callable[[Any], Any]:
    def passed(result: Any) -> Any:
        done.callback(None)
        return result

    return passed
