"""
AJP members.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ajp.container import (
    CPING,
    CPONG,
    OK,
    Asked,
    ask,
    asked,
    body,
    end,
    head,
    packets,
    piece,
)
from tests.proxy.rigs import CHUNKED, GET, POST, begin, body_of, check_rest, status_of
from txbalancer.testing import MemoryRig, MemoryTransport

BODY = b"0123456789"


def make_rig(
    members: int = 1, member: str = "", balancer: str = "", mount: str = "", path: str = ""
) -> MemoryRig:
    """
    Make a rig with a balancer C{shop} of AJP members.
    """
    urls = "\n".join(
        f"    ajp://10.0.0.{number}{path} {member}" for number in range(1, members + 1)
    )
    return MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\nserver-name = lb.test\n"
        f"[balancer:shop]\n{balancer}\nmembers =\n{urls}\n"
        f"[mount:/]\nto = balancer://shop/\n{mount}\n"
    )


def request_of(member: MemoryTransport) -> Asked:
    """
    Return the request that a member has got.
    """
    (packet,) = packets(member.taken())
    return asked(packet)


def test_a_request_and_its_answer() -> None:
    """
    The container is told of client and service by the protocol, and of headers as they came.
    """
    rig = make_rig(member="secret=sesam", path="/app")
    client, member = begin(
        rig,
        b"GET /a%20b;x?q=1 HTTP/1.1\r\nHost: shop.test:8080\r\nCookie: a=b\r\n"
        b"X-Forwarded-For: 9.9.9.9\r\nX-Mine: 1\r\n\r\n",
    )
    found = request_of(member)
    assert (found.method, found.protocol, found.path) == (b"GET", b"HTTP/1.1", b"/app/a%20b;x")
    assert (found.address, found.name, found.port) == (b"192.0.2.1", b"shop.test", 8080)
    assert not found.secure
    assert found.attributes["secret"] == b"sesam"
    assert found.attributes["query_string"] == b"q=1"
    assert found.attributes["AJP_REMOTE_PORT"] == b"40000"
    assert dict(found.headers) == {
        b"host": b"shop.test:8080",
        b"cookie": b"a=b",
        b"X-Forwarded-For": b"9.9.9.9",
        b"X-Mine": b"1",
    }
    member.send(head((0xA001, b"text/plain"), (b"X-A", b"b"), phrase=b"200") + piece(b"hi") + end())
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: b\r\n")
    assert b"Content-Length: 2\r\n" in answer
    assert body_of(answer) == b"hi"
    client.send(GET)
    member.send(OK)
    assert body_of(client.taken()) == b"ok"
    assert [each.reused for each in rig.outcomes] == [False, True]
    check_rest(rig)


def test_nothing_is_forwarded_twice() -> None:
    """
    What X-Forwarded-* would say is in the protocol, as in Apache; Via is not added either.
    """
    rig = make_rig(mount="via = on")
    _, member = begin(rig)
    assert request_of(member).headers == [(b"host", b"shop.test")]


def test_an_answer_in_pieces() -> None:
    """
    Packets are passed on as they come, wherever they are cut; an empty one only says flush.
    """
    rig = make_rig()
    client, member = begin(rig)
    whole = head((b"X-A", b"b")) + piece(b"hello ") + piece(b"") + piece(b"world") + end()
    for at in range(len(whole)):
        member.send(whole[at : at + 1])
    answer = client.taken()
    assert b"Transfer-Encoding: chunked" in answer
    assert body_of(answer) == b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"
    check_rest(rig)


def test_HEAD_and_304_have_no_body() -> None:
    """
    Whatever the container sends beside the head.
    """
    rig = make_rig()
    client, member = begin(rig, b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    member.send(head((0xA003, b"5")) + piece(b"hello") + end())
    answer = client.taken()
    assert b"Content-Length: 5\r\n" in answer
    assert body_of(answer) == b""
    client.send(GET)
    member.taken()
    member.send(head(status=304, phrase=b"Not Modified"))
    member.send(piece(b"x") + end())
    assert body_of(client.taken()) == b""
    check_rest(rig)


# -- bodies of requests


def test_a_body_of_known_length() -> None:
    """
    The first piece goes unasked, each further one when asked for, at last an empty one.
    """
    rig = make_rig()
    client, member = begin(rig, POST.replace(b": 10", b": 20000") + bytes(9000))
    first, piece1 = packets(member.taken())
    assert dict(asked(first).headers)[b"content-length"] == b"20000"
    assert body(piece1) == bytes(8186)
    member.send(ask())
    assert [len(body(each)) for each in packets(member.taken())] == [9000 - 8186]
    member.send(ask(100))
    assert member.taken() == b""
    client.send(bytes(11000))
    assert [len(body(each)) for each in packets(member.taken())] == [100]
    sent = 9100
    while sent < 20000:
        member.send(ask())
        (found,) = packets(member.taken())
        sent += len(body(found))
    assert sent == 20000
    member.send(ask())
    assert [body(each) for each in packets(member.taken())] == [b""]
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[0].bytes_in == 20000
    check_rest(rig)


def test_a_chunked_body() -> None:
    """
    Nothing goes unasked: the container is told that there is a body, and asks.
    """
    rig = make_rig()
    client, member = begin(rig, CHUNKED + b"5\r\nhello\r\n")
    assert (b"Transfer-Encoding", b"chunked") in request_of(member).headers
    member.send(ask())
    assert [body(each) for each in packets(member.taken())] == [b"hello"]
    member.send(ask())
    assert member.taken() == b""
    client.send(b"0\r\n\r\n")
    assert [body(each) for each in packets(member.taken())] == [b""]
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_a_container_that_does_not_ask_stops_the_client() -> None:
    """
    No more than a bound is held; the client goes on when the container has asked enough.
    """
    rig = make_rig()
    client, member = begin(rig, POST.replace(b": 10", b": 1000000"))
    sent = 0
    while client.reading:
        client.send(bytes(10000))
        sent += 10000
    assert 65536 <= sent <= 65536 + 30000
    taken = member.taken()
    assert len(taken) < 9000
    while not client.reading:
        member.send(ask())
        assert len(member.taken()) == 8186 + 6
    assert rig.outcomes == []
    client.reset()
    assert member.ended == "aborted"
    check_rest(rig)


def test_expectations_are_answered_here() -> None:
    """
    AJP has no 100 (Continue): the client gets it when the member is there.
    """
    rig = make_rig()
    client, member = begin(rig, POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert client.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"expect" not in dict(request_of(member).headers)
    client.send(BODY)
    assert [body(each) for each in packets(member.taken())] == [BODY]
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_an_answer_before_the_body_is_over() -> None:
    """
    It is passed on; the connection cannot take another request.
    """
    rig = make_rig()
    client, member = begin(rig, POST)
    member.send(OK)
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"Connection: close" in answer
    assert member.ended
    assert rig.balancer().members[0].pool.open == 0


# -- connections


def test_a_container_that_does_not_keep_the_connection() -> None:
    """
    It says so at the end of its answer.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(head((0xA003, b"2")) + piece(b"ok") + end(reuse=False))
    assert body_of(client.taken()) == b"ok"
    assert member.ended == "closed"
    check_rest(rig)


