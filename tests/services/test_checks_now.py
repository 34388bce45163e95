"""
A member is asked because somebody wants to know now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.services.test_checks import MEMBER, PASSED, Bench
from tests.services.worlds import World
from txbalancer.core import flags
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import GlobalSpec
from txbalancer.probes.line import GaveUp
from txbalancer.services.checks import HealthChecks

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
members =
    http://10.0.0.1 hcmethod=get hcinterval=1000 hcfails=1
    http://10.0.0.2
[mount:/]
to = balancer://shop/
"""
OK = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Hanging:
    """
    A schedule over a probe that answers when it is told to.
    """

    def __init__(self) -> None:
        self.bench = Bench()
        self.asked: list[Deferred[Any]] = []
        self.bench.probe.answer = self._ask
        self.checks = self.bench.checks
        self.checks.set_members("shop", [MEMBER])
        self.heard: list[Any] = []

    def _ask(self) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def now(self) -> Deferred[Any]:
        return self.checks.now("shop", "http://a").addBoth(self.heard.append)


def test_asking_now_does_not_wait_for_the_schedule() -> None:
    """
    The probe begins at once, its result counts and is returned; the schedule goes on.
    """
    bench = Bench()
    bench.checks.set_members("shop", [MEMBER])
    heard: list[Any] = []
    bench.checks.now("shop", "http://a").addCallback(heard.append)
    assert bench.probe.times == [0.0]
    assert heard == [PASSED]
    assert bench.results == [("shop", "http://a", PASSED)]
    bench.run(1.05)
    assert len(bench.results) == 2


def test_everybody_shares_what_is_being_asked() -> None:
    """
    There is one probe at a time, of the schedule or not, and all who ask hear its result.
    """
    hanging = Hanging()
    hanging.bench.run(1.05)
    hanging.now()
    hanging.now()
    assert (len(hanging.asked), hanging.heard) == (1, [])
    hanging.asked[0].callback(PASSED)
    assert hanging.heard == [PASSED, PASSED]
    assert len(hanging.bench.results) == 1


def test_a_turn_of_the_schedule_is_skipped_while_somebody_asks() -> None:
    """
    The slot of the turn that is not needed is free again.
    """
    hanging = Hanging()
    hanging.now()
    hanging.bench.run(1.05)
    assert len(hanging.asked) == 1
    assert hanging.checks.slots.taken == 0
    hanging.asked[0].callback(PASSED)
    assert hanging.heard == [PASSED]


def test_what_is_asked_must_be_of_now() -> None:
    """
    A probe that began with other options is not what somebody wants to know.
    """
    hanging = Hanging()
    hanging.bench.run(1.05)
    hanging.checks.set_members("shop", [replace(MEMBER, hcuri="/new")])
    hanging.now()
    hanging.asked[0].callback(PASSED)
    assert hanging.heard == []
    assert [each.hcuri for _, each in hanging.bench.probe.asked] == ["", "/new"]
    hanging.asked[1].callback(ProbeResult(False, "new"))
    assert hanging.heard == [ProbeResult(False, "new")]
    assert len(hanging.bench.results) == 2


def test_it_is_bounded_in_time_and_keeps_the_transcript() -> None:
    """
    A member that does not answer fails after hctimeout; what was said until then is shown.
    """
    hanging = Hanging()
    hanging.asked = []
    hanging.bench.probe.answer = lambda: Deferred(lambda it: it.errback(GaveUp("> GET /")))
    hanging.now()
    hanging.bench.run(2.1)
    (result,) = hanging.heard
    assert result.text == "no answer within 2 s"
    assert result.transcript == "> GET /\n* 2000.0 ms: no answer within 2 s"


def test_who_does_not_wait_any_longer_is_forgotten() -> None:
    """
    A client that left takes nothing from others.
    """
    hanging = Hanging()
    hanging.now().cancel()
    hanging.now()
    hanging.heard.clear()
    hanging.asked[0].callback(PASSED)
    assert hanging.heard == [PASSED]


