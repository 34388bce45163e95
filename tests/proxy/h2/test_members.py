"""
Members of HTTP/2: connections that exchanges share.
"""

from __future__ import annotations

import pytest

from tests.proxy.h2.ends import Browser, Container
from tests.proxy.rigs import GET, POST, begin, body_of, status_of
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import frame, settings_frame, window_frame
from txbalancer.http2.limits import Limits
from txbalancer.testing import MemoryRig, MemoryTransport


def open_rig(members: int = 1, member: str = "", balancer: str = "") -> MemoryRig:
    """
    Make a rig whose members speak HTTP/2 without TLS.
    """
    urls = "\n".join(f"    h2c://10.0.0.{number} {member}" for number in range(1, members + 1))
    return MemoryRig(
        "[listener:web]\nendpoint = tcp:80\nserver-name = lb.test\nh2c = on\n"
        f"[balancer:shop]\n{balancer}\nmembers =\n{urls}\n"
        "[mount:/]\nto = balancer://shop/\n"
    )


def asked(rig: MemoryRig, request: bytes = GET) -> tuple[MemoryTransport, Container]:
    """
    Send a request over new connections.
    """
    client, transport = begin(rig, request)
    return client, Container(transport)


def check_rest(rig: MemoryRig) -> None:
    """
    Check that no exchange has left anything behind.
    """
    for member in rig.balancer().members:
        assert member.busy == 0
        pool = member.pool
        assert pool.at_rest == pool.open - pool.connecting
        assert not pool._waiting
    links = {id(each) for member in rig.balancer().members for each in member.pool._connections}
    timed = {id(each) for each in rig.runtime.deadlines.each()}
    assert timed == links | {id(channel) for channel in rig.site.channels}


def test_a_request_and_its_answer() -> None:
    """
    A request of HTTP/1.1 goes to a member as HTTP/2, and its answer comes back as HTTP/1.1.
    """
    rig = open_rig()
    client, member = asked(
        rig, b"GET /a?b HTTP/1.1\r\nHost: shop.test\r\nX-Own: 1\r\nTE: trailers\r\n\r\n"
    )
    ((what, fields, ended),) = member.of(1)
    assert (what, ended) == ("fields", True)
    assert fields[:4] == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/a?b"),
        (b":authority", b"10.0.0.1"),
    ]
    assert (b"x-own", b"1") in fields
    assert (b"te", b"trailers") in fields
    assert (b"x-forwarded-server", b"lb.test") in fields
    assert (b"x-forwarded-proto", b"http") in fields
    assert not {b"host", b"connection", b"keep-alive"} & dict(fields).keys()
    member.answer(1, b"content-length: 2", b"server: m", body=b"ok")
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nserver: m\r\n")
    assert b"\r\nContent-Length: 2\r\n" in answer
    assert body_of(answer) == b"ok"
    assert [(each.status, each.reason) for each in rig.outcomes] == [(200, "ok")]
    check_rest(rig)


def test_head_and_body_of_one_read_are_one_write() -> None:
    """
    Although they are two frames.
    """
    rig = open_rig()
    client, member = asked(rig)
    stream = member.end.streams[1]
    stream.send([b":status: 200"], b"", False)
    stream.send_data(b"ok", True)
    written: list[bytes] = []
    write = client.write
    client.write = lambda data: (written.append(data), write(data))[1]  # type: ignore[method-assign]
    member.pump()
    assert len(written) == 1
    assert b"Content-Length" not in written[0] or body_of(written[0]) == b"ok"


def test_a_head_whose_body_comes_later() -> None:
    """
    It is not held back.
    """
    rig = open_rig()
    client, member = asked(rig)
    member.answer(1, last=False)
    assert client.taken().startswith(b"HTTP/1.1 200 OK\r\n")
    member.end.streams[1].send_data(b"abc")
    member.pump()
    assert client.taken() == b"3\r\nabc\r\n"
    member.end.streams[1].send_data(b"", True, [b"x-own: 1"])
    member.pump()
    assert client.taken() == b"0\r\nx-own: 1\r\n\r\n"
    check_rest(rig)


