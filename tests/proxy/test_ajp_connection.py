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
    ask,
    asked,
    body,
    end,
    head,
    packets,
    piece,
)
from tests.proxy.packets import BODY, ajp_rig, request_of
from tests.proxy.rigs import GET, POST, begin, body_of, check_rest, status_of

HEAD = GET.replace(b"GET", b"HEAD", 1)


def test_a_request_and_its_answer() -> None:
    """
    The container is told of client and service by the protocol, and of headers as they came.
    """
    rig = ajp_rig(member="secret=sesam", path="/app")
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
    rig = ajp_rig(mount="via = on")
    _, member = begin(rig)
    assert request_of(member).headers == [(b"host", b"shop.test")]


def test_an_answer_in_pieces() -> None:
    """
    Packets are passed on as they come, wherever they are cut; an empty one only says flush.
    """
    rig = ajp_rig()
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
    rig = ajp_rig()
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


# -- connections


def test_a_container_that_does_not_keep_the_connection() -> None:
    """
    It says so at the end of its answer.
    """
    rig = ajp_rig()
    client, member = begin(rig)
    member.send(head((0xA003, b"2")) + piece(b"ok") + end(reuse=False))
    assert body_of(client.taken()) == b"ok"
    assert member.ended == "closed"
    check_rest(rig)


def test_a_stale_connection_is_replaced() -> None:
    """
    The request goes again over a new one, and nobody is blamed.
    """
    rig = ajp_rig()
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


def test_W54_cping_before_each_request() -> None:
    """
    The request goes when the container has said that it is there.
    """
    rig = ajp_rig(member="ping=1")
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
    rig = ajp_rig(2, member="ping=1")
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


# -- what goes wrong


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
    rig = ajp_rig()
    client, member = begin(rig)
    member.send(head((0xA003, b"5")) + piece(b"ab"))
    member.send(said)
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == reason
    check_rest(rig)


def test_a_head_too_large_for_a_packet() -> None:
    """
    The client is told, the member is not to blame; larger packets take it.
    """
    big = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Big: %b\r\n\r\n" % (b"x" * 9000)
    rig = ajp_rig()
    client = rig.client()
    client.send(big)
    rig.accept()
    assert status_of(client.taken()) == 431
    assert rig.outcomes[0].tried == ()
    rig.advance(0.1)
    check_rest(rig)
    rig = ajp_rig(member="iobuffersize=65536")
    client, member = begin(rig, big)
    assert len(dict(request_of(member).headers)[b"X-Big"]) == 9000


def test_badheader_ignore_leaves_lines_out() -> None:
    """
    A header line that is none is left out on demand, as of HTTP members.
    """
    rig = ajp_rig(member="badheader=ignore")
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
    rig = ajp_rig(
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
    rig = ajp_rig(mount="erroroverride = on")
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
    rig = ajp_rig()
    _, member = begin(
        rig,
        b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    )
    assert request_of(member).headers == [(b"host", b"a.test")]


def test_a_user_who_logged_in_is_told() -> None:
    """
    And a method without a number by its name.
    """
    rig = ajp_rig()
    client = rig.client()
    client.send(b"PATCH / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    (channel,) = rig.site.channels
    channel.exchange.head.user = b"ann"
    found = request_of(rig.accept())
    assert found.method == b"PATCH"
    assert found.attributes["remote_user"] == b"ann"
    assert found.attributes["auth_type"] == b"Basic"


def test_a_reload_gives_open_connections_the_new_secret() -> None:
    """
    They stay, and say what the container wants to hear from then on.
    """
    rig = ajp_rig(member="secret=before")
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


@pytest.mark.parametrize(
    ("request_line", "said", "end", "reason"),
    [
        (GET, b"", "aborted", "response-timeout"),
        (HEAD, b"", "", "ok"),
        (HEAD, b"x", "", "ok"),
    ],
)
def test_packets_that_take_an_answer_no_further_are_silence(
    request_line: bytes, said: bytes, end: str, reason: str
) -> None:
    """
    Empty pieces of a body, with which containers flush, and any where there is none, do not hold an
    exchange beyond timeout. A client that has asked for a head only has all by then.
    """
    rig = ajp_rig(member="timeout=5")
    client, member = begin(rig, request_line)
    member.send(head())
    for _ in range(4):
        rig.advance(2)
        member.send(piece(said))
    assert (member.ended, client.ended) == ("aborted", end)
    assert [each.reason for each in rig.outcomes] == [reason]
    check_rest(rig)
