"""
One request over as many attempts as it takes: what is tried again, who is blamed.
"""

from __future__ import annotations

import pytest
from twisted.internet.error import TimeoutError

from tests.proxy.rigs import (
    CHUNKED,
    GET,
    OK,
    POST,
    PUT,
    begin,
    body_of,
    check_rest,
    make_rig,
    status_of,
)
from txbalancer.core import flags


def reused(rig, request):
    """
    Send a request over a member's connection that has carried another one.
    """
    client, member = begin(rig)
    member.send(OK)
    client.taken(), member.taken()
    client.send(request)
    return client, member


def test_an_answer_goes_back_and_is_recorded() -> None:
    """
    The plain case: elected, sent, answered, one outcome with times and sizes.
    """
    rig = make_rig()
    client = rig.client()
    client.send(GET)
    rig.advance(0.5)
    member = rig.accept()
    rig.advance(1)
    member.send(OK)
    (outcome,) = rig.outcomes
    assert (status_of(client.taken()), outcome.status, outcome.reason) == (200, 200, "ok")
    assert (outcome.balancer, outcome.member) == ("shop", "http://10.0.0.1")
    assert (outcome.attempts, outcome.tried, outcome.bytes_out) == (1, (), 2)
    assert outcome.connect == pytest.approx(0.5)
    assert outcome.first_byte == outcome.duration == pytest.approx(1.5)
    assert outcome.started == pytest.approx(1_800_000_000)
    check_rest(rig)


@pytest.mark.parametrize("request_", [GET, PUT + b"0123456789"])
def test_an_idle_connection_that_closes_is_nobodys_failure(request_) -> None:
    """
    A reused connection that closes without a word: the same member is asked once more, on a
    new connection, and the attempt does not count (X3, W53).
    """
    rig = make_rig(1, member="maxfails=1")
    client, member = reused(rig, request_)
    sent = member.taken()
    member.end()
    again = rig.accept()
    assert again.taken() == sent
    again.send(OK)
    assert status_of(client.taken()) == 200
    assert (rig.outcomes[1].attempts, rig.outcomes[1].tried) == (1, ())
    assert rig.balancer().members[0].failures == []


def test_a_fresh_connection_is_tried_once() -> None:
    """
    When the new connection closes too, it is the member's failure.
    """
    rig = make_rig(1)
    client, member = reused(rig, GET)
    member.end()
    rig.accept().end()
    assert status_of(client.taken()) == 502
    assert rig.openings() == []
    assert rig.outcomes[1].tried == (("http://10.0.0.1", "member-closed"),)
    assert len(rig.balancer().members[0].failures) == 1


def test_an_idle_connection_that_closes_after_a_word_is_a_failure() -> None:
    """
    A member that began to answer had the request: no free try, and it is blamed.
    """
    rig = make_rig(1)
    client, member = reused(rig, GET)
    member.send(b"HTTP/1.1 2")
    member.end()
    assert rig.openings() == []
    assert status_of(client.taken()) == 502
    assert len(rig.balancer().members[0].failures) == 1


@pytest.mark.parametrize("request_", [POST + b"0123456789", POST + b"012", CHUNKED])
def test_what_is_not_idempotent_is_never_sent_twice(request_) -> None:
    """
    A POST of which anything was sent gets 502, even where an idle connection closed.
    """
    rig = make_rig(1)
    client, member = reused(rig, request_)
    member.end()
    assert status_of(client.taken()) == 502
    assert rig.openings() == []


