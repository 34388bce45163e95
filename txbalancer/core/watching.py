"""
Passive health at work: who is ejected, which circuit breakers are open, and whether health counts
at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from txbalancer import errors
from txbalancer.core import candidates, failure, flags
from txbalancer.core.member import BY_HEALTH, IN_PANIC, Member
from txbalancer.core.passive import breaker as breakers
from txbalancer.core.passive import outliers
from txbalancer.core.passive.alarm import Alarm, of_breaker, of_panic, of_retries, of_spared
from txbalancer.core.passive.breaker import WHOLE, Breaker, Part
from txbalancer.core.passive.budget import Budget
from txbalancer.core.passive.ejection import Ejection, term
from txbalancer.core.passive.surge import Surge
from txbalancer.core.passive.tally import FAILURES, LOCAL, UNTIMED, Tally
from txbalancer.core.specs import BalancerSpec
from txbalancer.core.standing import Flip
from txbalancer.core.starting import Starting


class Watching(Starting):
    """
    The members of a balancer, and what their traffic shows.

    @ivar watched: whether answers are to be told to L{answered}; C{timing}: whether with their
        time; C{outlying}: whether for outliers.
    @ivar tally: how exchanges ended, for the balancer's own C{breaker}, which is C{None} for
        none; C{budget} of retries likewise.
    @ivar panicking: whether health is ignored; C{panics}: how often that began.
    @ivar spared: outliers that were not ejected because too many are out; C{sparing}: those of
        the last while, C{denying}: retries that the budget stopped.
    """

    __slots__ = (
        "_alarms",
        "_left_out",
        "_part",
        "_passive",
        "_swept",
        "_untold",
        "breaker",
        "budget",
        "denying",
        "outlying",
        "panicking",
        "panics",
        "spared",
        "sparing",
        "tally",
        "timing",
        "watched",
    )

    def __init__(self, on_flip: Callable[[Flip], object], plain: bool) -> None:
        super().__init__(on_flip, plain)
        self.tally = Tally()
        self._left_out: set[Member] = set()
        self._swept = -inf
        self._untold, self._alarms = 0, list[Alarm]()
        self._passive, self._part = BalancerSpec(""), WHOLE
        self.breaker: Breaker | None = None
        self.budget: Budget | None = None
        self.watched = self.timing = self.outlying = self.panicking = False
        self.panics = self.spared = 0
        self.sparing, self.denying = Surge(), Surge()

    def watch(self, spec: BalancerSpec) -> None:
        """
        Watch as these options say from now on; to be called when members changed, too.
        """
        self._passive = spec
        self._by_traffic = spec.lbmethod == "bytraffic"
        self.outlying = outliers.ejects(spec)
        self.breaker = breakers.renewed(self.breaker, spec, self.tally, self._part)
        if self.breaker is None:
            self.tally.alert = False
        for member in self.members:
            its = member.watched
            its.breaker = breakers.renewed(its.breaker, member.spec, member.tally, self._part)
        kinds = [spec, *(member.spec for member in self.members)]
        self.timing = spec.outlier_latency > 0 or any(each.breaker_latency for each in kinds)
        self.watched = self.outlying or any(map(breakers.is_wanted, kinds))
        if not spec.retry_budget:
            self.budget = None
        elif self.budget is None:
            self.budget = Budget(spec.retry_budget, spec.retry_budget_min)
        else:
            self.budget.percent, self.budget.least = spec.retry_budget, spec.retry_budget_min
        self.changed()

    def divide_trials(self, part: Part) -> None:
        """
        Make only a part of the trials of all circuit breakers: others have these members, too.
        """
        if part != self._part:
            self._part = part
            self.watch(self._passive)

    def _install(self, members: Iterable[Member]) -> None:
        for member in self.members:
            member.mask = BY_HEALTH
        super()._install(members)
        self._left_out = {member for member in self.members if member.flags & flags.PASSIVE}
        self.watch(self._passive)

    def changed(self) -> None:
        """
        Note that flags, factors or lbsets changed, which may begin or end a panic.
        """
        super().changed()
        percent = self._passive.panic
        if self.panicking or percent:
            self._judge_panic(percent)
        self._tell_alarms()

    def _judge_panic(self, percent: int) -> None:
        panic = candidates.in_panic(self.members, percent)
        for member in self.members:
            member.mask = IN_PANIC if panic else BY_HEALTH
        if panic is self.panicking:
            return
        self.panicking = panic
        self.panics += panic
        wanted = candidates.population(self.members)
        healthy = len(wanted) - candidates.unhealthy(wanted)
        self._alarms.append(of_panic(healthy, len(wanted), percent, panic))

    def _tell_alarms(self) -> None:
        """
        Tell what the flags brought about, once everybody knows of these.
        """
        while self._alarms and not self._untold:
            self.on_alarm(self._alarms.pop(0))

    @property
    def in_flight(self) -> int:
        """
        Attempts in progress at all members.
        """
        return sum(member.busy for member in self.members)

    def denied(self, error: errors.BalancerError) -> errors.RetryDenied:
        """
        Count a retry that the budget has no room for.

        @return: what the client is told instead.
        """
        if self.budget is not None:
            self.budget.denied += 1
        return errors.RetryDenied(f"{error}; retry-budget has no room for another attempt", error)

    # -- what traffic shows -----------------------------------------------

    def answered(self, member: Member, status: int, seconds: float, now: float) -> None:
        """
        Note an answer.

        @param seconds: to its first byte; C{UNTIMED} where that is not the member's own time.
        """
        kind = FAILURES.get(status)
        member.tally.note(kind, seconds)
        if member.tally.alert:
            self._look(member, kind is None, now)
        if self.breaker is not None:
            self._end(self.breaker, kind, seconds, now)

    def failed(
        self, member: Member, error: errors.BalancerError, now: float, reused: bool = False
    ) -> Flip | None:
        """
        Note a failed attempt, for C{maxfails} and for everything here.
        """
        flip = super().failed(member, error, now, reused)
        if self.watched and failure.blames(error, reused, "all"):
            member.tally.failure(LOCAL)
            self._look(member, False, now)
        return flip

    def lost(self, error: errors.BalancerError, now: float) -> None:
        """
        Note that an exchange got no answer of a member, however many were tried.
        """
        if self.breaker is not None and isinstance(error, errors.MemberError):
            self._end(self.breaker, LOCAL, UNTIMED, now)

    def _end(self, breaker: Breaker, kind: str | None, seconds: float, now: float) -> None:
        """
        Note how an exchange ended, for the balancer's own breaker.
        """
        self.tally.note(kind, seconds)
        if self.tally.alert:
            self.tally.alert = False
            if breaker.look(now):
                self._tell_breaker(breaker)

    def _look(self, member: Member, good: bool, now: float) -> None:
        """
        Judge a member at once, after what is news.
        """
        tally, its = member.tally, member.watched
        tally.alert = False
        if good:
            tally.restart()
        elif self.outlying:
            found = outliers.in_a_row(tally, self._passive)
            if found is not None:
                self._eject(member, *found, now)
        firm = member.flags & flags.IGNORE_ERRORS
        if its.breaker is not None and not firm and its.breaker.look(now):
            self._show_breaker(member, its.breaker, now)
        # Until the next good answer, this is not over.
        tally.alert = tally.alert or tally.row > 0

    # -- ejections --------------------------------------------------------

    def _eject(self, member: Member, kind: str, cause: str, now: float) -> None:
        """
        Eject an outlier, if it is in use and not too many are out.
        """
        if self._plain or not flags.usable(member.flags) or member.flags & flags.IGNORE_ERRORS:
            return
        spec = self._passive
        if not self.may_eject():
            self.spared += 1
            member.tally.restart()
            return
        times = member.watched.times + 1
        until = now + term(times, spec.outlier_time, spec.outlier_longest)
        self.eject(member, Ejection(kind, cause, until, times), now)

    def may_eject(self) -> bool:
        """
        Tell whether there is room for one more who is ejected.
        """
        wanted = candidates.population(self.members)
        return outliers.may_eject(candidates.unhealthy(wanted), wanted, self._passive)

    def eject(self, member: Member, ejection: Ejection, now: float) -> Flip | None:
        """
        Eject a member, whoever decided that.
        """
        self._note_ejection(member, ejection)
        cause = ejection.describe(now)
        return self.set_flags(member, member.flags | flags.EJECTED, cause, now)

    def _note_ejection(self, member: Member, ejection: Ejection) -> None:
        its = member.watched
        its.ejection, its.times, its.passes = ejection, ejection.times, 0
        its.ejections[ejection.kind] += 1
        member.tally.restart()

    def reinstate(self, member: Member, cause: str, now: float) -> Flip | None:
        """
        End an ejection.
        """
        return self.set_flags(member, member.flags & ~flags.EJECTED, cause, now)

    def health(self, member: Member, passed: bool, now: float, text: str = "") -> Flip | None:
        """
        Count a probe's result, which may end an ejection, too.
        """
        flip = super().health(member, passed, now, text)
        if member.flags & flags.EJECTED and not member.flags & flags.STOPPED:
            its = member.watched
            its.passes = its.passes + 1 if passed else 0
            if self._passive.outlier_check_ends and its.passes >= member.spec.hcpasses:
                return self.reinstate(member, f"reinstated: health checks pass: {text}", now)
        return flip

    # -- circuit breakers -------------------------------------------------

    def admits(self) -> bool:
        """
        Tell whether the balancer's circuit breaker lets a request through.
        """
        return self.breaker is None or self.breaker.admits()

    def _show_breaker(self, member: Member, breaker: Breaker, now: float) -> None:
        """
        Make a member's flags say what its circuit breaker does.
        """
        after = member.flags & ~flags.BROKEN
        if breaker.state == breakers.OPEN:
            after |= flags.TRIPPED
            cause = f"circuit breaker open: {breaker.cause}, for {breaker.until - now:.0f}s"
        elif breaker.state == breakers.HALF_OPEN:
            after |= flags.TRIAL
            member.quota = member.elected + breaker.left
            cause = f"circuit breaker half-open: {breaker.left} requests are let through"
        else:
            cause = "circuit breaker closed: all trials went well"
        if after == member.flags:
            self.changed()  # other trials may begin
        self.set_flags(member, after, cause, now)

    def _tell_breaker(self, breaker: Breaker) -> None:
        self.on_alarm(of_breaker(breaker))

    def _flag(self, member: Member, after: int, cause: str, now: float) -> Flip | None:
        self._untold += 1
        flip = super()._flag(member, after, cause, now)
        if flip is None:
            self._untold -= 1
            return None
        its = member.watched
        if after & flags.PASSIVE:
            self._left_out.add(member)
        else:
            self._left_out.discard(member)
        if not after & flags.EJECTED:
            its.ejection = None
        if flip.before & flags.BROKEN and not after & flags.BROKEN and its.breaker is not None:
            its.breaker.close()
        if not after & flags.TRIAL:
            member.quota = inf
        return flip

    def _emit(self, flip: Flip | None) -> Flip | None:
        if flip is not None:
            self._untold -= 1
            super()._emit(flip)
            self._tell_alarms()
        return flip

    # -- time -------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """
        Do what time brings; to be called every second or so.
        """
        self.go_on(now)
        self._sweep_breaker(now)
        self._tell_surges(now)
        for member in tuple(self._left_out):
            ejection = member.watched.ejection
            if ejection is not None and now >= ejection.until:
                self.reinstate(member, "reinstated: its ejection is over", now)
            if member.flags & flags.BROKEN and member.watched.breaker is None:
                cause = "its circuit breaker is not configured any more"
                self.set_flags(member, member.flags & ~flags.BROKEN, cause, now)
        for member in self.members if self.watched else ():
            breaker = member.watched.breaker
            if breaker is not None and breaker.sweep(now):
                self._show_breaker(member, breaker, now)
        if self.outlying and now >= self._swept + self._passive.outlier_interval:
            self._judge(now)

    def _sweep_breaker(self, now: float) -> None:
        breaker = self.breaker
        if breaker is not None:
            before = breaker.state
            # That trials are replaced, for as long as nobody asks, is no news.
            if breaker.sweep(now) and breaker.state != before:
                self._tell_breaker(breaker)

    def _tell_surges(self, now: float) -> None:
        budget, spec = self.budget, self._passive
        denied = self.denying.look(budget.denied if budget is not None else 0, now)
        if denied is not None:
            self.on_alarm(of_retries(denied, spec.retry_budget))
        spared = self.sparing.look(self.spared, now)
        if spared is not None:
            self.on_alarm(of_spared(spared, spec.outlier_most))

    def _judge(self, now: float) -> None:
        """
        Judge the interval that is over.
        """
        first, self._swept = self._swept == -inf, now
        seen = {}
        for member in self.members:
            its = member.watched
            if flags.usable(member.flags):
                seen[member] = member.tally.since(its.marks)
                if not first:
                    its.times = max(0, its.times - 1)
            its.marks = member.tally.marks()
        for found in () if first else outliers.judge(seen, self._passive):
            self._eject(*found, now)
