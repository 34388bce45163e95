"""
ping: a member is asked whether it is there before it gets a body (APACHE W54, H43).
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import CHUNKED, GET, OK, POST, begin, body_of, check_rest, make_rig, status_of
from txbalancer.core import flags

BODY = b"0123456789"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTS = POST[:-2] + b"Expect: 100-continue\r\n\r\n"


def asked(request: bytes = POST + BODY, members: int = 2, **options: str):
    """
    Make a rig with ping=1 and a request at its first member.
    """
    rig = make_rig(members, member="ping=1", **options)
    return rig, *begin(rig, request)


def test_W54_the_body_waits_for_the_members_word() -> None:
    """
    The head goes with Expect; the body only after 100, of which the client sees nothing.
    """
    rig, client, member = asked(members=1)
    head = member.taken()
    assert head.count(b"Expect: 100-continue\r\n") == 1
    assert body_of(head) == b""
    member.send(CONTINUE)
    assert member.taken() == BODY
    assert client.taken() == b""
    member.send(OK)
    assert status_of(client.taken()) == 200
    client.send(POST + BODY)
    assert body_of(member.taken()) == b""
    member.send(CONTINUE + OK)
    assert status_of(client.taken()) == 200
    assert [outcome.bytes_in for outcome in rig.outcomes] == [10, 10]
    check_rest(rig)


def test_W54_a_silent_member_is_left_for_another() -> None:
    """
    After ping it counts as not reached, whatever the method; the client waits no longer.
    """
    rig, client, member = asked(POST)
    client.send(BODY[:5])
    rig.advance(1.6)
    assert member.ended == "aborted"
    second = rig.accept()
    second.send(CONTINUE)
    client.send(BODY[5:])
    assert body_of(second.taken()) == BODY
    second.send(OK)
    assert status_of(client.taken()) == 200
    (outcome,) = rig.outcomes
    assert outcome.tried == (("http://10.0.0.1", "ping-timeout"),)
    assert len(rig.balancer().members[0].failures) == 1
    check_rest(rig)


def test_W54_with_apaches_numbers_it_is_out_at_once() -> None:
    """
    One miss is enough there; alone, the answer is 503.
    """
    rig = make_rig(1, member="ping=1 maxfails=1 blame=connect", balancer="forcerecovery = off")
    client, _ = begin(rig, POST + BODY)
    rig.advance(1.6)
    assert status_of(client.taken()) == 503
    assert rig.balancer().members[0].flags & flags.IN_ERROR
    check_rest(rig)


def test_W54_get_is_not_pinged() -> None:
    """
    Nor is anything else without a body.
    """
    _, _, member = asked(GET)
    assert b"Expect" not in member.taken()
    _, _, member = asked(POST.replace(b"10", b"0"))
    assert b"Expect" not in member.taken()


def test_W54_a_member_that_closes_instead() -> None:
    """
    Nothing of the body was sent, so another member can have a POST too.
    """
    rig, client, member = asked()
    member.end()
    second = rig.accept()
    second.send(CONTINUE + OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


@pytest.mark.parametrize("request_", [POST + BODY, POST + BODY[:3], POST, EXPECTS])
def test_H43_an_answer_instead_of_100_goes_to_the_client(request_) -> None:
    """
    The body is not sent, and the member is not to blame. Apache answers 500 and puts it out.
    """
    rig, client, member = asked(request_)
    member.taken()
    member.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    answer = client.taken()
    assert (status_of(answer), body_of(answer)) == (413, b"no")
    assert member.taken() == b""
    assert member.ended
    first = rig.balancer().members[0]
    assert (first.failures, first.flags & flags.IN_ERROR) == ([], 0)
    client.end()
    check_rest(rig)


def test_H43_a_long_answer_does_not_wait_for_the_client() -> None:
    """
    While it comes, the client's upload is read on and dropped.
    """
    rig, client, member = asked(POST + BODY[:3])
    member.taken()
    member.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nnot")
    client.send(BODY[3:])
    assert client.reading
    member.send(b"now")
    assert body_of(client.taken()) == b"notnow"
    assert member.taken() == b""
    check_rest(rig)


def test_W54_a_client_that_asked_itself_gets_its_100() -> None:
    """
    One Expect, one 100.
    """
    _, client, member = asked(EXPECTS)
    assert member.taken().count(b"Expect:") == 1
    member.send(CONTINUE)
    assert client.taken() == CONTINUE
    client.send(BODY)
    assert member.taken() == BODY
    member.send(OK)
    assert status_of(client.taken()) == 200


def test_W54_with_chunks_and_other_interim_answers() -> None:
    """
    A 103 is no go-ahead, but a sign of life.
    """
    rig, client, member = asked(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
    member.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    assert body_of(member.taken()) == b""
    assert client.taken().startswith(b"HTTP/1.1 103")
    rig.advance(5)
    for place in range(len(CONTINUE)):
        member.send(CONTINUE[place : place + 1])
    assert member.taken() == b"3\r\nabc\r\n0\r\n\r\n"
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_W54_an_upload_waits_and_is_whole() -> None:
    """
    What is read before the go-ahead is kept, as much as for another attempt.
    """
    size = 300000
    request = POST.replace(b"10", b"%d" % size)
    rig, client, member = asked(request)
    for _ in range(30):
        client.send(b"x" * 10000)
    assert not client.reading
    member.taken()
    member.send(CONTINUE)
    assert member.taken() == b"x" * size
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_W54_garbage_and_a_client_that_leaves() -> None:
    """
    Neither leaves anything behind.
    """
    rig, client, member = asked()
    member.send(b"garbage\r\n\r\n")
    rig.accept().send(CONTINUE + OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)
    rig, client, member = asked(POST + BODY)
    client.reset()
    assert member.ended
    check_rest(rig)