def test_a_post_that_was_not_sent_goes_elsewhere() -> None:
    """
    Where no connection could be made, any method is tried at another member.
    """
    rig = make_rig()
    client = rig.client()
    client.send(POST + b"0123456789")
    (opening,) = rig.openings()
    opening.fail()
    member = rig.accept()
    assert body_of(member.taken()) == b"0123456789"
    member.send(OK)
    assert status_of(client.taken()) == 200
    (outcome,) = rig.outcomes
    assert (outcome.attempts, outcome.member) == (2, "http://10.0.0.2")
    assert outcome.tried == (("http://10.0.0.1", "connect-failed"),)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (lambda rig, member: member.end(), "member-closed"),
        (lambda rig, member: member.reset(), "member-closed"),
        (lambda rig, member: member.send(b"what?\n"), "bad-response"),
        (lambda rig, member: (member.send(b"HTTP/1.1 200"), member.end()), "member-closed"),
        (lambda rig, member: rig.advance(61), "response-timeout"),
    ],
)
def test_failures_go_elsewhere(ending, reason) -> None:
    """
    An idempotent request without an answer is tried at a member not tried before, and the
    first one is blamed.
    """
    rig = make_rig(member="timeout=60")
    client, member = begin(rig)
    ending(rig, member)
    second = rig.accept()
    second.send(OK)
    assert status_of(client.taken()) == 200
    (outcome,) = rig.outcomes
    assert outcome.tried == (("http://10.0.0.1", reason),)
    assert [len(each.failures) for each in rig.balancer().members] == [1, 0]
    check_rest(rig)


def test_S26_a_member_that_ignores_errors_keeps_its_requests() -> None:
    """
    F2: with C{+I} a failure is answered as it is, and no other member is tried.
    """
    rig = make_rig(member="status=+I")
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    opening.fail()
    assert status_of(client.taken()) == 503
    assert rig.openings() == []
    check_rest(rig)


def test_attempts_are_bounded() -> None:
    """
    maxattempts counts further members (B7); when all is tried the last failure is answered.
    """
    rig = make_rig(3, balancer="maxattempts = 1")
    client = rig.client()
    client.send(GET)
    for _ in range(2):
        (opening,) = rig.openings()
        opening.fail(TimeoutError())
    assert rig.openings() == []
    assert status_of(client.taken()) == 504
    (outcome,) = rig.outcomes
    assert outcome.reason == "connect-timeout"
    assert [reason for _, reason in outcome.tried] == ["connect-timeout"] * 2


def test_no_second_attempt_after_a_byte_of_the_answer() -> None:
    """
    Once the client has seen anything, an interim answer too, there is no other attempt.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    assert b" 103 " in client.taken()
    member.end()
    assert status_of(client.taken()) == 502
    assert rig.openings() == []


def test_a_broken_answer_cuts_the_client_off() -> None:
    """
    An answer that ends early must look broken to the client, not complete.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun")
    member.end()
    assert client.ended == "aborted"
    assert rig.openings() == []
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason) == (200, "truncated")
    assert len(rig.balancer().members[0].failures) == 1


@pytest.mark.parametrize(("size", "again"), [(65536, True), (65537, False)])
def test_bodies_are_replayed_up_to_64_kib(size, again) -> None:
    """
    A body that was kept whole is sent to the next member; a larger one is not kept.
    """
    rig = make_rig()
    client, member = begin(rig, PUT.replace(b"10", b"%d" % size))
    body = b"0123456789abcdef" * 5000
    client.send(body[:30000])
    client.send(body[30000:size])
    assert body_of(member.taken()) == body[:size]
    member.reset()
    if not again:
        assert status_of(client.taken()) == 502
        assert rig.openings() == []
        return
    second = rig.accept()
    assert body_of(second.taken()) == body[:size]
    second.send(OK)
    assert status_of(client.taken()) == 200


def test_a_half_sent_body_is_replayed_and_goes_on() -> None:
    """
    A member fails while the body is still coming: the next gets its beginning, then the rest.
    """
    rig = make_rig()
    client, member = begin(rig, PUT + b"0123")
    member.reset()
    second = rig.accept()
    assert body_of(second.taken()) == b"0123"
    client.send(b"456789")
    assert second.taken() == b"456789"
    second.send(OK)
    assert status_of(client.taken()) == 200