def test_connections_are_shared() -> None:
    """
    One connection takes requests of many clients, and answers in any order.
    """
    rig = open_rig()
    first, member = asked(rig)
    others = [rig.client() for _ in range(4)]
    for each in others:
        each.send(GET)
    member.pump()
    assert rig.openings() == []
    assert sorted(member.end.streams) == [1, 3, 5, 7, 9]
    for number in (9, 1, 5, 3, 7):
        member.answer(number, body=b"%d" % number)
    answers = [body_of(each.taken()) for each in (first, *others)]
    assert answers == [
        b"1\r\n1\r\n0\r\n\r\n",
        *(b"1\r\n%d\r\n0\r\n\r\n" % number for number in (3, 5, 7, 9)),
    ]
    check_rest(rig)


def test_a_full_connection() -> None:
    """
    With C{maxstreams} requests on it another connection is opened, up to C{max}.
    """
    rig = open_rig(member="maxstreams=2 max=2 acquire=5 maxqueue=1")
    _, first = asked(rig)
    clients = [rig.client() for _ in range(4)]
    clients[0].send(GET)
    clients[1].send(GET)
    second = Container(rig.accept())
    clients[2].send(GET)
    clients[3].send(GET)
    first.pump()
    second.pump()
    assert rig.openings() == []
    assert (len(first.end.streams), len(second.end.streams)) == (2, 2)
    first.answer(1)
    assert sorted(first.end.streams) == [3, 5]
    late = rig.client()
    late.send(GET)
    later = rig.client()
    later.send(GET)
    assert status_of(later.taken()) == 503
    rig.advance(6)
    assert status_of(late.taken()) == 503


def test_what_the_member_allows() -> None:
    """
    Its SETTINGS_MAX_CONCURRENT_STREAMS counts too.
    """
    rig = open_rig()
    _, member = asked(rig)
    member.raw(settings_frame([(3, 1)]))
    other = rig.client()
    other.send(GET)
    assert len(rig.openings()) == 1


def test_those_that_come_while_a_connection_is_made() -> None:
    """
    They wait for it, and do not open one each.
    """
    rig = open_rig()
    clients = [rig.client() for _ in range(5)]
    for each in clients:
        each.send(GET)
    member = Container(rig.accept())
    assert sorted(member.end.streams) == [1, 3, 5, 7, 9]
    for number in (1, 3, 5, 7, 9):
        member.answer(number)
    assert {status_of(each.taken()) for each in clients} == {200}
    check_rest(rig)


def test_those_that_wait_for_a_connection_that_fails() -> None:
    """
    All of them are told, and go elsewhere.
    """
    rig = open_rig(2, balancer="lbmethod = byrequests")
    clients = [rig.client() for _ in range(4)]
    for each in clients:
        each.send(GET)
    first, second = rig.openings()
    first.fail()
    member = Container(second.accept())
    for number in sorted(member.end.streams):
        member.answer(number)
    assert {status_of(each.taken()) for each in clients} == {200}


def test_a_client_that_leaves_while_its_connection_is_made() -> None:
    """
    The connection is kept for others.
    """
    rig = open_rig()
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    client.reset()
    member = Container(opening.accept())
    assert not member.end.streams
    other = rig.client()
    other.send(GET)
    member.pump()
    assert rig.openings() == []
    member.answer(1)
    assert status_of(other.taken()) == 200
    check_rest(rig)


def test_a_client_that_leaves() -> None:
    """
    Its stream is reset; the connection serves others.
    """
    rig = open_rig()
    client, member = asked(rig)
    client.reset()
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert [each.reason for each in rig.outcomes] == ["client-gone"]
    other = rig.client()
    other.send(GET)
    member.pump()
    member.answer(3)
    assert status_of(other.taken()) == 200
    check_rest(rig)


# -- failures


def test_a_refused_stream_is_sent_again() -> None:
    """
    Whatever the request is: the member has not acted on it (RFC 9113 8.7).
    """
    rig = open_rig(2)
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
    rig = open_rig()
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
    check_rest(rig)