def test_a_stale_connection_is_replaced() -> None:
    """
    The request goes again over a new one, and nobody is blamed.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    client.send(GET)
    member.end()
    second = rig.accept()
    second.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[-1].tried == ()
    check_rest(rig)


def test_words_without_a_question_end_the_connection() -> None:
    """
    They must not answer the next request.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    member.send(piece(b"x"))
    assert member.ended
    check_rest(rig)


def test_W54_cping_before_each_request() -> None:
    """
    The request goes when the container has said that it is there.
    """
    rig = make_rig(member="ping=1")
    client, member = begin(rig, POST + BODY)
    assert member.taken() == CPING
    member.send(CPONG)
    request, data = packets(member.taken())
    assert asked(request).method == b"POST"
    assert body(data) == BODY
    member.send(OK)
    assert status_of(client.taken()) == 200
    client.send(GET)
    assert member.taken() == CPING
    member.send(CPONG)
    assert request_of(member).method == b"GET"
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_W54_a_silent_container_is_left_for_another() -> None:
    """
    Whatever the method: it has had nothing of the request.
    """
    rig = make_rig(2, member="ping=1")
    client, member = begin(rig, POST)
    client.send(BODY[:5])
    rig.advance(1.6)
    assert member.ended == "aborted"
    second = rig.accept()
    assert second.taken() == CPING
    second.send(CPONG)
    client.send(BODY[5:])
    request, *pieces = packets(second.taken())
    assert asked(request).method == b"POST"
    while sum(len(body(each)) for each in pieces) < 10:
        second.send(ask())
        pieces += packets(second.taken())
    assert b"".join(map(body, pieces)) == BODY
    second.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[0].tried == (("ajp://10.0.0.1", "ping-timeout"),)
    check_rest(rig)


def test_a_silent_member() -> None:
    """
    After timeout it is 504, or another member's turn.
    """
    rig = make_rig(member="timeout=5")
    client, _ = begin(rig, POST + BODY)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    check_rest(rig)