def test_chunked_bodies_are_replayed_with_their_trailers() -> None:
    """
    A chunked body that came while connecting is sent whole, trailers at its end.
    """
    rig = make_rig()
    client = rig.client()
    client.send(CHUNKED + b"5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n")
    (opening,) = rig.openings()
    opening.fail()
    member = rig.accept()
    assert member.taken().endswith(b"\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")


def test_a_body_waits_for_its_connection() -> None:
    """
    While no member is there to take it, not much more than 64 KiB of a body is read.
    """
    rig = make_rig()
    client = rig.client()
    client.send(POST.replace(b"10", b"200000"))
    for _ in range(4):
        client.send(b"x" * 50_000)
    assert not client.reading
    member = rig.accept()
    client.settle()
    assert len(body_of(member.taken())) == 200_000
    member.send(OK)
    assert status_of(client.taken()) == 200


def test_clients_that_leave_blame_nobody() -> None:
    """
    A client that goes away ends the attempt and leaves no failure behind (X8).
    """
    rig = make_rig(member="maxfails=1")
    client, member = begin(rig)
    client.reset()
    assert member.ended == "aborted"
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason) == (0, "client-gone")
    assert rig.balancer().members[0].failures == []
    check_rest(rig)


def test_failontimeout_puts_the_member_out_at_once() -> None:
    """
    A member that is silent for C{timeout} is in error after one request (B9).
    """
    rig = make_rig(1, member="timeout=5", balancer="failontimeout = on\nforcerecovery = off")
    client, _ = begin(rig)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    assert rig.balancer().members[0].flags & flags.IN_ERROR


def test_failonstatus_puts_the_member_out_and_passes_the_answer() -> None:
    """
    The answer goes to the client, the member out of use (B8).
    """
    rig = make_rig(1, balancer="failonstatus = 500")
    client, member = begin(rig)
    member.send(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh")
    assert body_of(client.taken()) == b"oh"
    assert rig.balancer().members[0].flags & flags.IN_ERROR


def test_expect_is_the_members_to_answer() -> None:
    """
    Expect goes to the member; its 100 goes to the client, then the body to the member.
    """
    rig = make_rig()
    request = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    client, member = begin(rig, request)
    assert b"\r\nExpect: 100-continue\r\n" in member.taken()
    member.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"0123456789")
    assert member.taken() == b"0123456789"
    member.send(OK)
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"close" not in answer


def test_expect_may_be_refused() -> None:
    """
    A final answer instead of 100 goes to the client, and the connections are not used again,
    for nobody knows whether the body follows (RFC 9110 10.1.1).
    """
    rig = make_rig()
    request = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    client, member = begin(rig, request)
    member.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
    answer = client.taken()
    assert status_of(answer) == 417
    assert b"\r\nConnection: close\r\n" in answer
    assert member.ended
    check_rest(rig)