def test_a_member_that_only_refuses() -> None:
    """
    There is an end to it.
    """
    rig = open_rig()
    client, member = asked(rig)
    for _ in range(10):
        if not member.end.streams:
            break
        member.end.reset(max(member.end.streams), faults.REFUSED_STREAM)
        member.pump()
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "stream-refused"
    check_rest(rig)


@pytest.mark.parametrize(("code", "status"), [(faults.INTERNAL_ERROR, 502), (faults.CANCEL, 502)])
def test_a_reset_before_the_answer(code: int, status: int) -> None:
    """
    A request that may have been acted on is not sent again unless that does no harm.
    """
    rig = open_rig(2)
    client, member = asked(rig, POST + b"0123456789")
    member.end.reset(1, code)
    member.pump()
    assert status_of(client.taken()) == status
    assert rig.openings() == []
    check_rest(rig)


def test_a_reset_within_the_answer() -> None:
    """
    The client can tell that it is not complete.
    """
    rig = open_rig()
    client, member = asked(rig)
    stream = member.answer(1, b"content-length: 10", body=b"half", last=False)
    stream.reset(faults.INTERNAL_ERROR)
    member.pump()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"
    check_rest(rig)


def test_a_connection_that_breaks() -> None:
    """
    Every exchange on it is told; those that may be repeated are.
    """
    rig = open_rig(2)
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
    rig = open_rig()
    client, transport = begin(rig)
    transport.send(written)
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert transport.ended == "aborted"
    check_rest(rig)


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
    rig = open_rig()
    client, member = asked(rig)
    member.end.streams[1].send(lines, b"", True)
    member.pump()
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert not member.transport.ended
    check_rest(rig)


def test_a_body_of_another_length() -> None:
    """
    Too much of a body, too little, and one without a head.
    """
    rig = open_rig()
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
    rig = open_rig()
    client, member = asked(rig)
    stream = member.answer(1, last=False)
    stream.send([b"x: y"], b"", False)
    member.pump()
    assert client.ended == "aborted"


def test_interim_answers() -> None:
    """
    They are passed on, but not for ever.
    """
    rig = open_rig()
    client, member = asked(rig)
    member.end.streams[1].send([b":status: 103", b"link: x"], b"", False)
    member.pump()
    assert client.taken() == b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    for _ in range(9):
        if 1 in member.end.streams:
            member.end.streams[1].send([b":status: 102"], b"", False)
            member.pump()
    assert b" 502 " in client.taken()


