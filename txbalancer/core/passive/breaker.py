"""
A circuit breaker: where too much fails, nothing is tried for a while, then a little.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from txbalancer.core.passive.tally import Marks, Tally
from txbalancer.core.specs.passive import BreakerOptions
from txbalancer.core.values import show_duration

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"
STATES = (CLOSED, HALF_OPEN, OPEN)


class Part(NamedTuple):
    """
    Which of several processes with the same breakers this one is.

    @ivar place: counted from 1; C{of}: how many there are.
    """

    place: int = 1
    of: int = 1

    def trials(self, trials: int) -> int:
        """
        Return how many of a breaker's trials are its own. Nobody is without one: where all
        requests come to a single process, no other could close the breaker.
        """
        return max(1, trials // self.of + (self.place <= trials % self.of))


WHOLE = Part()


class Circuit(NamedTuple):
    """
    How a breaker is, for other processes that have the same one.

    @ivar state: as of a L{Breaker}, all of these.
    """

    state: str
    cause: str
    until: float
    openings: int = 0


class Breaker:
    """
    Judges a L{Tally} that somebody else counts.

    It counts over the last half to whole C{breaker-window}. Answers that were under way when it
    opened count in a trial as any other.

    @ivar state: C{CLOSED}, C{OPEN} or C{HALF_OPEN}.
    @ivar until: when the state is over, if it is by time; of trials, when they are replaced.
    @ivar cause: why it opened last; C{openings}: how often it did.
    @ivar trials: how many this process makes; C{left}: those that may still begin.
    """

    __slots__ = (
        "_half",
        "_tally",
        "_trial",
        "_turn",
        "_whole",
        "cause",
        "left",
        "openings",
        "spec",
        "state",
        "trials",
        "until",
    )

    def __init__(self, spec: BreakerOptions, tally: Tally, part: Part = WHOLE) -> None:
        self._tally = tally
        self.openings = self.left = 0
        self.cause = ""
        self._turn = -inf
        self.use(spec, part)
        self.close()

    def use(self, spec: BreakerOptions, part: Part = WHOLE) -> None:
        """
        Go on with other options.
        """
        self.spec, self.trials = spec, part.trials(spec.breaker_trials)
        self._tally.limit = spec.breaker_latency or inf

    def close(self) -> None:
        """
        Let everything through, and count from here on.
        """
        self.state, self.until = CLOSED, inf
        self._whole = self._half = self._trial = self._tally.marks()

    def open(self, cause: str, until: float) -> None:
        """
        Let nothing through for some time.
        """
        self.state, self.cause, self.until = OPEN, cause, until
        self.openings += 1

    def resume(self, other: Circuit, now: float) -> None:
        """
        Go on from a former process: what is not closed tries once its time is over.
        """
        if other.state != CLOSED:
            self.open(other.cause, other.until if other.state == OPEN else now)
        self.openings = other.openings

    def _try(self, now: float) -> None:
        if self.state != HALF_OPEN:
            self._trial = self._tally.marks()
        # Of trials that were begun before, those that went well count.
        well = self._tally.since(self._trial).requests
        self.state, self.until = HALF_OPEN, now + self.spec.breaker_open
        self.left = self.trials - well
        self._tally.alert = True

    def admits(self) -> bool:
        """
        Tell whether a request may go on, which is a trial of a breaker that is half-open.
        """
        if self.state == HALF_OPEN:
            self.left -= 1
            return self.left >= 0
        return self.state == CLOSED

    @property
    def circuit(self) -> Circuit:
        """
        How it is.
        """
        return Circuit(self.state, self.cause, self.until, self.openings)

    def follow(self, circuit: Circuit, now: float) -> bool:
        """
        Be as another process's is; each counts its own trials.

        @return: whether the state is another now, or begins anew.
        """
        state, cause, until, _ = circuit
        if state == self.state and not (
            # Two that open at the same time are one; a trial that failed there is another.
            state == OPEN and until >= self.until + self.spec.breaker_open
        ):
            return False
        if state == OPEN:
            self.open(cause, until)
        elif state == HALF_OPEN:
            self._try(now)
        else:
            self.close()
        return True

    def look(self, now: float) -> bool:
        """
        Judge after an answer that is news, or a failure.

        @return: whether the state is another now.
        """
        if self.state == OPEN:
            return False
        if self.state == HALF_OPEN:
            return self._look_at_trials(now)
        cause = self._fault()
        if cause:
            self.open(cause, now + self.spec.breaker_open)
        return bool(cause)

    def sweep(self, now: float) -> bool:
        """
        Judge by the clock.

        @return: whether the state is another now, or new trials may begin.
        """
        if self.state == HALF_OPEN and self._look_at_trials(now):
            return True
        if self.state != CLOSED:
            if now >= self.until:
                self._try(now)
                return True
            return False
        if now >= self._turn:
            self._turn = now + self.spec.breaker_window / 2
            self._whole, self._half = self._half, self._tally.marks()
        return False

    def _look_at_trials(self, now: float) -> bool:
        seen = self._tally.since(self._trial)
        bad = seen.failed + seen.slow
        if bad:
            self.open(f"a trial failed: {self.cause}", now + self.spec.breaker_open)
        elif seen.requests >= self.trials:
            self.close()
        else:
            self._tally.alert = True
        return self.state != HALF_OPEN

    def _fault(self) -> str:
        spec, seen = self.spec, self.seen
        if seen.requests < spec.breaker_requests:
            return ""
        if spec.breaker_percent and seen.failed * 100 >= spec.breaker_percent * seen.requests:
            return f"{seen.failed} of {seen.requests} requests failed"
        if spec.breaker_latency and seen.slow * 100 > (100 - spec.breaker_quantile) * seen.requests:
            span = show_duration(spec.breaker_latency)
            return f"{seen.slow} of {seen.requests} answers took longer than {span}"
        return ""

    @property
    def seen(self) -> Marks:
        """
        What it judges at the moment.
        """
        return self._tally.since(self._whole)


def is_wanted(spec: BreakerOptions) -> bool:
    """
    Tell whether options ask for a breaker.
    """
    return bool(spec.breaker_percent or spec.breaker_latency)


def renewed(
    breaker: Breaker | None, spec: BreakerOptions, tally: Tally, part: Part
) -> Breaker | None:
    """
    Return what is to judge a tally by these options from now on, if anything is.

    @param breaker: what has done so far.
    """
    if not is_wanted(spec):
        # It does not count any more.
        tally.limit = inf
        return None
    if breaker is None:
        return Breaker(spec, tally, part)
    breaker.use(spec, part)
    return breaker