def test_interim_answers_are_passed_on() -> None:
    """
    1xx answers go through, but 100 only to who waits for it, and none to HTTP/1.0.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n")
    client, member = begin(make_rig(), GET.replace(b"/1.1", b"/1.0"))
    member.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert client.taken().startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_answer_may_come_before_the_request_is_over() -> None:
    """
    The client gets an early answer whole; what it still sends is read away for a while, so
    that no reset destroys the answer (RFC 9112 9.6).
    """
    rig = make_rig()
    client, member = begin(rig, POST + b"01234")
    member.send(OK)
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"\r\nConnection: close\r\n" in answer
    assert member.ended
    assert client.half_closed
    assert not client.lost
    client.send(b"56789")
    rig.advance(6)
    assert client.lost
    assert len(rig.outcomes) == 1
    check_rest(rig)


def test_a_body_over_the_limit_is_413() -> None:
    """
    A chunked body is stopped where it passes max-body; the member is let go without blame.
    """
    rig = make_rig(1, mount="max-body = 1000", member="maxfails=1")
    client, member = begin(rig, CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    assert client.taken() == b""
    client.send(b"1\r\nx\r\n")
    assert status_of(client.taken()) == 413
    assert member.ended == "aborted"
    assert rig.balancer().members[0].failures == []
    assert rig.outcomes[0].reason == "body-too-large"


def test_a_broken_body_is_400() -> None:
    """
    Broken framing of the request ends the attempt without blame.
    """
    rig = make_rig(1)
    client, member = begin(rig, CHUNKED)
    client.send(b"zz\r\n")
    assert status_of(client.taken()) == 400
    assert member.ended == "aborted"
    check_rest(rig)


def test_a_body_that_breaks_after_the_answer_began() -> None:
    """
    There is no place for another answer then: both connections are cut, nobody is blamed.
    """
    rig = make_rig(1, member="maxfails=1")
    client, member = begin(rig, CHUNKED)
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun")
    client.send(b"zz\r\n")
    assert client.ended == member.ended == "aborted"
    assert (rig.outcomes[0].status, rig.outcomes[0].reason) == (200, "bad-request")
    assert rig.balancer().members[0].failures == []
    rig.advance(0)
    check_rest(rig)


# -- flow


def test_a_slow_client_pauses_the_member() -> None:
    """
    What the client does not read stays with the member, but for the buffers; nothing is lost.
    """
    rig = make_rig()
    client, member = begin(rig)
    client.room = 0
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"a" * 100_000)
    assert not member.reading
    member.send(b"b" * 200_000)
    rig.advance(50)
    client.take(60_000)
    assert not member.reading
    client.take()
    assert member.reading
    rig.advance(0)
    body = body_of(client.taken())
    assert body == b"a" * 100_000 + b"b" * 200_000
    assert client.reading
    check_rest(rig)


def test_a_client_that_stops_reading_is_cut() -> None:
    """
    After write-timeout without a byte taken the client goes, and the member is not blamed.
    """
    rig = make_rig(1, listener="write-timeout = 20", member="timeout=5 maxfails=1")
    client, member = begin(rig)
    client.room = 0
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"a" * 100_000)
    rig.advance(15)
    client.take(10)
    rig.advance(15)
    assert not client.lost
    rig.advance(40)
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "client-timeout"
    assert not rig.balancer().members[0].flags & flags.IN_ERROR
    check_rest(rig)


def test_a_slow_member_pauses_the_client() -> None:
    """
    What the member does not take of a body stays with the client.
    """
    rig = make_rig()
    client, member = begin(rig, POST.replace(b"10", b"300000"))
    member.room = 1000
    client.send(b"a" * 100_000)
    assert not client.reading
    client.send(b"b" * 200_000)
    member.take()
    assert client.reading
    rig.advance(0)
    assert body_of(member.taken()) == b"a" * 100_000 + b"b" * 200_000
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_a_member_that_takes_nothing_times_out() -> None:
    """
    A member that takes no byte of the body for C{timeout} fails; one that takes a few goes on.
    """
    rig = make_rig(1, member="timeout=10")
    client, member = begin(rig, POST.replace(b"10", b"300000"))
    member.room = 0
    client.send(b"a" * 100_000)
    for _ in range(5):
        rig.advance(8)
        member.take(10)
    assert not member.lost
    rig.advance(25)
    assert member.ended == "aborted"
    assert status_of(client.taken()) == 504


def test_unread_interim_answers_pause_the_member_too() -> None:
    """
    Back-pressure begins with the first byte for the client, not with the final answer.
    """
    rig = make_rig()
    client, member = begin(rig)
    client.room = 0
    hint = b"HTTP/1.1 103 Early Hints\r\n" + b"Link: </%b>\r\n" % (b"a" * 8000) * 4 + b"\r\n"
    for _ in range(3):
        member.send(hint)
    assert not member.reading
    member.send(OK)
    client.take()
    rig.advance(0)
    assert client.taken().endswith(b"ok")