def test_heads_without_bodies() -> None:
    """
    HEAD, 204 and 304 have none, whatever length they speak of.
    """
    rig = open_rig()
    client, member = asked(rig, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    member.answer(1, b"content-length: 5")
    assert client.taken().endswith(b"Content-Length: 5\r\n\r\n")
    client.send(GET)
    member.pump()
    member.answer(3, status=204)
    assert client.taken().startswith(b"HTTP/1.1 204 ")
    client.send(GET)
    member.pump()
    member.answer(5)
    assert b"\r\nContent-Length: 0\r\n" in client.taken()
    check_rest(rig)


# -- flow control


def test_a_slow_client_holds_up_nobody_else() -> None:
    """
    What its member sends waits, no more than the stream's window; others go on.
    """
    rig = open_rig()
    client, member = asked(rig)
    client.room = 0
    stream = member.answer(1, last=False)
    for _ in range(100):
        stream.send_data(b"x" * 16384)
        member.pump()
    held = 100 * 16384 - stream.queued
    assert held < 400_000
    for _ in range(5):
        other = rig.client()
        other.send(GET)
        member.pump()
        member.answer(max(member.end.streams), body=b"y" * 100_000)
        assert other.taken().count(b"y") == 100_000
    stream.send_data(b"", True)
    got = b""
    for _ in range(200):
        client.take(16384)
        got += client.taken()
        member.pump()
        rig.advance(0.01)
    assert got.count(b"x") == 100 * 16384
    check_rest(rig)


def test_clients_that_leave_before_they_read() -> None:
    """
    What waited for them is given back to the window of the connection, which others share.
    """
    rig = open_rig()
    client, member = asked(rig)
    for _ in range(10):
        client.room = 0
        stream = member.answer(max(member.end.streams), last=False)
        for _ in range(20):
            stream.send_data(b"x" * 16384)
            member.pump()
        before = member.end.window
        client.reset()
        member.pump()
        assert member.end.window >= before
        client = rig.client()
        client.send(GET)
        member.pump()
    assert member.end.window > 6 * 1024**2
    member.answer(max(member.end.streams), body=b"y" * 100_000)
    assert client.taken().count(b"y") == 100_000
    check_rest(rig)


def test_a_member_without_a_window() -> None:
    """
    A request's body waits for it, and reading the client waits with it.
    """
    rig = open_rig()
    client = rig.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
    member = Container(rig.accept())
    member.raw(settings_frame([(4, 10)]))
    client.send(b"x" * 15)
    assert member.body(1) == b"x" * 10
    assert not client.reading
    member.raw(window_frame(1, 100))
    assert client.reading
    client.send(b"x" * 5)
    assert member.body(1) == b"x" * 20
    assert member.of(1)[-1][-1] is True
    member.answer(1)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_a_member_that_never_opens_its_window() -> None:
    """
    After C{timeout} it has failed.
    """
    rig = open_rig(member="timeout=5")
    client = rig.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
    member = Container(rig.accept())
    member.raw(settings_frame([(4, 10)]))
    client.send(b"x" * 20)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert not member.transport.ended


# -- times


def test_a_silent_member() -> None:
    """
    C{timeout} is for each exchange; the stream is reset and the connection stays.
    """
    rig = open_rig(member="timeout=5")
    client, member = asked(rig)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    assert rig.outcomes[0].reason == "response-timeout"
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert not member.transport.ended
    check_rest(rig)


def test_silence_within_an_answer() -> None:
    """
    It breaks off.
    """
    rig = open_rig(member="timeout=5")
    client, member = asked(rig)
    member.answer(1, last=False)
    rig.advance(4)
    member.end.streams[1].send_data(b"x")
    member.pump()
    rig.advance(4)
    assert client.ended == ""
    rig.advance(2)
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "response-timeout"


def test_empty_frames_within_an_answer_are_silence() -> None:
    """
    They do not hold an exchange beyond timeout.
    """
    rig = open_rig(member="timeout=5")
    client, member = asked(rig)
    member.answer(1, last=False)
    for _ in range(4):
        rig.advance(2)
        member.raw(frame(frames.DATA, 0, 1, b""))
    assert client.ended == "aborted"
    assert [each.reason for each in rig.outcomes] == ["response-timeout"]


def test_a_member_that_is_gone_without_a_word() -> None:
    """
    A member that says nothing at all is pinged; without an answer its connection is given up.
    """
    rig = open_rig(member="timeout=600")
    client, transport = begin(rig)
    transport.taken()
    rig.advance(16)
    kinds = transport.taken()
    assert b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" in kinds
    rig.advance(16)
    assert transport.ended == "aborted"
    assert rig.outcomes[0].reason == "response-timeout"
    assert status_of(client.taken()) == 504


def test_a_member_that_only_thinks() -> None:
    """
    One that answers pings is waited for.
    """
    rig = open_rig(member="timeout=600")
    client, member = asked(rig)
    for _ in range(20):
        rig.advance(10)
        member.pump()
    assert not member.transport.ended
    member.answer(1)
    assert status_of(client.taken()) == 200


def test_idle_connections_age() -> None:
    """
    After C{ttl} an idle connection is closed.
    """
    rig = open_rig(member="ttl=10")
    _, member = asked(rig)
    member.answer(1)
    rig.advance(11)
    member.pump()
    assert member.transport.ended == "closed"
    assert member.goaways == [(0, 0)]
    check_rest(rig)


def test_ping_before_a_body() -> None:
    """
    With C{ping} a member has to say that it is there before it gets a body.
    """
    rig = open_rig(2, member="ping=3")
    client, transport = begin(rig, POST + b"0123456789")
    member = Container(transport)
    assert member.body(1) == b"0123456789"
    assert b"expect" not in dict(member.of(1)[0][1])
    member.answer(1)
    assert status_of(client.taken()) == 200
    client, transport = begin(rig, POST + b"0123456789")
    rig.advance(4)
    member.pump()
    assert member.body(3) == b"0123456789"
    member.answer(3)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[-1].tried[0][1] == "ping-timeout"


# -- reloads


def test_a_member_that_leaves() -> None:
    """
    Its connection ends with its last exchange.
    """
    rig = open_rig()
    client, member = asked(rig)
    rig.balancer().members[0].pool.leave()
    assert not member.transport.ended
    member.answer(1)
    assert status_of(client.taken()) == 200
    assert member.transport.ended == "closed"


def test_a_connection_for_one_request() -> None:
    """
    With C{disablereuse} each request has its own.
    """
    rig = open_rig(member="disablereuse=on")
    client, member = asked(rig)
    other = rig.client()
    other.send(GET)
    assert len(rig.openings()) == 1
    member.answer(1)
    assert status_of(client.taken()) == 200
    assert member.transport.ended == "closed"


# -- both sides


def test_http2_on_both_sides() -> None:
    """
    Bodies both ways at once, with trailers, as gRPC has them.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask("/svc/Method", b"te: trailers", method="POST", ended=False)
    member = Container(rig.accept())
    for number in range(5):
        stream.send_data(b"ping %d" % number)
        browser.pump()
        assert member.body(1).endswith(b"ping %d" % number)
        if number == 0:
            member.answer(1, b"content-type: application/grpc", last=False)
        member.end.streams[1].send_data(b"pong %d" % number)
        member.pump()
        assert browser.body(1).endswith(b"pong %d" % number)
    stream.send_data(b"", True)
    browser.pump()
    assert member.of(1)[-1] == ("data", b"", True)
    member.end.streams[1].send_data(b"", True, [b"grpc-status: 0"])
    member.pump()
    assert browser.of(1)[-1] == ("fields", [(b"grpc-status", b"0")], True)
    assert rig.outcomes[0].reason == "ok"
    check_rest(rig)


def test_a_deadline_of_the_clients_is_a_reset() -> None:
    """
    It goes on to the member.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask(method="POST", ended=False)
    member = Container(rig.accept())
    stream.reset(faults.CANCEL)
    browser.pump()
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    check_rest(rig)


def test_an_answer_before_the_end_of_the_request() -> None:
    """
    The rest of the request is not sent any more.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask(method="POST", body=b"abc", ended=False)
    member = Container(rig.accept())
    member.answer(1, status=413)
    assert browser.status(1) == 413
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    stream.send_data(b"def", True)
    browser.pump()
    assert not browser.end.streams
    check_rest(rig)


def test_windows_both_ways() -> None:
    """
    A large body through two connections, with small windows on both.
    """
    rig = open_rig()
    browser = Browser(rig, Limits(window=3000, connection_window=65535))
    stream = browser.ask(method="POST", ended=False)
    member = Container(rig.accept(), Limits(window=5000, connection_window=65535))
    member.raw(settings_frame([(4, 5000)]))
    stream.send_data(b"x" * 500_000, True)
    browser.pump()
    for _ in range(2000):
        member.pump()
        browser.pump()
        if not stream.queued:
            break
    assert len(member.body(1)) == 500_000
    member.answer(1, body=b"y" * 400_000)
    for _ in range(2000):
        browser.pump()
        member.pump()
        if not browser.end.streams:
            break
    assert len(browser.body(1)) == 400_000
    check_rest(rig)


def test_fields_that_nobody_may_index() -> None:
    """
    A client's wish holds as far as the member, and a member's as far as the client.
    """
    rig = open_rig()
    browser = Browser(rig)
    head = b"\x83\x86\x84\x41\x09shop.test" + b"\x10\x05x-pin\x041234"
    browser.end.next = 3
    transport = None
    for number in (3, 5, 7):
        browser.raw(frame(frames.HEADERS, 5, number, head))
        transport = transport or rig.accept()
    assert transport is not None
    assert transport.taken().count(b"\x10\x05x-pin\x041234") == 3
    transport.send(settings_frame(()))
    for number in (1, 3, 5):
        transport.send(frame(frames.HEADERS, 5, number, b"\x88\x10\x05x-tan\x045678"))
    assert browser.transport.taken().count(b"\x10\x05x-tan\x045678") == 3