@pytest.mark.parametrize("end", ["removed", "changed", "stopped"])
def test_the_end_of_a_check_is_told(end: str) -> None:
    """
    Who waits for a check that is no more learns so, with the remedy.
    """
    hanging = Hanging()
    hanging.now()
    if end == "stopped":
        hanging.checks.stop()
    else:
        members = [replace(MEMBER, hcinterval=20.0)] if end == "changed" else []
        hanging.checks.set_members("shop", members)
    (failure,) = hanging.heard
    assert failure.check(ValueError)
    assert "http://a was changed or ended: ask again" in failure.getErrorMessage()
    assert hanging.bench.results == []


def test_a_member_that_is_not_there() -> None:
    """
    The error names the balancer and the member.
    """
    checks = HealthChecks(Clock(), {}, lambda *result: None)
    checks.configure(GlobalSpec())
    with pytest.raises(LookupError, match="shop has no member http://b"):
        checks.now("shop", "http://b")


def test_a_stopped_member_is_asked_without_consequence() -> None:
    """
    Its result is shown to who asked, but does not count (APACHE C11).
    """
    bench = Bench()
    seen: list[Any] = []
    bench.checks.on_sight = lambda *result: seen.append(result)
    bench.checks.set_members("shop", [MEMBER])
    bench.stopped.add("http://a")
    heard: list[Any] = []
    bench.checks.now("shop", "http://a").addCallback(heard.append)
    assert bench.results == []
    assert [each.text for each in heard] == ["fine (it does not count, as the member is stopped)"]
    assert seen == [("shop", "http://a", heard[0])]


def test_a_member_without_a_check_is_connected_to() -> None:
    """
    A service tries a connection, which counts for nothing and is in the member's transcripts.
    """
    world = World(CONFIGURATION).start()
    heard: list[Any] = []
    world.service.checks.now("shop", "http://10.0.0.2").addCallback(heard.append)
    world.accept()
    assert heard[0].text == (
        "connect: done in 0 ms (a connection was tried, as there is no hcmethod; it does not count)"
    )
    member = world.members()[1]
    assert member.health.up is None
    assert member.probe is None
    assert [result for _, result in member.probes] == heard


def test_steering_asks_and_takes_note() -> None:
    """
    Who asked what, and what came of it, is an event; the verdict follows the result.
    """
    world = World(CONFIGURATION).start()
    steering = world.service.targets.steering
    heard: list[Any] = []
    steering.probe("shop", "http://10.0.0.1", "alice").addCallback(heard.append)
    world.accept().send(OK.replace(b"200", b"500"))
    event = steering.journal.events[-1]
    assert (event.kind, event.who, event.member) == ("probe", "alice", "http://10.0.0.1")
    assert "GET /: status 500" in event.text
    member = world.members()[0]
    assert member.flags & flags.HC_FAILED
    assert member.probe is heard[0]
    assert "< HTTP/1.0 500 OK" in member.probe.transcript


def test_the_last_ten_are_kept() -> None:
    """
    Older transcripts are let go.
    """
    world = World(CONFIGURATION).start()
    for number in range(12):
        result = ProbeResult(True, str(number))
        world.service.targets.balancers["shop"].checked("http://10.0.0.1", result)
    probes = world.members()[0].probes
    assert [result.text for _, result in probes] == [str(number) for number in range(2, 12)]


def test_a_member_that_loses_its_check_can_be_asked() -> None:
    """
    It is then one without a check; a removed one is none at all.
    """
    checks = HealthChecks(Clock(), {}, lambda *result: None)
    other = replace(MEMBER, hcmethod="none")
    checks.set_members("shop", [other])
    first = checks._unchecked["shop", "http://a"]
    checks.set_members("shop", [replace(other, hcuri="/x")])
    assert checks._unchecked["shop", "http://a"] is first
    assert first.member.hcuri == "/x"
    checks.set_members("shop", [])
    with pytest.raises(LookupError):
        checks.now("shop", "http://a")
    checks.set_members("shop", [other])
    checks.stop()
    with pytest.raises(LookupError):
        checks.now("shop", "http://a")


def test_a_result_that_comes_at_once_does_not_confuse() -> None:
    """
    Asking again and again from the same loop turn asks again each time.
    """
    bench = Bench()
    bench.probe.answer = lambda: succeed(PASSED)
    bench.checks.set_members("shop", [MEMBER])
    for _ in range(3):
        bench.checks.now("shop", "http://a")
    assert len(bench.results) == 3
