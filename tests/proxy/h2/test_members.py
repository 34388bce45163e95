"""
Members of HTTP/2: connections that exchanges share.
"""

from __future__ import annotations

from tests.proxy.h2.ends import Browser, Container
from tests.proxy.h2.rigs import asked, check_h2_rest, open_h2_rig
from tests.proxy.rigs import GET, body_of, status_of
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import frame, settings_frame


def test_a_request_and_its_answer() -> None:
    """
    A request of HTTP/1.1 goes to a member as HTTP/2, and its answer comes back as HTTP/1.1.
    """
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_head_and_body_of_one_read_are_one_write() -> None:
    """
    Although they are two frames.
    """
    rig = open_h2_rig()
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
    rig = open_h2_rig()
    client, member = asked(rig)
    member.answer(1, last=False)
    assert client.taken().startswith(b"HTTP/1.1 200 OK\r\n")
    member.end.streams[1].send_data(b"abc")
    member.pump()
    assert client.taken() == b"3\r\nabc\r\n"
    member.end.streams[1].send_data(b"", True, [b"x-own: 1"])
    member.pump()
    assert client.taken() == b"0\r\nx-own: 1\r\n\r\n"
    check_h2_rest(rig)


def test_connections_are_shared() -> None:
    """
    One connection takes requests of many clients, and answers in any order.
    """
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_a_full_connection() -> None:
    """
    With C{maxstreams} requests on it another connection is opened, up to C{max}.
    """
    rig = open_h2_rig(member="maxstreams=2 max=2 acquire=5 maxqueue=1")
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
    rig = open_h2_rig()
    _, member = asked(rig)
    member.raw(settings_frame([(3, 1)]))
    other = rig.client()
    other.send(GET)
    assert len(rig.openings()) == 1


def test_those_that_come_while_a_connection_is_made() -> None:
    """
    They wait for it, and do not open one each.
    """
    rig = open_h2_rig()
    clients = [rig.client() for _ in range(5)]
    for each in clients:
        each.send(GET)
    member = Container(rig.accept())
    assert sorted(member.end.streams) == [1, 3, 5, 7, 9]
    for number in (1, 3, 5, 7, 9):
        member.answer(number)
    assert {status_of(each.taken()) for each in clients} == {200}
    check_h2_rest(rig)


def test_those_that_wait_for_a_connection_that_fails() -> None:
    """
    All of them are told, and go elsewhere.
    """
    rig = open_h2_rig(2, balancer="lbmethod = byrequests")
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
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_a_client_that_leaves() -> None:
    """
    Its stream is reset; the connection serves others.
    """
    rig = open_h2_rig()
    client, member = asked(rig)
    client.reset()
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert [each.reason for each in rig.outcomes] == ["client-gone"]
    other = rig.client()
    other.send(GET)
    member.pump()
    member.answer(3)
    assert status_of(other.taken()) == 200
    check_h2_rest(rig)


# -- failures


def test_interim_answers() -> None:
    """
    They are passed on, but not for ever.
    """
    rig = open_h2_rig()
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
    rig = open_h2_rig()
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
    check_h2_rest(rig)


# -- reloads


def test_a_member_that_leaves() -> None:
    """
    Its connection ends with its last exchange.
    """
    rig = open_h2_rig()
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
    rig = open_h2_rig(member="disablereuse=on")
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
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_a_deadline_of_the_clients_is_a_reset() -> None:
    """
    It goes on to the member.
    """
    rig = open_h2_rig()
    browser = Browser(rig)
    stream = browser.ask(method="POST", ended=False)
    member = Container(rig.accept())
    stream.reset(faults.CANCEL)
    browser.pump()
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    check_h2_rest(rig)


def test_an_answer_before_the_end_of_the_request() -> None:
    """
    The rest of the request is not sent any more.
    """
    rig = open_h2_rig()
    browser = Browser(rig)
    stream = browser.ask(method="POST", body=b"abc", ended=False)
    member = Container(rig.accept())
    member.answer(1, status=413)
    assert browser.status(1) == 413
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    stream.send_data(b"def", True)
    browser.pump()
    assert not browser.end.streams
    check_h2_rest(rig)


def test_fields_that_nobody_may_index() -> None:
    """
    A client's wish holds as far as the member, and a member's as far as the client.
    """
    rig = open_h2_rig()
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
