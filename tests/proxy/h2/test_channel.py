"""
Clients of HTTP/2: their requests are exchanges like others, but many at a time.
"""

from __future__ import annotations

import pytest

from tests.http2.ends import read_frames
from tests.proxy.h2.ends import Browser
from tests.proxy.h2.rigs import IN_CHUNKS, member_of, open_rig
from tests.proxy.rigs import GET, OK, check_rest, make_rig, status_of
from txbalancer.http2 import faults
from txbalancer.http2.frames import PREFACE, settings_frame


def test_a_request_and_its_answer() -> None:
    """
    A request goes to a member as HTTP/1.1, and its answer comes back as HTTP/2.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.ask("/a?b=c", b"accept: */*", b"cookie: a=b", b"cookie: c=d")
    member = rig.accept()
    sent = member.taken()
    assert sent.startswith(b"GET /a?b=c HTTP/1.1\r\nHost: 10.0.0.1\r\naccept: */*\r\n")
    assert b"\r\ncookie: a=b; c=d\r\n" in sent
    assert b"\r\nX-Forwarded-Host: shop.test\r\n" in sent
    member.send(
        b"HTTP/1.1 200 Fine\r\nServer: m\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    )
    assert browser.fields(1)[b":status"] == b"200"
    assert browser.fields(1)[b"server"] == b"m"
    assert browser.fields(1)[b"content-length"] == b"2"
    assert b"connection" not in browser.fields(1)
    assert browser.of(1)[-1] == ("data", b"ok", True)
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason, outcome.bytes_out) == (200, "ok", 2)
    assert outcome.request is not None
    assert outcome.request.version == b"2.0"
    assert outcome.request.target == b"/a?b=c"
    check_rest(rig)


def test_http1_on_the_same_listener() -> None:
    """
    What does not begin as HTTP/2 is HTTP/1, also when it comes byte by byte.
    """
    rig = open_rig()
    member = None
    for request in (
        GET,
        b"PRI / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PATCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        client = rig.client()
        for at in range(len(request)):
            client.send(request[at : at + 1])
        member = member or rig.accept()
        assert member.taken().startswith(request.split(b" ")[0] + b" / HTTP/1.1\r\n")
        member.send(OK)
        assert status_of(client.taken()) == 200


def test_the_preface_in_pieces() -> None:
    """
    So may HTTP/2 be.
    """
    rig = open_rig()
    client = rig.client()
    for byte in PREFACE + settings_frame(()):
        client.send(bytes((byte,)))
    assert [kind for kind, *_ in read_frames(client.taken())] == [4, 8, 4]


def test_without_h2c_there_is_no_http2() -> None:
    """
    By default the preface is no request.
    """
    client = make_rig(1).client()
    client.send(PREFACE)
    assert status_of(client.taken()) in (400, 505)


def test_many_at_a_time() -> None:
    """
    Exchanges of a connection do not wait for each other.
    """
    rig = open_rig()
    browser = Browser(rig)
    members = []
    for _ in range(5):
        browser.ask()
        members.append(rig.accept())
    for number in (4, 2, 0, 1, 3):
        members[number].send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
    for number in range(5):
        assert browser.body(2 * number + 1) == b"%d" % number
    check_rest(rig)


def test_own_answers() -> None:
    """
    Redirects, statuses and errors are answered here; HEAD gets no body.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.ask("/old")
    browser.ask("/gone")
    browser.ask("/gone", method="HEAD")
    browser.ask("/%zz")
    browser.ask("/x" * 5000)
    assert [browser.status(number) for number in (1, 3, 5, 7, 9)] == [302, 410, 410, 400, 414]
    assert browser.fields(1)[b"location"] == b"https://shop.test/new"
    assert browser.body(3)
    assert browser.body(5) == b""
    assert [outcome.status for outcome in rig.outcomes] == [302, 410, 410, 400, 414]


def test_answers_of_one_read_go_out_in_one_write() -> None:
    """
    However many requests came at once.
    """
    rig = open_rig()
    browser = Browser(rig)
    for _ in range(3):
        stream = browser.end.request("/gone")
        assert stream.sent_end
    written: list[bytes] = []
    transport = browser.transport
    write = transport.write
    transport.write = lambda data: (written.append(data), write(data))[1]  # type: ignore[method-assign]
    browser.pump()
    assert len(written) == 1
    assert [browser.status(number) for number in (1, 3, 5)] == [410] * 3


def test_a_malformed_request_is_reset_and_recorded() -> None:
    """
    It is not answered (RFC 9113 8.1.1); others on the connection go on.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.ask("/", b"transfer-encoding: chunked", b"x: y")
    stream = browser.ask("no-path")
    assert browser.of(stream.number) == [("broke-off", faults.PROTOCOL_ERROR)]
    assert [(each.status, each.reason) for each in rig.outcomes] == [(400, "malformed")]
    member = rig.accept()
    member.send(OK)
    assert browser.status(1) == 200


def test_bodies_both_ways_with_trailers() -> None:
    """
    Pieces go on as they come; a body of unknown length is chunked for the member.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask(method="POST", body=b"abc", ended=False)
    member = rig.accept()
    assert member.taken().endswith(
        b"Transfer-Encoding: chunked\r\nConnection: Keep-Alive\r\n\r\n3\r\nabc\r\n"
    )
    stream.send_data(b"", True, [b"x-sum: 3", b"content-length: 7"])
    browser.pump()
    assert member.taken() == b"0\r\nx-sum: 3\r\n\r\n"
    member.send(IN_CHUNKS + b"2\r\nok\r\n")
    assert browser.of(1)[1:] == [("data", b"ok", False)]
    member.send(b"0\r\nX-Own: 1\r\n\r\n")
    assert browser.of(1)[2:] == [("fields", [(b"x-own", b"1")], True)]
    check_rest(rig)


