"""
Passive health in a whole service: time goes by, and everybody hears of what it brings.
"""

from __future__ import annotations

import pytest
from twisted.logger import globalLogPublisher

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, SetMember
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import ConnectFailed

BAD = OK.replace(b"200 OK", b"500 Bad")
FIRST = "http://10.0.0.1"


def world(options: str) -> World:
    return World(CONFIGURATION.replace("[balancer:shop]", f"[balancer:shop]\n{options}")).start()


def balancer(made: World):
    return made.service.targets.balancers["shop"].balancer


def serve(made: World, answer: bytes, count: int = 1) -> None:
    for _ in range(count):
        client = made.client(80, GET)
        for opening in made.openings():
            member = opening.accept()
            member.send(answer)
            member.end()
        client.end()


def advance(made: World, seconds: float) -> None:
    for _ in range(int(seconds * 2)):
        made.reactor.advance(0.5)


def events(made: World, kind: str) -> list[str]:
    return [each.text for each in made.service.targets.journal.events if each.kind == kind]


def test_an_ejection_ends_in_time_and_both_are_told() -> None:
    """
    By the flips that everything else about members is told by, with what programs want to know.
    """
    made = world("outlier-failures = 2")
    serve(made, BAD, 4)
    one = balancer(made).members[0]
    assert one.flags & flags.EJECTED
    (event,) = [e for e in made.service.targets.journal.events if e.kind == "flip"]
    assert event.text == ("in use -> ejected: 2 failed answers in a row, for 30s, 1st time")
    details = dict(event.details)
    assert (details["kind"], details["times"]) == ("failures", 1)
    assert details["until"] == pytest.approx(event.time + 30.0, abs=1.0)
    advance(made, 30.5)
    assert not one.flags & flags.EJECTED
    assert events(made, "flip")[-1].endswith("reinstated: its ejection is over")


def test_somebody_may_end_it() -> None:
    """
    A command does, and what brought it about counts anew.
    """
    made = world("outlier-failures = 2")
    serve(made, BAD, 4)
    made.service.targets.steering.apply(SetMember("shop", FIRST, off=flags.EJECTED), "me")
    one = balancer(made).members[0]
    assert (one.flags, one.watched.ejection) == (flags.INIT, None)
    serve(made, BAD, 2)
    assert one.flags == flags.INIT


def test_an_ejection_outlives_a_reload_and_not_its_options() -> None:
    """
    State is the member's; without a rule left it still ends in time.
    """
    made = world("outlier-failures = 2")
    serve(made, BAD, 4)
    made.reload(CONFIGURATION.replace("[balancer:shop]", "[balancer:shop]\noutlier-failures = 3"))
    assert balancer(made).members[0].flags & flags.EJECTED
    made.reload(CONFIGURATION)
    advance(made, 30.5)
    assert balancer(made).members[0].flags == flags.INIT


def test_panic_is_told_on_entering_and_leaving() -> None:
    """
    Once each, as an event and in the log.
    """
    made = world("panic = 60")
    lb = balancer(made)
    for passed in (False, True):
        lb.health(lb.members[0], passed, 0.0)
        lb.health(lb.members[0], passed, 0.0)
    assert events(made, "panic") == [
        "1 of 2 members are healthy, below panic = 60 %: health is ignored, all are used",
        "2 of 2 members are healthy: panic is over, health counts again",
    ]


@pytest.mark.parametrize("how", ["traffic", "command", "undo", "discovery", "reload"])
def test_causes_are_told_before_what_they_bring_about(how: str) -> None:
    """
    As events, in this order: what was done, which members are other for it, panic.
    """
    made = world("panic = 60")
    lb, steering = balancer(made), made.service.targets.steering
    disable = SetMember("shop", FIRST, on=flags.HC_FAILED)
    if how == "undo":
        steering.apply(disable, "me")
        steering.apply(SetMember("shop", FIRST, off=flags.HC_FAILED), "me")
    start = steering.journal.last
    if how == "traffic":
        lb.force_error(lb.members[0], "gone", 0.0)
    elif how == "command":
        steering.apply(disable, "me")
    elif how == "undo":
        steering.undo("me")
    elif how == "discovery":
        steering.carry_out_all("shop", [disable], lambda command: "discovery", True)
    else:
        text = CONFIGURATION.replace("[balancer:shop]", "[balancer:shop]\npanic = 60")
        made.reload(text.replace(f"{FIRST}\n", f"{FIRST} status=+C\n"))
    found = [each.kind for each in steering.journal.since(start)]
    wanted = {"traffic": ["flip", "panic"], "reload": ["reload", "flip", "panic"]}
    assert found == wanted.get(how, ["change", "panic"])


