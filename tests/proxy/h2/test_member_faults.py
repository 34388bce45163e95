"""
Members of HTTP/2 that refuse, break off or break rules.
"""

from __future__ import annotations

import pytest

from tests.proxy.h2.ends import Container
from tests.proxy.h2.rigs import asked, check_h2_rest, open_h2_rig
from tests.proxy.rigs import GET, POST, begin, status_of
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import frame, settings_frame


def test_a_refused_stream_is_sent_again() -> None:
    """
    Whatever the request is: the member has not acted on it (RFC 9113 8.7).
    """
    rig = open_h2_rig(2)
    client, first = asked(rig, POST + b"0123456789")
    first.end.reset(1, faults.REFUSED_STREAM)
    first.pump()
    second = Container(rig.accept())
    assert second.body(1) == b"0123456789"
    second.answer(1, body=b"ok")
    assert status_of(client.taken()) == 200
    assert rig.outcomes[0].attempts == 2


def test_a_member_that_goes_away() -> None:
    """
    What it has not seen is sent again over another connection, what it has seen it answers.
    """
    rig = open_h2_rig()
    first, member = asked(rig)
    second = rig.client()
    second.send(POST + b"0123456789")
    member.pump()
    member.raw(frames.goaway_frame(1, 0))
    other = Container(rig.accept())
    assert other.body(1) == b"0123456789"
    other.answer(1)
    assert status_of(second.taken()) == 200
    assert not member.transport.ended
    member.answer(1, body=b"ok")
    assert status_of(first.taken()) == 200
    assert member.transport.ended == "closed"
    assert [each.status for each in rig.outcomes] == [200, 200]
    check_h2_rest(rig)


def test_a_member_that_only_refuses() -> None:
    """
    There is an end to it.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    for _ in range(10):
        if not member.end.streams:
            break
        member.end.reset(max(member.end.streams), faults.REFUSED_STREAM)
        member.pump()
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "stream-refused"
    check_h2_rest(rig)


@pytest.mark.parametrize(("code", "status"), [(faults.INTERNAL_ERROR, 502), (faults.CANCEL, 502)])
def test_a_reset_before_the_answer(code: int, status: int) -> None:
    """
    A request that may have been acted on is not sent again unless that does no harm.
    """
    rig = open_h2_rig(2)
    client, member = asked(rig, POST + b"0123456789")
    member.end.reset(1, code)
    member.pump()
    assert status_of(client.taken()) == status
    assert rig.openings() == []
    check_h2_rest(rig)


def test_a_reset_within_the_answer() -> None:
    """
    The client can tell that it is not complete.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    stream = member.answer(1, b"content-length: 10", body=b"half", last=False)
    stream.reset(faults.INTERNAL_ERROR)
    member.pump()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"
    check_h2_rest(rig)


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "resets"])
def test_a_whole_answer_whose_end_is_not_said(dies: bool) -> None:
    """
    The client has as much as Content-Length says, and goes on with its connection.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    stream = member.answer(1, b"content-length: 4", body=b"half", last=False)
    if dies:
        member.transport.reset()
    else:
        stream.reset(faults.INTERNAL_ERROR)
        member.pump()
    assert not client.ended
    assert rig.outcomes[0].reason == "ok"
    check_h2_rest(rig)


def test_a_connection_that_breaks() -> None:
    """
    Every exchange on it is told; those that may be repeated are.
    """
    rig = open_h2_rig(2)
    first, member = asked(rig)
    second = rig.client()
    second.send(GET)
    elsewhere = rig.accept()
    third = rig.client()
    third.send(POST + b"0123456789")
    member.pump()
    member.transport.reset()
    rig.advance(0)
    assert status_of(third.taken()) == 502
    other = Container(elsewhere)
    for number in list(other.end.streams):
        other.answer(number)
    assert status_of(first.taken()) == 200
    assert status_of(second.taken()) == 200


@pytest.mark.parametrize(
    "written",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        settings_frame(()) + frame(frames.PUSH_PROMISE, 4, 1, bytes(4)),
        settings_frame(()) + frame(frames.HEADERS, 5, 1, b"\x80"),
    ],
)
def test_a_member_that_does_not_speak_it(written: bytes) -> None:
    """
    The connection is given up, and the member is to blame.
    """
    rig = open_h2_rig()
    client, transport = begin(rig)
    transport.send(written)
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert transport.ended == "aborted"
    check_h2_rest(rig)


@pytest.mark.parametrize(
    "lines",
    [
        [b":status: 200", b"content-length: 1"],
        [b":status: 2000"],
        [b"server: x"],
        [b":status: 200", b":status: 200"],
    ],
)
def test_bad_answers(lines: list[bytes]) -> None:
    """
    A bad answer is one stream's business: it is reset.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    member.end.streams[1].send(lines, b"", True)
    member.pump()
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert not member.transport.ended
    check_h2_rest(rig)


def test_a_body_of_another_length() -> None:
    """
    Too much of a body, too little, and one without a head.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    for lines, body in (([b"content-length: 3"], b"abcd"), ([b"content-length: 3"], b"ab")):
        number = max(member.end.streams)
        member.answer(number, *lines, last=False)
        member.end.streams[number].send_data(body, True)
        member.pump()
        assert client.ended == "aborted"
        client = rig.client()
        client.send(GET)
        member.pump()
    member.raw(frame(frames.DATA, 0, max(member.end.streams), b"x"))
    assert status_of(client.taken()) == 502
    assert {each.reason for each in rig.outcomes} == {"bad-response"}


def test_two_heads() -> None:
    """
    A second block that does not end the stream is no trailers.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    stream = member.answer(1, last=False)
    stream.send([b"x: y"], b"", False)
    member.pump()
    assert client.ended == "aborted"
