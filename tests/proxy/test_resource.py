"""
A balancer behind its mounts: who waits for a member, and what visitors are told.
"""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.proxy.rigs import GET, OK, begin, body_of, check_rest, make_rig, status_of
from txbalancer.core import flags, prospects
from txbalancer.core.health import ProbeResult
from txbalancer.core.member import Member
from txbalancer.testing import MemoryRig


def test_without_members_it_is_503_at_once() -> None:
    """
    With no timeout nobody waits; the page names neither members nor addresses.
    """
    rig = make_rig(2, member="status=+D")
    client = rig.client()
    client.send(GET)
    answer = client.taken()
    assert status_of(answer) == 503
    assert b"\r\nRetry-After: 60\r\n" in answer
    assert b"10.0.0." not in answer
    assert (rig.outcomes[0].reason, rig.outcomes[0].attempts) == ("no-member", 0)


def test_A33_that_nobody_is_there_is_logged_within_reason() -> None:
    """
    The log says why clients get 503; members that merely fail a request are for debugging.
    """
    rig = make_rig(2, member="status=+D")
    with capturedLogs() as logged:
        for _ in range(3):
            rig.client().send(GET)
        rig.advance(11)
        rig.client().send(GET)
    found = [(event["log_level"].name, formatEvent(event)) for event in logged]
    left = "no member is left: 2 disabled (http://10.0.0.1, http://10.0.0.2)"
    text = f"shop: GET /: 503: {left}"
    assert found == [("warn", text), ("warn", f"{text} (and 2 more like it)")]


def test_waiting_ends_with_the_balancers_timeout() -> None:
    """
    C{timeout} is how long a request waits for any member (B4, X26).
    """
    rig = make_rig(1, member="status=+D", balancer="timeout = 5")
    client = rig.client()
    client.send(GET)
    rig.advance(4)
    assert client.taken() == b""
    rig.advance(2)
    assert status_of(client.taken()) == 503
    check_rest(rig)


def test_a_member_that_comes_back_serves_who_waits() -> None:
    """
    Requests that wait are served in their order when a check brings a member back.
    """
    rig = make_rig(1, member="status=+C hcpasses=1", balancer="timeout = 5")
    clients = [rig.client(), rig.client()]
    for number, client in enumerate(clients):
        client.send(GET.replace(b"/ ", b"/%d " % number))
    rig.advance(2)
    rig.targets.balancers["shop"].checked("http://10.0.0.1", ProbeResult(True, "well"))
    rig.advance(0.1)
    for number, opening in enumerate(rig.openings()):
        member = opening.accept()
        assert member.taken().startswith(b"GET /%d " % number)
        member.send(OK)
    assert [status_of(client.taken()) for client in clients] == [200, 200]
    assert [round(outcome.queue) for outcome in rig.outcomes] == [2, 2]
    check_rest(rig)


def test_a_member_whose_retry_is_over_serves_who_waits() -> None:
    """
    The end of C{retry} is a return as well, and nothing else has to happen for it.
    """
    rig = make_rig(1, member="retry=3 maxfails=1", balancer="timeout = 9\nforcerecovery = off")
    balancer = rig.balancer()
    balancer.force_error(balancer.members[0], "test", rig.runtime.now())
    client = rig.client()
    client.send(GET)
    rig.advance(2)
    assert rig.openings() == []
    rig.advance(2)
    rig.accept().send(OK)
    assert status_of(client.taken()) == 200


def test_who_leaves_does_not_wait() -> None:
    """
    A client that goes while waiting costs no election.
    """
    rig = make_rig(1, member="status=+D", balancer="timeout = 50")
    first, second = rig.client(), rig.client()
    first.send(GET)
    second.send(GET)
    first.reset()
    balancer = rig.balancer()
    balancer.set_flags(balancer.members[0], flags.INIT, "test", rig.runtime.now())
    rig.advance(0.1)
    rig.accept().send(OK)
    assert status_of(second.taken()) == 200
    assert balancer.members[0].elected == 1
    check_rest(rig)


def test_a_reload_serves_who_waits() -> None:
    """
    A configuration with a usable member is what a waiting request waits for.
    """
    rig = make_rig(1, member="status=+D", balancer="timeout = 50")
    client = rig.client()
    client.send(GET)
    rig.targets.install(make_rig(1).spec)
    rig.advance(0.1)
    rig.accept().send(OK)
    assert status_of(client.taken()) == 200


@pytest.mark.parametrize(
    ("method", "hops", "status"),
    [(b"OPTIONS", b"0", 200), (b"GET", b"0", 400), (b"TRACE", b"0", 400), (b"GET", b"x", 400)],
)
def test_H8_max_forwards_at_its_end(method, hops, status) -> None:
    """
    A request that may go no further is answered here, without echoing anything (H8).
    """
    rig = make_rig(1)
    client = rig.client()
    request = GET.replace(b"GET", method)
    client.send(request.replace(b"\r\n\r\n", b"\r\nMax-Forwards: " + hops + b"\r\n\r\n"))
    assert status_of(client.taken()) == status
    assert rig.openings() == []


def test_messages_keep_members_out() -> None:
    """
    What visitors see says what happened, not where.
    """
    rig = make_rig(1, member="timeout=5", balancer="maxattempts = 0")
    client = rig.client()
    client.send(GET)
    rig.accept()
    rig.advance(6)
    answer = client.taken()
    assert status_of(answer) == 504
    assert b"took too long" in body_of(answer)
    client.send(GET)
    rig.accept().send(b"garbage\n")
    answer = client.taken()
    assert status_of(answer) == 502
    assert b"10.0.0.1" not in answer


