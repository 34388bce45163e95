"""
The schedule of health checks: when each member is asked, and who hears the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from txbalancer.core.hcexpr import Expression, parse
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import GlobalSpec, MemberSpec
from txbalancer.errors import BalancerError
from txbalancer.services.slots import Slots

JITTER = 0.1
"""Part of the interval by which a check may come late, so that they do not march in step."""

_LONGEST = 1.0 - 1.5 * JITTER
"""Part of the interval that C{hctimeout} may last; beyond it the loop would skip a turn."""

OnResult = Callable[[str, str, ProbeResult], None]
Wanted = Callable[[str, str], bool]


class HealthChecks:
    """
    Runs the checks of all balancers, each member's in a loop of its own.

    The first check of a member comes within a tenth of its interval, for an early
    verdict; those that follow are spread over the whole interval.

    @ivar expressions: by name, what C{hcexpr} of members refers to.
    @ivar slots: how many checks may be in progress at once (C{hctpsize}).
    """

    def __init__(
        self,
        reactor: Any,
        probes: Mapping[str, Any],
        on_result: OnResult,
        *,
        wanted: Wanted = lambda balancer, member: True,
        random: Random | None = None,
    ) -> None:
        """
        @param probes: L{IProbe<txbalancer.interfaces.IProbe>} by the word for C{hcmethod}.
        @param on_result: called with balancer, member and result of each check.
        @param wanted: asked with balancer and member before each check; stopped members
            are not checked (APACHE C11).
        """
        self.reactor = reactor
        self.on_result = on_result
        self.wanted = wanted
        self.random = random if random is not None else Random()
        self.slots = Slots()
        self.expressions: dict[str, Expression] = {}
        self._probes = probes
        self._checks: dict[tuple[str, str], MemberCheck] = {}

    def configure(self, service: GlobalSpec) -> None:
        """
        Use these expressions and this bound from now on, for checks in progress too.

        @raise ValueError: for an expression that cannot be read.
        """
        self.expressions = {each.name: parse(each.text) for each in service.hcexpr}
        self.slots.resize(service.hctpsize)

    def set_members(self, balancer: str, members: Iterable[MemberSpec]) -> None:
        """
        Check these members of a balancer and no others of it.

        Members that stay keep their rhythm unless method or interval changed; all
        else, such as C{hcuri}, counts from their next check on.
        """
        listed = {each.url: each for each in members if each.hcmethod.lower() != "none"}
        gone = [key for key in self._checks if key[0] == balancer and key[1] not in listed]
        for key in gone:
            self._checks.pop(key).stop()
        for name, member in listed.items():
            check = self._checks.get((balancer, name))
            if check is not None and check.keeps_rhythm(member):
                check.member = member
                continue
            if check is not None:
                check.stop()
            probe = self._probes[member.hcmethod.lower()]
            check = self._checks[balancer, name] = MemberCheck(self, probe, balancer, member)
            check.start()

    def stop(self) -> None:
        """
        Stop all checks; those in progress are cancelled and nobody hears of them.
        """
        while self._checks:
            self._checks.popitem()[1].stop()


class MemberCheck:
    """
    The checks of one member: never two at once, and none that ends the loop.

    @ivar member: what is checked; may be replaced while it runs.
    """

    log = Logger()

    def __init__(self, checks: HealthChecks, probe: Any, balancer: str, member: MemberSpec) -> None:
        self.member = member
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
                phase = uniform(0.5, 1.0) * interval
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
        if self._current is not None:
            self._current.cancel()

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
        began = self._reactor.seconds()
        asking = self._ask()
        asking.addTimeout(
            self._longest(),
            self._reactor,
            lambda _, seconds: ProbeResult(False, f"no answer within {seconds:g} s", seconds),
        )
        asking.addCallback(self._judge)
        asking.addErrback(lambda failure: self._failed(failure, self._reactor.seconds() - began))
        return asking.addCallback(self._tell).addBoth(self._give_slot_back)

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
        if self._stopped:
            return
        try:
            self._checks.on_result(self._balancer, self.member.url, result)
        except Exception:
            # One member's trouble must not end its checks.
            self.log.failure(
                "{balancer}: {member}: the result of a check was not taken",
                balancer=self._balancer,
                member=self.member.url,
            )