def test_a_slow_client_is_not_the_members_fault() -> None:
    """
    While the member waits for the client, its silence does not count.
    """
    rig = make_rig(member="timeout=5")
    client, member = begin(rig, CHUNKED)
    member.send(ask())
    rig.advance(7)
    client.send(b"5\r\nhello\r\n0\r\n\r\n")
    member.send(OK)
    assert status_of(client.taken()) == 200


# -- what goes wrong


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        CPONG,
        piece(b"x"),
        end(),
        b"AB\0\x01\x63",
        head((b"X", b"a\r\nb: c")),
        head((b"X", b"a\0b")),
        head((b"X Y", b"a")),
        head(status=99),
        head(status=100),
        head((b"Transfer-Encoding", b"chunked")),
        head((b"X", b"y" * 9000)),
        head((0xA003, b"1")) + piece(b"ab") + end(),
        head((0xA003, b"3")) + piece(b"ab") + end(),
        OK + piece(b"x"),
    ],
)
def test_bad_answers_are_502(said: bytes) -> None:
    """
    Nothing of them is passed on.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(said)
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert member.ended
    check_rest(rig)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (end(), "truncated"),
        (piece(b"12345678"), "bad-response"),
        (b"xx", "bad-response"),
        (head(), "bad-response"),
    ],
)
def test_a_body_that_breaks_off(said: bytes, reason: str) -> None:
    """
    The client is cut off, so that it can tell.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(head((0xA003, b"5")) + piece(b"ab"))
    member.send(said)
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == reason
    check_rest(rig)