def test_a_breaker_goes_its_way_by_the_clock() -> None:
    """
    Open, half-open, closed: each is an event.
    """
    made = world(
        "breaker-percent = 50\nbreaker-requests = 2\nbreaker-trials = 1\noutlier-failures = 0"
    )
    serve(made, BAD, 2)
    advance(made, 10.5)
    serve(made, OK)
    assert events(made, "breaker") == [
        "circuit breaker open: 2 of 2 requests failed, requests get 503 for 10s",
        "circuit breaker half-open: 1 requests are let through",
        "circuit breaker closed: all trials went well",
    ]


def test_a_member_added_at_run_time_starts_slowly() -> None:
    """
    And has its whole share when the time is over.
    """
    made = world("")
    spec = MemberSpec("http://10.0.0.9", host="10.0.0.9", slow_start=10.0)
    made.service.targets.steering.apply(AddMember("shop", spec), "me")
    one = balancer(made).members[2]
    assert one.share == 10
    assert events(made, "slow-start") == []
    advance(made, 5)
    assert one.share == 50
    advance(made, 5.0)
    assert one.share == 100
    assert events(made, "slow-start") == [
        "starts slowly: 10 % of its share, all of it in 9s",
        "has all of its share",
    ]
    told = [each for each in made.service.targets.journal.events if each.kind == "slow-start"]
    assert {each.member for each in told} == {spec.url}


def test_a_slow_start_that_is_cut_short_is_told_once() -> None:
    """
    It goes out before the time is over: its flip says so. Back again it starts anew; one that is
    out within a second is no news, as all are where requests bring them back one by one.
    """
    made = world("member.slow-start = 10s")
    lb, now = balancer(made), made.service.runtime.now
    one = lb.members[0]
    for bad in (True, False, True, False):
        lb.set_flags(one, flags.INIT | (flags.EJECTED if bad else 0), "so", now())
    advance(made, 1.0)
    lb.set_flags(one, flags.INIT | flags.EJECTED, "so", now())
    advance(made, 10.0)
    assert events(made, "slow-start") == ["starts slowly: 10 % of its share, all of it in 9s"]
    lb.set_flags(one, flags.INIT, "so", now())
    advance(made, 10.0)
    assert events(made, "slow-start")[1:] == [
        "starts slowly: 10 % of its share, all of it in 9s",
        "has all of its share",
    ]


def test_what_limits_hold_back_is_told() -> None:
    """
    When it begins, and when it was calm for a while, with how much it was.
    """
    made = world("outlier-failures = 2\noutlier-most = 10\nretry-budget = 20")
    serve(made, BAD, 4)
    advance(made, 0.5)
    lb = balancer(made)
    for _ in range(3):
        lb.denied(ConnectFailed("gone"))
    advance(made, 5.0)
    assert events(made, "spared") == [
        "an outlier stays in use: outlier-most = 10 % of all allows for no more"
    ]
    assert events(made, "retries") == ["retry-budget = 20 % is spent: further attempts are denied"]
    advance(made, 10.0)
    assert events(made, "spared")[1:] == [
        f"no outlier stays in use any more: {lb.spared} ejections not made meanwhile"
    ]
    assert lb.spared == 2
    assert events(made, "retries")[1:] == [
        "retry-budget has room again: 3 further attempts denied meanwhile"
    ]


def test_a_breaker_that_nobody_tries_is_told_once() -> None:
    """
    Its trials are replaced again and again, which is no news.
    """
    made = world("breaker-percent = 50\nbreaker-requests = 2\nbreaker-open = 1s")
    serve(made, BAD, 2)
    advance(made, 10.0)
    assert [each.split(":")[0] for each in events(made, "breaker")] == [
        "circuit breaker open",
        "circuit breaker half-open",
    ]


def test_a_fault_does_not_end_the_sweeps(monkeypatch) -> None:
    """
    It is logged, and the next sweep is made.
    """
    made = world("outlier-failures = 2")
    calls, logged = [], []
    lb_class = type(balancer(made))

    def broken(self, now):
        calls.append(now)
        raise RuntimeError("broken")

    monkeypatch.setattr(lb_class, "sweep", broken)
    globalLogPublisher.addObserver(logged.append)
    try:
        advance(made, 2)
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert len(calls) == 4
    assert any("the sweep failed" in (each.get("log_format") or "") for each in logged)
