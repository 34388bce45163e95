"""
The checks of one member: when it is asked, and what is made of the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import BalancerError

if TYPE_CHECKING:
    from txbalancer.services.checks import HealthChecks

JITTER = 0.1
"""Part of the interval by which a check may come late, so that they do not march in step."""

_LONGEST = 1.0 - 1.5 * JITTER
"""Part of the interval that C{hctimeout} may last; beyond it the loop would skip a turn."""

NO_VERDICT = "a connection was tried, as there is no hcmethod; it does not count"
STOPPED = "it does not count, as the member is stopped"


class MemberCheck:
    """
    The checks of one member: never two at once, and none that ends the loop.

    @ivar member: what is checked; may be replaced while it runs.
    """

    log = Logger()

    def __init__(
        self,
        checks: HealthChecks,
        probe: Any,
        balancer: str,
        member: MemberSpec,
        counts: bool = True,
    ) -> None:
        """
        @param counts: whether results are for the member's verdict.
        """
        self.member = member
        self._counts = counts
        # What is asked now, in which form; and who wants to hear the answer.
        self._asked: MemberSpec | None = None
        self._by_hand: Deferred[None] | None = None
        self._waiters: list[Deferred[ProbeResult]] = []
        self._checks = checks
        self._reactor = checks.reactor
        self._probe = probe
        self._balancer = balancer
        self._timer: IDelayedCall | None = None
        self._current: Deferred[None] | None = None
        self._stopped = False
        self._loop = LoopingCall(self._turn)
        self._loop.clock = checks.reactor

    def keeps_rhythm(self, member: MemberSpec) -> bool:
        """
        Tell whether this loop serves the new options, too.
        """
        mine = self.member
        return (mine.hcmethod, mine.hcinterval) == (member.hcmethod, member.hcinterval)

    def start(self) -> None:
        """
        Check soon, then start the loop somewhere in the interval that follows.
        """
        interval = self.member.hcinterval
        uniform = self._checks.random.uniform

        def first() -> None:
            self._current = self._check().addCallback(wait)

        def wait(_: None) -> None:
            self._current = None
            if not self._stopped:
                # A whole interval wide: in half of one, there would always be none in the other.
                phase = uniform(JITTER, 1.0 + JITTER) * interval
                self._timer = self._reactor.callLater(phase, self._loop.start, interval)

        self._timer = self._reactor.callLater(uniform(0.0, JITTER) * interval, first)

    def stop(self) -> None:
        """
        Check no more.
        """
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._loop.running:
            self._loop.stop()
        for each in (self._current, self._by_hand):
            if each is not None:
                each.cancel()
        self._give_up()

    def now(self) -> Deferred[ProbeResult]:
        """
        Ask at once, or share in what is being asked; see L{HealthChecks.now}.
        """
        waiter: Deferred[ProbeResult] = Deferred(lambda _: self._waiters.remove(waiter))
        self._waiters.append(waiter)
        if self._asked is None:
            self._by_hand = self._probe_once()
        return waiter

    def _turn(self) -> Deferred[None]:
        late = self._checks.random.uniform(0.0, JITTER) * self.member.hcinterval
        waiting: Deferred[Any] = deferLater(self._reactor, late)
        waiting.addCallback(lambda _: self._check())
        # Only stop() cancels; the loop must not take that for a fault.
        waiting.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self._current = waiting
        return waiting

    def _check(self) -> Deferred[None]:
        """
        Ask once and tell the result; the Deferred never fails.
        """
        if not self._checks.wanted(self._balancer, self.member.url):
            return succeed(None)
        checking = self._checks.slots.acquire()
        checking.addCallback(lambda _: self._check_now())
        # A stop may come while others have all slots.
        return checking.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def _check_now(self) -> Deferred[None]:
        if self._asked is not None:
            # Somebody's question counts for this turn.
            self._checks.slots.release()
            return succeed(None)
        return self._probe_once().addBoth(self._give_slot_back)

    def _probe_once(self) -> Deferred[None]:
        """
        Ask and tell the result; the Deferred never fails.
        """
        self._asked = self.member
        began = self._reactor.seconds()
        asking = self._ask()
        asking.addTimeout(self._longest(), self._reactor, _too_long)
        asking.addCallback(self._judge)
        asking.addErrback(lambda failure: self._failed(failure, self._reactor.seconds() - began))
        return asking.addCallback(self._tell)

    def _give_slot_back(self, result: None) -> None:
        self._checks.slots.release()

    def _longest(self) -> float:
        member = self.member
        if not member.hctimeout:
            # As in Apache (C6); a check that lasts longer than the interval delays the next one.
            return member.connectiontimeout + member.timeout
        return min(member.hctimeout, _LONGEST * member.hcinterval)

    def _judge(self, result: ProbeResult) -> ProbeResult:
        """
        Let the member's expression decide on its answer, if it has one (APACHE C6).
        """
        if result.answer is None:
            return result
        name = self.member.hcexpr
        expression = self._checks.expressions.get(name)
        if expression is None:
            text = f"{result.text}, there is no {name} any more" if name else result.text
            return replace(result, text=text, answer=None)
        passed = expression.evaluate(result.answer)
        text = f"{result.text}, {name} is {'true' if passed else 'false'}"
        return replace(result, passed=passed, text=text, answer=None)

    def _ask(self) -> Deferred[Any]:
        """
        Start the probe behind a Deferred that ends when cancelled, whatever the probe does.
        """
        asking = maybeDeferred(self._probe.probe, self._reactor, self.member)
        answer: Deferred[Any] = Deferred(lambda _: asking.cancel())

        def ended(result: Any) -> None:
            if not answer.called:
                answer.callback(result)

        asking.addBoth(ended)
        return answer

    def _failed(self, failure: Failure, seconds: float) -> ProbeResult:
        # What a stop makes of a probe in progress is no fault of it.
        if not self._stopped and not failure.check(BalancerError):
            self.log.failure(
                "{balancer}: {member}: the probe {probe} failed itself",
                failure,
                balancer=self._balancer,
                member=self.member.url,
                probe=self.member.hcmethod,
            )
        error = failure.value
        return ProbeResult(False, str(error) or type(error).__name__, seconds)

    def _tell(self, result: ProbeResult) -> None:
        asked, self._asked, self._by_hand = self._asked, None, None
        if self._stopped:
            return
        counts = self._counts and self._checks.wanted(self._balancer, self.member.url)
        if not counts:
            text = f"{result.text} ({STOPPED if self._counts else NO_VERDICT})"
            result = replace(result, text=text)
        told = self._checks.on_result if counts else self._checks.on_sight
        try:
            told(self._balancer, self.member.url, result)
        except Exception:
            # One member's trouble must not end its checks.
            self.log.failure(
                "{balancer}: {member}: the result of a check was not taken",
                balancer=self._balancer,
                member=self.member.url,
            )
        if self._waiters and asked != self.member:
            # They want to know of the options of now.
            self._by_hand = self._probe_once()
            return
        waiters, self._waiters = self._waiters, []
        for each in waiters:
            each.callback(result)

    def _give_up(self) -> None:
        waiters, self._waiters = self._waiters, []
        for each in waiters:
            each.errback(
                ValueError(f"the check of {self.member.url} was changed or ended: ask again")
            )


def _too_long(result: ProbeResult | Failure, seconds: float) -> ProbeResult:
    """
    Make a result of a probe that was cancelled after so many seconds.
    """
    text = f"no answer within {seconds:g} s"
    said = getattr(getattr(result, "value", None), "transcript", "")
    note = f"* {seconds * 1000:.1f} ms: {text}"
    return ProbeResult(False, text, seconds, transcript=f"{said}\n{note}" if said else note)