def test_retry_after_says_when_it_makes_sense() -> None:
    """
    Retry-After is the time to the next retry, in whole seconds.
    """
    rig = make_rig(1, member="retry=30 maxfails=1", balancer="forcerecovery = off")
    balancer = rig.balancer()
    balancer.force_error(balancer.members[0], "test", rig.runtime.now())
    rig.advance(20)
    client = rig.client()
    client.send(GET)
    assert b"\r\nRetry-After: 1" in client.taken()


def retry_after(rig: MemoryRig) -> bytes:
    """
    Ask, and return what 503 says.
    """
    client = rig.client()
    client.send(GET)
    answer = client.taken()
    assert status_of(answer) == 503
    return answer.split(b"\r\nRetry-After: ")[1].split(b"\r\n")[0]


def test_retry_after_goes_by_checks_and_by_retry() -> None:
    """
    Whichever brings a member back first; also where all are in error and forcerecovery is on, so
    that each request tries them.
    """
    rig = make_rig(1, member="retry=30 maxfails=1 hcmethod=get hcinterval=5s hcpasses=2")
    resource = rig.targets.balancers["shop"]
    resource.checked("http://10.0.0.1", ProbeResult(False, "status 500"))
    assert retry_after(rig) == b"11"
    rig.advance(5)
    resource.checked("http://10.0.0.1", ProbeResult(True, "status 200"))
    assert retry_after(rig) == b"6"
    rig.advance(5)
    resource.checked("http://10.0.0.1", ProbeResult(True, "status 200"))
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    opening.fail()
    assert b"\r\nRetry-After: 11\r\n" in client.taken()


def test_retry_after_of_a_member_that_is_going_out() -> None:
    """
    As long as maxfails lets it be in use the next request is worth a try; then it is not.
    """
    rig = make_rig(1, member="retry=20 maxfails=2")
    for expected in (b"1", b"21", b"21"):
        client = rig.client()
        client.send(GET)
        for opening in rig.openings():
            opening.fail()
        assert b"\r\nRetry-After: %b\r\n" % expected in client.taken()


def test_retry_after_of_a_session_is_that_of_its_member() -> None:
    """
    With nofailover the other one does not help.
    """
    rig = make_rig(2, member="retry=9 maxfails=1", balancer="stickycookie = R\nnofailover = on")
    client, member = begin(rig)
    member.send(OK)
    cookie = client.taken().split(b"Set-Cookie: ")[1].split(b";")[0]
    balancer = rig.balancer()
    balancer.force_error(balancer.members[0], "test", rig.runtime.now())
    client = rig.client()
    client.send(GET[:-2] + b"Cookie: %b\r\n\r\n" % cookie)
    assert b"\r\nRetry-After: 10\r\n" in client.taken()


def test_the_route_cookie_goes_to_new_clients_only() -> None:
    """
    stickycookie ties a client to its member; one that is tied already gets no other cookie.
    """
    rig = make_rig(1, member="route=r", balancer="stickycookie = ROUTE")
    client, member = begin(rig)
    member.send(OK)
    cookie = client.taken().split(b"Set-Cookie: ")[1].split(b";")[0]
    assert cookie.startswith(b"ROUTE=")
    client.send(GET.replace(b"\r\n\r\n", b"\r\nCookie: " + cookie + b"\r\n\r\n"))
    assert rig.openings() == []
    member.send(OK)
    assert b"Set-Cookie" not in client.taken()


def test_S23_nofailover_answers_instead_of_moving_a_session() -> None:
    """
    With nofailover a session whose member is out, before or in this very request, gets 503.
    """
    rig = make_rig(1, member="route=r", balancer="stickysession = S\nnofailover = on")
    balancer = rig.balancer()
    client = rig.client()
    sticky = GET.replace(b"\r\n\r\n", b"\r\nCookie: S=x.r\r\n\r\n")
    client.send(sticky)
    (opening,) = rig.openings()
    opening.fail()
    assert status_of(client.taken()) == 503
    balancer.set_flags(balancer.members[0], flags.INIT | flags.DISABLED, "test", 0.0)
    client.send(sticky)
    assert status_of(client.taken()) == 503
    assert rig.outcomes[1].reason == "session-refused"
    assert rig.outcomes[1].sticky == (b"S", b"r")
    check_rest(rig)


def test_S23_a_failed_attempt_may_not_leave_the_session_either() -> None:
    """
    The retry of a session with nofailover finds nobody else to ask.
    """
    rig = make_rig(2, member="route=r", balancer="stickysession = S")
    rig = make_rig(2, balancer="stickysession = S\nnofailover = on", member="route=r")
    client = rig.client()
    client.send(GET.replace(b"\r\n\r\n", b"\r\nCookie: S=x.r\r\n\r\n"))
    for _ in range(2):
        (opening,) = rig.openings()
        opening.fail()
    assert status_of(client.taken()) == 503
    assert len(rig.outcomes[0].tried) == 2
    check_rest(rig)


def test_members_are_not_all_looked_at_for_each_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Not even where the only one in use stands last: whoever refuses many has no time for that. Once
    it has gone out it is told at once.
    """
    rig = make_rig(50, member="retry=30 maxfails=1", balancer="forcerecovery = off")
    resource = rig.targets.balancers["shop"]
    *others, last = resource.balancer.members
    for each in others:
        resource.balancer.force_error(each, "test", rig.runtime.now())
    looks: list[Member] = []

    def looked(member: Member, now: float) -> float:
        looks.append(member)
        return back(member, now)

    back = prospects.back
    monkeypatch.setattr(prospects, "back", looked)
    assert [resource.retry_after() for _ in range(100)] == [1] * 100
    assert len(looks) < 500
    rig.advance(2)
    resource.balancer.force_error(last, "test", rig.runtime.now())
    assert resource.retry_after() == 29