def test_a_connection_that_ends_within_the_body() -> None:
    """
    Only the container's word is the end of an answer.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(head() + piece(b"ab"))
    member.end()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"
    check_rest(rig)


def test_a_head_too_large_for_a_packet() -> None:
    """
    The client is told, the member is not to blame; larger packets take it.
    """
    big = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Big: %b\r\n\r\n" % (b"x" * 9000)
    rig = make_rig()
    client = rig.client()
    client.send(big)
    rig.accept()
    assert status_of(client.taken()) == 431
    assert rig.outcomes[0].tried == ()
    rig.advance(0.1)
    check_rest(rig)
    rig = make_rig(member="iobuffersize=65536")
    client, member = begin(rig, big)
    assert len(dict(request_of(member).headers)[b"X-Big"]) == 9000


def test_badheader_ignore_leaves_lines_out() -> None:
    """
    A header line that is none is left out on demand, as of HTTP members.
    """
    rig = make_rig(member="badheader=ignore")
    client, member = begin(rig)
    member.send(head((b"X Y", b"a"), (b"A", b"b"), (0xA003, b"0")) + end())
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"A: b\r\n" in answer
    assert b"X Y" not in answer


# -- what the mount and the balancer ask for


def test_sessions_reverse_rules_and_edits() -> None:
    """
    All that is done for HTTP members is done here, and the route is told.
    """
    rig = make_rig(
        2,
        member="",
        balancer="stickysession = SID\nmember.route = r1",
        mount="header = set X-By %{BALANCER_WORKER_ROUTE}e",
        path="/app",
    )
    client, member = begin(rig, b"GET /x HTTP/1.1\r\nHost: a.test\r\nCookie: SID=1.r1\r\n\r\n")
    assert request_of(member).attributes["route"] == b"r1"
    member.send(head((0xA006, b"http://a.test/app/y"), (0xA003, b"0"), status=302) + end())
    answer = client.taken()
    assert b"X-By: r1\r\n" in answer
    check_rest(rig)


def test_error_override_drains_the_answer() -> None:
    """
    The page is ours; the connection stays.
    """
    rig = make_rig(mount="erroroverride = on")
    client, member = begin(rig)
    member.send(head(status=404, phrase=b"Gone fishing"))
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 404 Gone fishing\r\n")
    member.send(piece(b"secret") + end())
    client.send(GET)
    member.send(OK)
    assert body_of(client.taken()) == b"ok"
    check_rest(rig)


def test_no_upgrade() -> None:
    """
    AJP carries no other protocol.
    """
    rig = make_rig()
    _, member = begin(
        rig,
        b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    )
    assert request_of(member).headers == [(b"host", b"a.test")]


def test_a_client_that_leaves_takes_the_connection_along() -> None:
    """
    The rest of the answer would be somebody else's.
    """
    rig = make_rig()
    client, member = begin(rig)
    member.send(head() + piece(b"a"))
    client.reset()
    assert member.ended == "aborted"
    assert rig.outcomes[0].reason == "client-gone"
    check_rest(rig)


def test_a_client_that_does_not_read_stops_the_container() -> None:
    """
    Back-pressure reaches the member.
    """
    rig = make_rig()
    client, member = begin(rig)
    client.room = 1000
    member.send(head() + b"".join([piece(bytes(8000))] * 20))
    assert not member.reading
    client.take()
    assert member.reading
    member.send(end())
    assert rig.outcomes[0].reason == "ok"
    check_rest(rig)


def test_a_user_who_logged_in_is_told() -> None:
    """
    And a method without a number by its name.
    """
    rig = make_rig()
    client = rig.client()
    client.send(b"PATCH / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    (channel,) = rig.site.channels
    channel.exchange.head.user = b"ann"
    found = request_of(rig.accept())
    assert found.method == b"PATCH"
    assert found.attributes["remote_user"] == b"ann"
    assert found.attributes["auth_type"] == b"Basic"


def test_a_container_that_asks_while_the_client_does_not_read() -> None:
    """
    It gets the body; its silence does not count meanwhile.
    """
    rig = make_rig(member="timeout=5")
    client, member = begin(rig, CHUNKED + b"5\r\nhello\r\n")
    client.room = 100
    member.taken()
    member.send(head() + b"".join([piece(bytes(8000))] * 12) + ask())
    assert not member.reading
    assert [body(each) for each in packets(member.taken())] == [b"hello"]
    rig.advance(7)
    assert rig.outcomes == []
    client.take()
    client.send(b"0\r\n\r\n")
    member.send(ask() + end())
    assert rig.outcomes[0].reason == "ok"


def test_a_container_that_asks_for_more_than_there_is() -> None:
    """
    It is told so, a few times; that is no answer, and gives it no more time.
    """
    rig = make_rig(member="timeout=5")
    client, member = begin(rig, POST + BODY)
    member.taken()
    for _ in range(2):
        member.send(ask())
        rig.advance(2)
    assert [body(each) for each in packets(member.taken())] == [b"", b""]
    member.send(ask())
    rig.advance(3.5)
    assert status_of(client.taken()) == 504
    rig = make_rig()
    client, member = begin(rig)
    member.send(ask() * 16)
    assert len(packets(member.taken())) == 17
    member.send(ask())
    assert (status_of(client.taken()), member.ended) == (502, "aborted")
    rig = make_rig()
    client, member = begin(rig, POST + BODY)
    member.send(head() + piece(b"ab"))
    member.send(ask() * 17)
    assert (rig.outcomes[0].reason, client.ended) == ("bad-response", "aborted")
    check_rest(rig)


def test_a_container_that_asks_and_does_not_read() -> None:
    """
    What it asks for waits in bounds, and so does the client.
    """
    rig = make_rig(member="timeout=5")
    client, member = begin(rig, POST.replace(b": 10", b": 10000000"))
    member.taken()
    member.room = 0
    sent = 0
    for _ in range(100):
        member.send(ask())
        if client.reading:
            client.send(bytes(10000))
            sent += 10000
    assert not client.reading
    assert sent < 200_000
    member.take()
    member.send(ask() * 20)
    assert client.reading
    client.reset()
    check_rest(rig)


def test_a_reload_gives_open_connections_the_new_secret() -> None:
    """
    They stay, and say what the container wants to hear from then on.
    """
    rig = make_rig(member="secret=before")
    client, member = begin(rig)
    assert request_of(member).attributes["secret"] == b"before"
    member.send(OK)
    client.taken()
    balancer = rig.targets.balancers["shop"]
    spec = balancer.balancer.spec
    after = replace(spec.members[0], secret="after")
    balancer.reconfigure(replace(spec, members=(after,)))
    client.send(GET)
    assert request_of(member).attributes["secret"] == b"after"
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_a_mount_without_keep_alive() -> None:
    """
    Each request is its connection's last.
    """
    rig = make_rig(mount="nokeepalive = on")
    client, member = begin(rig)
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert member.ended == "closed"
    check_rest(rig)


@pytest.mark.parametrize(
    ("request_line", "said"),
    [(GET, b""), (GET.replace(b"GET", b"HEAD", 1), b""), (GET.replace(b"GET", b"HEAD", 1), b"x")],
)
def test_packets_that_take_an_answer_no_further_are_silence(
    request_line: bytes, said: bytes
) -> None:
    """
    Empty pieces of a body, with which containers flush, and any where there is none, do not hold an
    exchange beyond timeout.
    """
    rig = make_rig(member="timeout=5")
    client, member = begin(rig, request_line)
    member.send(head())
    for _ in range(4):
        rig.advance(2)
        member.send(piece(said))
    assert (member.ended, client.ended) == ("aborted", "aborted")
    assert [each.reason for each in rig.outcomes] == ["response-timeout"]
    check_rest(rig)
