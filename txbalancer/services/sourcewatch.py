"""
One source of members, asked again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txbalancer.config.discover import read_answer
from txbalancer.control.discovered import SourceView
from txbalancer.control.journal import Journal
from txbalancer.core.discovery import Answer, Roster
from txbalancer.core.registry import Registry
from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.core.values import counted, show_duration
from txbalancer.proxy.runtime import Runtime

LEAST = 0.1
"""Seconds between two looks, whatever a source says."""

JITTER = 0.1

_MOST_FAULTS = 3
_LONGEST = 500


class SourceWatch:
    """
    Asks a source from time to time, and knows what it says.

    @ivar spec: which source, and how it is asked.
    @ivar roster: its members.
    """

    log = Logger()

    def __init__(
        self,
        runtime: Runtime,
        balancer: str,
        spec: SourceSpec,
        registry: Registry,
        journal: Journal,
        vet: Callable[[MemberSpec], object],
        on_look: Callable[[], object],
        random: Random,
    ) -> None:
        """
        @param vet: raises L{ValueError} or L{LookupError} for a member that cannot be added.
        @param on_look: called after each look, for it may have found something.
        """
        self.spec, self.roster = spec, Roster(spec.missing)
        self._runtime, self._balancer = runtime, balancer
        self._registry, self._journal = registry, journal
        self._vet, self._on_look, self._random = vet, on_look, random
        self._source: Any = None
        self._timer: Any = None
        self._asking: Deferred[Any] | None = None
        self._known: dict[str, MemberSpec] = {}
        self._lines: tuple[str, ...] | None = None
        self._good = runtime.now()
        self._last: float | None = None
        self._since: float | None = None
        self._fault = self._refused = self._note = ""
        self._looks = self._failures = self._in_a_row = 0
        self._stopped = False

    # -- life

    def start(self) -> None:
        """
        Begin to ask, at once.
        """
        self._look()

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()
        self._begin_anew()

    def view(self, members: int) -> SourceView:
        """
        Return how it does.

        @param members: how many members are there because of it.
        """
        return SourceView(
            self._balancer,
            self.spec.place,
            members,
            self._fault,
            self._since,
            self._last,
            self._note,
            self._looks,
            self._failures,
        )

    # -- looks

    def _look(self) -> None:
        self._looks += 1
        self._asking = asking = maybeDeferred(self._find)
        seconds = self.spec.timeout
        timer = self._runtime.reactor.callLater(seconds, asking.cancel)
        asking.addBoth(self._ended, timer)
        asking.addErrback(lambda reason: self.log.failure("an answer was not taken", reason))

    def _find(self) -> Deferred[Answer | None]:
        if self._source is None:
            factory = self._registry.sources[self.spec.kind]
            self._source = factory(self.spec, self._runtime.reactor)
        found: Deferred[Answer | None] = self._source.find()
        return found

    def _ended(self, result: Any, timer: Any) -> None:
        self._asking = None
        late = not timer.active()
        if not late:
            timer.cancel()
        if self._stopped:
            return
        ttl = None
        try:
            ttl = self._judge(result, late)
        except Exception as error:
            # A plugin that answers in no known form must not be the last one that is asked.
            self.log.failure("{source} cannot be understood", source=self.spec.place)
            self._fail(f"its answer cannot be understood: {error!r}")
        self._timer = self._runtime.reactor.callLater(self._pause(ttl), self._look)
        self._on_look()

    def _judge(self, result: Any, late: bool) -> float | None:
        """
        See what a look found; returns for how long that holds, where the source says so.
        """
        if late:
            self._fail(f"no answer within {show_duration(self.spec.timeout)}")
        elif isinstance(result, Failure):
            self._fail(result.getErrorMessage() or type(result.value).__name__)
        elif result is None:
            self._repeat()
        else:
            self._take(result)
            return None if result.ttl is None else float(result.ttl)
        return None

    def _pause(self, ttl: float | None) -> float:
        """
        Return when to ask next: sooner while it fails, so that its return is noticed.
        """
        interval = self.spec.interval
        if interval is None:
            interval = float(self._registry.sources[self.spec.kind].interval)
        if self._in_a_row:
            pause = min(interval, 2.0 ** min(self._in_a_row - 1, 10))
        else:
            pause = interval if ttl is None else min(interval, max(ttl, self.spec.ttl_floor))
        return max(LEAST, pause * self._random.uniform(1 - JITTER, 1 + JITTER))

    # -- what they find

    def _repeat(self) -> None:
        """
        Nothing is other than the last time, when the answer may have been refused.
        """
        if self._refused:
            self._fail(self._refused)
        else:
            self.roster.answer(list(self._known.values()))
            self._succeed()

    def _take(self, answer: Answer) -> None:
        if answer.lines == self._lines and not self._refused:
            self._repeat()
            return
        self._lines, self._refused = answer.lines, ""
        specs, faults = read_answer(answer, self.spec, self._registry)
        faults += self._unfit(specs)
        if faults:
            more = len(faults) - _MOST_FAULTS
            told = "; ".join(faults[:_MOST_FAULTS]) + (f" (and {more} more)" if more > 0 else "")
            self._refused = told
        elif not specs and self.spec.empty == "keep":
            self._refused = answer.note or "the answer has no member; empty = remove takes that"
        if self._refused:
            self._fail(self._refused)
            return
        most = self.spec.most
        self._note = ""
        if len(specs) > most:
            self._note = f"it has {counted(len(specs), 'member')}, of which most = {most} are taken"
        self._known = {each.url: each for each in specs[:most]}
        self.roster.answer(specs[:most])
        self._succeed()

    def _unfit(self, specs: list[MemberSpec]) -> list[str]:
        """
        Return what is wrong with members that were not known to be right.
        """
        faults = []
        for each in specs:
            if self._known.get(each.url) == each:
                continue
            try:
                self._vet(each)
            except (LookupError, ValueError) as error:
                faults.append(str(error))
        return faults

    def _succeed(self) -> None:
        self._last, self._good = self._runtime.wall(), self._runtime.now()
        self._in_a_row = 0
        if self._fault:
            self._fault, self._since = "", None
            self._tell("answers again", "info")

    def _fail(self, fault: str) -> None:
        self._failures += 1
        self._in_a_row += 1
        first, self._fault = not self._fault, " ".join(fault.split())[:_LONGEST]
        if first:
            self._since = self._runtime.wall()
            stay = counted(len(self.roster.specs), "member")
            self._tell(f"fails: {self._fault}; {stay} of before stay", "warn")
        keep = self.spec.keep
        if keep is not None and self._runtime.now() - self._good > keep and self.roster.specs:
            self.roster.clear()
            self._known.clear()
            self._begin_anew()
            self._tell(f"failed for keep = {show_duration(keep)}: its members go", "warn")

    def _begin_anew(self) -> None:
        """
        Have a source that may say C{nothing is other} tell everything again.
        """
        if self._source is not None:
            self._source.close()
            self._source = None
        self._lines, self._refused = None, ""

    def _tell(self, text: str, level: str) -> None:
        emit = self.log.warn if level == "warn" else self.log.info
        place = self.spec.place
        emit("{balancer}: source {source} {text}", balancer=self._balancer, source=place, text=text)
        self._journal.note(
            "discovery",
            f"source {place} {text}",
            balancer=self._balancer,
            details={"source": place, "fault": self._fault},
        )
