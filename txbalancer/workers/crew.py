"""
The workers of a service: as many as there should be, and a spare one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.workers.child import Child
from txbalancer.workers.orders import Leave, Stop
from txbalancer.workers.setbacks import Setbacks

LOOK = 0.25
"""Seconds between two looks at who still gives signs of life."""

_BEGIN = 30.0
"""Seconds that a worker may take to begin, or to take over another configuration."""

_SILENT = 1.0
"""Seconds of silence after which a spare is not trusted with a place."""

_END = 5.0
"""Seconds beyond its patience that a worker may take to end."""

_CUT = 1.0
"""Seconds that it may take to end when it is to cut its connections."""

_SPARE = 0
"""The number of the spare's place."""


class Crew:
    """
    Keeps a number of workers at work.

    A worker that ends is replaced by the spare, which has started long before and has only to be
    told what to do; then another spare is started. Those that end young again and again are
    replaced at growing intervals, see L{Setbacks}.

    @ivar members: the workers by number; those that are being replaced are missing.
    @ivar replaced: how many ended that were not told to, by cause.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], float],
        make: Callable[[], Child],
        prepare: Callable[[Child], Deferred[Any]],
        over: Callable[[Child], object],
        lost: Callable[[Child, str], object],
    ) -> None:
        """
        @param make: makes a worker that can be started; may raise L{OSError}.
        @param prepare: tells a worker what to do; fires when it does that.
        @param over: called with each worker whose process is over.
        @param lost: called with one that was not told to end, and the cause, before it is
            replaced.
        """
        self._reactor, self._now, self._make = reactor, now, make
        self._prepare, self._over, self._lost = prepare, over, lost
        self.members: dict[int, Child] = {}
        self.replaced: dict[str, int] = {}
        self._timeout = self._patience = 0.0
        self._spare: Child | None = None
        self.succeeded = False
        self._wanted = 0
        self._setbacks = Setbacks()
        self._leaving: dict[Child, float] = {}
        self._preparing: Counter[Child] = Counter()
        self._settled: list[Deferred[None]] = []
        self._delayed: dict[int, Any] = {}
        self._fault = ""
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self.members.values()))

    def everyone(self) -> list[Child]:
        """
        Return all that have clients: those too that are leaving, with what they have.
        """
        return [*self, *(child for child in self._leaving if child.number)]

    # -- all of them

    def resize(self, count: int, timeout: float, patience: float) -> None:
        """
        Have so many workers from now on.

        @param timeout: seconds of silence after which a worker is replaced.
        @param patience: seconds that one may take to end its connections.
        """
        self._wanted, self._timeout, self._patience = count, timeout, patience
        for number in range(1, count + 1):
            if number not in self.members:
                self._enlist(number)
        for child in self:
            if child.number > count:
                self.dismiss(child)
        if not self._loop.running:
            self._loop.start(LOOK, now=False)

    def refresh(self, count: int) -> None:
        """
        Tell all that stay what to do once more. Whoever is to leave is not told: it would have no
        sockets, and others would pass connections on to it as to one of theirs.

        @param count: how many stay.
        """
        for child in self:
            if child.number <= count:
                self._tell(child)

    def settled(self) -> Deferred[None]:
        """
        Wait until all do what they were told; at the start, until all that are wanted are there.
        """
        if self._is_settled():
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._settled.append(waiting)
        return waiting

    def well(self) -> bool:
        """
        Tell whether anybody is at work.
        """
        return any(child.silence() <= self._timeout for child in self)

    def stop(self) -> Deferred[Any]:
        """
        Have them end, and replace nobody any more.

        @return: fires when none of them takes a connection any more.
        """
        self._wanted = 0
        for call in self._delayed.values():
            call.cancel()
        self._delayed.clear()
        told = DeferredList([self.dismiss(child, others=False) for child in self])
        spare, self._spare = self._spare, None
        if spare is not None:
            self._leaving[spare] = self._now()
            spare.kill("the service stops")
        return told

    def ended(self) -> Deferred[Any]:
        """
        Wait until no process is left of those that were told to end.
        """
        over: list[Deferred[Any]] = []
        for child in self._leaving:
            done: Deferred[Any] = Deferred()
            child.ended.addBoth(_pass_to(done))
            over.append(done)
        return DeferredList(over)

    def cut(self) -> None:
        """
        Have those that are ending do so at once.
        """
        for child in list(self._leaving):
            child.call(Stop, others=False)
            self._leaving[child] = self._now() + _CUT

    # -- one by one

    def dismiss(self, child: Child, others: bool = True) -> Deferred[Any]:
        """
        Have a worker end, and do not replace it.

        @param others: whether others go on serving.
        @return: fires when it takes no connection any more.
        """
        self._leaving[child] = self._now() + self._patience + _END
        self.members.pop(child.number, None)
        self._is_prepared(child)
        if self.succeeded:
            return child.call(Leave)
        return child.call(Stop, others=others)

    def replace(self, child: Child, why: str) -> None:
        """
        Put another in the place of a worker, which ends what it has.
        """
        if self.members.get(child.number) is child:
            self._tell_loss(child, why, "is not well")
            self.dismiss(child)
            self._fill(child)

    def _start(self) -> Child | None:
        child = None
        try:
            child = self._make()
            child.start()
        except OSError as error:
            # Such as for want of descriptors, which come back.
            fault, self._fault = self._fault, error.strerror or str(error)
            if fault != self._fault:
                # Once: it is tried again several times a second.
                self.log.error("no worker can be started: {cause}", cause=self._fault)
            if child is not None:
                self._over(child)
            return None
        self._fault = ""
        child.expect(_BEGIN)
        child.on_trouble = self.replace
        child.ended.addCallback(self._ended, child)
        return child

    def _enlist(self, number: int) -> None:
        child = self._take_spare() or self._start()
        if child is None:
            self._later(number)
            return
        child.number, child.at_work = number, self._now()
        self.members[number] = child
        self._tell(child)

    def _take_spare(self) -> Child | None:
        spare, self._spare = self._spare, None
        if spare is None or (silence := spare.silence()) <= _SILENT:
            return spare
        why = f"it gave no sign of life for {silence:.1f} s"
        self.log.error("a spare worker is lost: {cause}", cause=why)
        self._leaving[spare] = self._now()
        spare.kill(why)
        return None

    def _tell(self, child: Child) -> None:
        self._preparing[child] += 1
        child.give_time(_BEGIN)
        self._prepare(child).addCallback(self._prepared, child)

    def _prepared(self, fault: str | None, child: Child) -> None:
        """
        @param fault: why it cannot do that, if it said so.
        """
        if fault:
            self.replace(child, f"it cannot serve: {fault}")
        elif self._preparing[child] > 1:
            # It has been told more meanwhile, and is busy with that.
            self._preparing[child] -= 1
            return
        child.give_time(0.0)
        self._is_prepared(child)
        # A new spare would have kept it from its start.
        self._replace_spare()

    def _is_prepared(self, child: Child) -> None:
        del self._preparing[child]
        if self._is_settled():
            waiting, self._settled = self._settled, []
            for each in waiting:
                each.callback(None)

    def _is_settled(self) -> bool:
        return not self._preparing and len(self.members) >= self._wanted

    def _ended(self, cause: str, child: Child) -> str:
        expected = self._leaving.pop(child, None) is not None
        self._over(child)
        if child is self._spare:
            self._spare = None
            self.log.error("a spare worker is lost: {cause}", cause=cause)
            self._setbacks.note(0.0)
            self._later(_SPARE)
        elif not expected:
            del self.members[child.number]
            self._tell_loss(child, cause, "is lost")
            self._fill(child)
            self._is_prepared(child)
        if not self._wanted and not self._leaving and self._loop.running:
            self._loop.stop()
        return cause

    def _tell_loss(self, child: Child, cause: str, what: str) -> None:
        self.replaced[cause] = self.replaced.get(cause, 0) + 1
        self.log.error(
            "worker {number} (process {pid}) {what}: {cause}; another takes its place",
            number=child.number,
            pid=child.last_pid,
            what=what,
            cause=cause,
        )
        self._lost(child, cause)

    def _fill(self, child: Child) -> None:
        """
        Put another in the place of one that is no more.
        """
        number = child.number
        self._setbacks.note(self._now() - child.at_work)
        if self._setbacks.delay(bool(self.members)):
            self._later(number)
        else:
            self._refill(number)

    def _refill(self, number: int) -> None:
        if number <= self._wanted and number not in self.members:
            self._enlist(number)

    def _replace_spare(self) -> None:
        if self._wanted and self._spare is None:
            self._spare = self._start()
            if self._spare is None:
                self._later(_SPARE)

    def _later(self, number: int) -> None:
        """
        Put somebody into a place in a while, once however often that is asked for.
        """
        if number in self._delayed:
            return

        def run() -> None:
            del self._delayed[number]
            if number == _SPARE:
                self._replace_spare()
            else:
                self._refill(number)

        seconds = self._setbacks.delay(bool(self.members)) or 0.1
        self._delayed[number] = self._reactor.callLater(seconds, run)

    def _look(self) -> None:
        """
        Replace those who have not been heard of, and end those that do not end.
        """
        spare = () if self._spare is None else (self._spare,)
        for child in (*self, *spare, *self._leaving):
            silence = child.silence()
            if silence > self._timeout:
                child.give_up(f"it gave no sign of life for {silence:.1f} s")
        now = self._now()
        for child, until in self._leaving.items():
            if now > until:
                child.kill("it did not end in time")


def _pass_to(done: Deferred[Any]) -> Callable[[Any], Any]:
    def passed(result: Any) -> Any:
        done.callback(None)
        return result

    return passed