def test_a_body_of_known_length() -> None:
    """
    Keeps it; one of another length is malformed.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.ask("/", b"content-length: 3", method="POST", body=b"abc")
    member = rig.accept()
    assert b"Content-Length: 3\r\n" in member.taken()
    member.send(OK)
    for body in (b"ab", b"abcd"):
        stream = browser.ask("/", b"content-length: 3", method="POST", body=body)
        assert browser.of(stream.number)[-1] == ("broke-off", faults.PROTOCOL_ERROR)
    for opening in rig.openings():
        opening.accept()
    assert [each.status for each in rig.outcomes] == [200, 0, 0]
    check_rest(rig)


def test_trailers_before_the_end_of_a_body() -> None:
    """
    A body with a length has to be complete before its trailers.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask("/", b"content-length: 3", method="POST", body=b"ab", ended=False)
    rig.accept()
    stream.send_data(b"", True, [b"x: y"])
    assert browser.of(1) == [("broke-off", faults.PROTOCOL_ERROR)]
    assert rig.outcomes[0].reason == "malformed"


def test_interim_answers() -> None:
    """
    103 goes on to clients, 100 to those that wait for it.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask("/", b"expect: 100-continue", method="POST", ended=False)
    member = rig.accept()
    assert b"Expect: 100-continue\r\n" in member.taken()
    member.send(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    assert [each[1] for each in browser.of(1)] == [
        [(b":status", b"103"), (b"link", b"x")],
        [(b":status", b"100")],
    ]
    stream.send_data(b"abc", True)
    browser.pump()
    member.send(OK)
    assert browser.body(1) == b"ok"


def test_an_answer_before_the_end_of_the_request() -> None:
    """
    It is complete, and the rest of the request is declined without blame (RFC 9113 8.1).
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask("/gone", b"expect: 100-continue", method="POST", ended=False)
    assert browser.status(stream.number) == 410
    assert browser.of(stream.number)[-1] == ("broke-off", faults.NO_ERROR)
    assert not browser.end.streams


@pytest.mark.parametrize("way", ["end", "much", "silence", "trailers", "reset"])
def test_a_client_that_goes_on_sending_after_its_answer(way: str) -> None:
    """
    It is given a little time and room: clients that are reset while they send lose the answer.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask("/gone", method="POST", body=b"x" * 70000, ended=False)
    assert browser.status(1) == 410
    assert browser.of(1)[-1][-1] is True
    for _ in range(30):
        stream.send_data(b"x" * 16384)
        browser.pump()
    assert stream.number in browser.end.streams
    if way == "end":
        stream.send_data(b"", True)
    elif way == "trailers":
        stream.send_data(b"", True, [b"x: y"])
    elif way == "reset":
        stream.reset(faults.CANCEL)
    elif way == "silence":
        rig.advance(6)
    else:
        for _ in range(300):
            stream.send_data(b"x" * 16384)
            browser.pump()
    assert ("broke-off", faults.NO_ERROR) in browser.of(1) or way not in ("much", "silence")
    assert not browser.end.streams
    rig.advance(10)
    (channel,) = rig.site.channels
    assert not channel.connection.streams
    check_rest(rig)


def test_a_client_that_resets() -> None:
    """
    Its member is let go, without blame.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = browser.ask()
    member = rig.accept()
    stream.reset(faults.CANCEL)
    browser.pump()
    assert member.ended == "aborted"
    assert [(each.status, each.reason) for each in rig.outcomes] == [(0, "client-gone")]
    assert rig.balancer().members[0].pool.open == 0
    check_rest(rig)


def test_a_client_that_leaves() -> None:
    """
    All that was in progress is over.
    """
    rig = open_rig()
    browser = Browser(rig)
    members = []
    for _ in range(3):
        browser.ask()
        members.append(rig.accept())
    browser.transport.reset()
    assert [each.reason for each in rig.outcomes] == ["client-gone"] * 3
    assert {each.ended for each in members} == {"aborted"}
    assert not rig.site.channels
    check_rest(rig)


def test_a_client_that_sends_no_more() -> None:
    """
    What is complete is still answered; then the connection ends.
    """
    rig = open_rig()
    browser = Browser(rig)
    member = member_of(rig, browser)
    browser.ask(method="POST", body=b"a", ended=False)
    browser.transport.end()
    assert [each.reason for each in rig.outcomes] == ["client-gone"]
    member.send(OK)
    assert browser.body(1) == b"ok"
    assert browser.transport.ended or browser.transport.half_closed


def test_a_broken_answer_resets_the_stream() -> None:
    """
    The client can tell that it is not complete.
    """
    rig = open_rig()
    browser = Browser(rig)
    member = member_of(rig, browser)
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    member.reset()
    assert browser.of(1)[-1] == ("broke-off", faults.INTERNAL_ERROR)
    assert rig.outcomes[0].reason == "truncated"
    check_rest(rig)
