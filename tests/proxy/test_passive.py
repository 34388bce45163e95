"""
What traffic shows, as it comes along the data path.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, POST, UPGRADE, ask, begin, check_rest, make_rig, status_of
from txbalancer.core import flags
from txbalancer.core.passive.breaker import CLOSED, HALF_OPEN, OPEN
from txbalancer.proxy.exchange import Exchange
from txbalancer.testing import MemoryRig

BAD = b"HTTP/1.1 %d Bad\r\nContent-Length: 3\r\n\r\nbad"


def exchange(rig: MemoryRig, answer: bytes, request: bytes = GET) -> bytes:
    """
    Let one request be answered over new connections.
    """
    client, member = begin(rig, request)
    member.send(answer)
    member.end()
    answered: bytes = client.taken()
    return answered


def tally(rig: MemoryRig, place: int = 0):
    return rig.balancer().members[place].tally


def test_off_costs_nothing() -> None:
    """
    Without an option nothing on the way of an answer asks whether there is one.
    """
    mounted = make_rig(1).site.table.mounts[0].target
    assert mounted.watched == frozenset()
    assert mounted.exchange is Exchange
    assert not mounted.tells


def test_answers_and_failures_are_counted_by_kind() -> None:
    """
    A 500, a 503, and a connection that ends without an answer: all in a row, and the last two.
    """
    rig = make_rig(1, balancer="outlier-failures = 9", member="maxfails=99")
    for answer in (OK, BAD % 500, BAD % 503, b""):
        exchange(rig, answer)
    found = tally(rig)
    assert (found.requests, found.failed) == (4, 3)
    assert (found.row, found.gateway, found.local) == (3, 2, 1)
    exchange(rig, OK)
    assert tally(rig).row == 0
    check_rest(rig)


def test_a_broken_answer_counts_as_none() -> None:
    """
    One that ends within its body is counted by its head and by its end.
    """
    rig = make_rig(1, balancer="outlier-failures = 9", member="maxfails=99")
    exchange(rig, OK[:-1])
    assert (tally(rig).requests, tally(rig).local) == (2, 1)


def test_a_client_that_leaves_is_no_fault() -> None:
    """
    Nothing is counted of what was not answered.
    """
    rig = make_rig(1, balancer="outlier-failures = 1")
    client, _ = begin(rig)
    client.end()
    assert tally(rig).requests == 0


def test_an_idle_connection_that_closes_is_no_fault() -> None:
    """
    As for C{maxfails}: the free try that follows is what counts.
    """
    rig = make_rig(1, balancer="outlier-local = 1\noutlier-always-one = on")
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    client.send(GET)
    member.end()
    rig.accept().send(OK)
    assert (tally(rig).requests, tally(rig).failed) == (2, 0)


def test_an_upgrade_is_a_good_answer() -> None:
    """
    It ends a row as any answer does.
    """
    rig = make_rig(1, balancer="outlier-failures = 9")
    exchange(rig, BAD % 500)
    _, member = begin(rig, UPGRADE)
    member.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (tally(rig).requests, tally(rig).row) == (2, 0)


def test_only_the_members_own_time_is_its_time() -> None:
    """
    From when the request is sent; of requests with a body and of further attempts it is not known.
    """
    rig = make_rig(1, balancer="outlier-latency = 3", member="maxfails=99")
    client = rig.client()
    client.send(GET)
    rig.advance(2)
    member = rig.accept()
    rig.advance(1)
    member.send(OK)
    member.end()
    assert (tally(rig).timed, tally(rig).seconds) == (1, pytest.approx(1.0))
    exchange(rig, OK, POST + b"0123456789")
    assert (tally(rig).requests, tally(rig).timed) == (2, 1)


def test_an_ejected_member_gets_no_request_and_the_client_its_answer() -> None:
    """
    The answer that was one too many is passed on as it is; the next request goes elsewhere.
    """
    rig = make_rig(2, balancer="outlier-failures = 1")
    assert status_of(exchange(rig, BAD % 500)) == 500
    assert rig.balancer().members[0].flags & flags.EJECTED
    for _ in range(3):
        assert status_of(exchange(rig, OK)) == 200
    assert {each.member for each in rig.outcomes[1:]} == {"http://10.0.0.2"}


def test_a_session_moves_on() -> None:
    """
    As from any member that is out.
    """
    rig = make_rig(2, balancer="outlier-failures = 1\nstickycookie = R", member="")
    client, member = begin(rig)
    member.send(BAD % 500)
    cookie = next(line for line in client.taken().split(b"\r\n") if line.startswith(b"Set-Cookie:"))
    value = cookie.split(b": ")[1].split(b";")[0]
    exchange(rig, OK, GET[:-2] + b"Cookie: %b\r\n\r\n" % value)
    assert [each.member for each in rig.outcomes] == ["http://10.0.0.1", "http://10.0.0.2"]


BREAKER = "breaker-percent = 50\nbreaker-requests = 2\nbreaker-open = 5s\nbreaker-trials = 1"


def test_an_open_breaker_answers_at_once() -> None:
    """
    503 with Retry-After, a reason of its own, and no member is asked.
    """
    rig = make_rig(2, balancer=f"{BREAKER}\ntimeout = 9s")
    for _ in range(2):
        exchange(rig, BAD % 500)
    assert rig.balancer().breaker.state == OPEN
    rig.advance(2.5)
    answer = ask(rig, GET)
    assert status_of(answer) == 503
    assert b"Retry-After: 3\r\n" in answer
    assert rig.openings() == []
    assert (rig.outcomes[-1].reason, rig.outcomes[-1].balancer) == ("breaker-open", "shop")
    check_rest(rig)


def test_a_trial_that_goes_well_closes_it() -> None:
    """
    One at a time here, all others get 503 meanwhile.
    """
    rig = make_rig(1, balancer=BREAKER)
    lb = rig.balancer()
    for _ in range(2):
        exchange(rig, BAD % 500)
    lb.sweep(rig.runtime.now() + 5.0)
    assert lb.breaker.state == HALF_OPEN
    client, member = begin(rig)
    assert status_of(ask(rig, GET)) == 503
    member.send(OK)
    member.end()
    assert status_of(client.taken()) == 200
    assert lb.breaker.state == CLOSED
    assert status_of(exchange(rig, OK)) == 200


def test_what_another_member_made_good_is_no_failure_of_the_balancers() -> None:
    """
    Its breaker counts exchanges, not attempts.
    """
    rig = make_rig(2, balancer=BREAKER, member="maxfails=99")
    for _ in range(3):
        client, first = begin(rig)
        first.end()
        second = rig.accept()
        second.send(OK)
        second.end()
        assert status_of(client.taken()) == 200
    assert rig.balancer().breaker.state == CLOSED
    assert rig.balancer().breaker.seen.failed == 0
    for _ in range(3):
        client, first = begin(rig)
        first.end()
        rig.accept().end()
    assert rig.balancer().breaker.state == OPEN


def test_a_members_breaker_lets_others_go_on() -> None:
    """
    The member is left out, the balancer serves.
    """
    rig = make_rig(2, member=BREAKER.replace("\n", " ").replace(" = ", "=").replace(" 50", "50"))
    for _ in range(4):
        bad = rig.balancer().members[0]
        _, member = begin(rig)
        member.send(BAD % 500 if bad.busy else OK)
        member.end()
    assert rig.balancer().members[0].flags & flags.TRIPPED
    assert {asked(rig) for _ in range(3)} == {"10.0.0.2"}


def asked(rig: MemoryRig) -> str:
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    member = opening.accept()
    member.send(OK)
    member.end()
    return str(opening.address[0])


def test_the_budget_stops_retries() -> None:
    """
    Two further attempts are in progress at most; the third failure is the client's, with the
    reason in the record.
    """
    rig = make_rig(2, balancer="retry-budget = 1\nretry-budget-min = 2", member="maxfails=99")
    clients = []
    for _ in range(3):
        client = rig.client()
        client.send(GET)
        clients.append(client)
    firsts = rig.openings()
    for opening in firsts:
        opening.fail()
    assert status_of(clients[2].taken()) == 503
    assert (rig.outcomes[0].reason, rig.outcomes[0].attempts) == ("retry-budget", 1)
    assert [reason for _, reason in rig.outcomes[0].tried] == ["connect-failed"]
    budget = rig.balancer().budget
    assert (budget.in_progress, budget.denied) == (2, 1)
    for opening in rig.openings():
        opening.accept().send(OK)
    assert [status_of(each.taken()) for each in clients[:2]] == [200, 200]
    assert budget.in_progress == 0
    check_rest(rig)


def test_without_a_budget_every_retry_is_made() -> None:
    """
    So that a member that is killed costs no request.
    """
    rig = make_rig(2, member="maxfails=99")
    clients = [rig.client() for _ in range(9)]
    for client in clients:
        client.send(GET)
    for opening in rig.openings():
        opening.fail()
    assert len(rig.openings()) == 9
