"""
Clients of HTTP/2: their requests are exchanges like others, but many at a time.
"""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address

from tests.http2.ends import read_frames
from tests.proxy.h2.ends import Browser
from tests.proxy.rigs import GET, OK, check_rest, make_rig, status_of
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import PREFACE, frame, settings_frame, window_frame
from txbalancer.http2.limits import Limits
from txbalancer.proxy.h2.channel import H2Channel
from txbalancer.testing import MemoryRig, MemoryTransport

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def open_rig(listener: str = "") -> MemoryRig:
    """
    Make a rig whose listener takes HTTP/2 without TLS.

    @param listener: further options of the listener.
    """
    return MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\nserver-name = lb.test\nh2c = on\n{listener}\n"
        "[balancer:shop]\nmembers = http://10.0.0.1\n"
        "[mount:/old]\nto = redirect:https://$host/new\n[mount:/gone]\nto = status:410\n"
        "[mount:/]\nto = balancer://shop/\n"
    )


def member_of(
    rig: MemoryRig, browser: Browser, *more: bytes, **of_request: object
) -> MemoryTransport:
    """
    Make a request and accept the connection that it makes.
    """
    browser.ask("/", *more, **of_request)  # type: ignore[arg-type]
    return rig.accept()


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
    member.send(CHUNKED + b"2\r\nok\r\n")
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


# -- flow control


def test_a_client_without_a_window_stops_its_member() -> None:
    """
    An answer waits for the client's window, and reading the member waits with it.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.raw(settings_frame([(4, 10)]))
    browser.ask()
    member = rig.accept()
    member.send(CHUNKED + b"14\r\n" + b"x" * 20 + b"\r\n")
    assert browser.body(1) == b"x" * 10
    assert not member.reading
    member.send(b"0\r\n\r\n")
    browser.raw(window_frame(1, 100))
    assert member.reading
    member.settle()
    assert browser.body(1) == b"x" * 20
    assert browser.of(1)[-1][-1] is True
    check_rest(rig)


def test_others_are_served_meanwhile() -> None:
    """
    A stream without a window is the business of that stream alone.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.raw(settings_frame([(4, 0)]))
    first = member_of(rig, browser)
    second = member_of(rig, browser)
    first.send(CHUNKED + b"14\r\n" + b"x" * 20 + b"\r\n")
    second.send(OK)
    assert not first.reading
    browser.raw(window_frame(3, 2))
    assert browser.body(3) == b"ok"
    assert browser.body(1) == b""


def test_a_client_that_never_opens_its_window() -> None:
    """
    After C{write-timeout} its stream is reset; the connection and others go on.
    """
    rig = open_rig(listener="write-timeout = 5")
    browser = Browser(rig)
    browser.raw(settings_frame([(4, 0)]))
    member = member_of(rig, browser)
    member.send(OK)
    rig.advance(6)
    assert browser.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert not rig.site.runtime.deadlines.each() or True
    assert len(browser.end.streams) == 0
    assert [each.reason for each in rig.outcomes] in (["ok"], ["client-timeout"])
    browser.ask("/")
    assert not browser.transport.ended


def test_a_slow_member_holds_back_the_client() -> None:
    """
    What it does not take waits here, no more than the stream's window, which stays closed.
    """
    rig = open_rig(listener="http2-window = 64K")
    browser = Browser(rig)
    stream = browser.ask(method="POST", ended=False)
    member = rig.accept()
    member.room = 0
    sent = 0
    for _ in range(400):
        if stream.queued:
            break
        stream.send_data(b"x" * 1024)
        sent += 1024
        browser.pump()
    assert sent < 300_000
    member.take()
    browser.pump()
    stream.send_data(b"", True)
    browser.pump()
    rig.advance(0.1)
    assert member.taken().count(b"x") >= sent
    member.send(OK)
    assert browser.body(1) == b"ok"
    check_rest(rig)


def test_a_client_that_reads_nothing_at_all() -> None:
    """
    Its answers wait in their streams; what is written is bounded, and time ends it.
    """
    rig = open_rig(listener="write-timeout = 5")
    browser = Browser(rig, Limits(window=2**20, connection_window=2**24))
    browser.transport.room = 0
    for _ in range(90):
        browser.ask("/gone", b"accept: text/html")
    (channel,) = rig.site.channels
    member = member_of(rig, browser)
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 200_000)
    member.send(b"x" * 200_000)
    assert len(browser.transport._queued) < 400_000
    assert not member.reading
    rig.advance(11)
    assert browser.transport.ended == "aborted"
    assert not rig.site.channels
    assert channel not in rig.runtime.deadlines.each()
    check_rest(rig)


def test_pings_put_nothing_off() -> None:
    """
    A client that says much and reads nothing is cut off in the same time.
    """
    rig = open_rig(listener="write-timeout = 5")
    browser = Browser(rig)
    browser.transport.room = 0
    browser.transport.most_queued = 100
    member_of(rig, browser).send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000)
    for _ in range(12):
        browser.raw(frame(frames.PING, 0, 0, bytes(8)))
        (channel,) = rig.site.channels
        channel.pauseProducing()
        rig.advance(1)
        if browser.transport.ended:
            break
    assert browser.transport.ended == "aborted"


def test_a_client_that_reads_slowly_is_served() -> None:
    """
    As long as it takes something, it is waited for.
    """
    rig = open_rig(listener="write-timeout = 5")
    browser = Browser(rig, Limits(window=2**20, connection_window=2**24))
    browser.transport.room = 0
    member = member_of(rig, browser)
    browser.raw(window_frame(0, 10**6))
    body = b"x" * 300_000
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body)
    got = b""
    for _ in range(61):
        browser.transport.take(5000)
        got += browser.transport.taken()
        rig.advance(3)
    assert got.count(b"x") == 300_000
    assert browser.transport.ended == ""


# -- times


def test_a_body_that_does_not_come() -> None:
    """
    C{body-timeout} is for each stream.
    """
    rig = open_rig(listener="body-timeout = 5")
    browser = Browser(rig)
    browser.ask(method="POST", body=b"abc", ended=False)
    rig.accept()
    rig.advance(6)
    assert browser.status(1) == 408
    assert rig.outcomes[0].reason == "client-timeout"
    rig.advance(6)
    assert browser.of(1)[-1] == ("broke-off", faults.NO_ERROR)
    assert browser.transport.ended == ""
    check_rest(rig)


def test_a_body_that_comes_too_slowly() -> None:
    """
    So is C{body-min-rate}.
    """
    rig = open_rig(listener="body-timeout = 5\nbody-min-rate = 100")
    browser = Browser(rig)
    stream = browser.ask(method="POST", body=b"abc", ended=False)
    rig.accept()
    for _ in range(4):
        rig.advance(2)
        stream.send_data(b"x")
        browser.pump()
    assert browser.status(1) == 408


def test_an_idle_connection_is_closed() -> None:
    """
    After C{keepalive-timeout}, with a goodbye.
    """
    rig = open_rig(listener="keepalive-timeout = 20")
    browser = Browser(rig)
    rig.advance(15)
    member_of(rig, browser).send(OK)
    browser.pump()
    rig.advance(15)
    assert browser.goaways == []
    rig.advance(6)
    browser.pump()
    assert browser.goaways == [(1, faults.NO_ERROR)]
    assert browser.transport.half_closed
    rig.advance(6)
    assert browser.transport.ended == "aborted"
    assert not rig.site.channels


def test_a_connection_that_says_nothing() -> None:
    """
    Neither preface nor settings: C{head-timeout} is for those, and for heads in pieces.
    """
    rig = open_rig(listener="head-timeout = 5")
    silent, begun, partial = rig.client(), rig.client(), Browser(rig)
    begun.send(PREFACE)
    partial.raw(frame(frames.HEADERS, 1, 1, b"\x82"))
    rig.advance(6)
    assert silent.ended == "aborted"
    assert begun.half_closed
    assert partial.transport.half_closed


def test_a_head_in_pieces_beside_a_request() -> None:
    """
    A block of headers that does not end holds up the whole connection, so it may not last.
    """
    rig = open_rig(listener="head-timeout = 5")
    browser = Browser(rig)
    member_of(rig, browser)
    browser.raw(frame(frames.HEADERS, 1, 3, b"\x82"))
    rig.advance(6)
    assert browser.transport.ended == "aborted"
    assert rig.outcomes[0].reason == "client-gone"
    check_rest(rig)


# -- goodbyes


def test_a_drained_listener_says_goodbye() -> None:
    """
    What is in progress ends well, and what was under way already is still taken.
    """
    rig = open_rig()
    browser, idle = Browser(rig), Browser(rig)
    first = member_of(rig, browser)
    rig.site.drain()
    idle.pump()
    assert idle.goaways == [(2**31 - 1, 0), (0, 0)] or idle.goaways == [(0, 0)]
    assert idle.transport.half_closed
    late = browser.end.request()
    data = browser.transport.taken()
    assert [payload for kind, _, _, payload in read_frames(data) if kind == frames.PING]
    browser.end.gone_away = False
    browser.raw(browser.end.taken())
    second = rig.accept()
    browser.read(data)
    browser.pump()
    assert browser.goaways == [(2**31 - 1, 0), (late.number, 0)]
    first.send(OK)
    second.send(OK)
    assert browser.body(1) == b"ok"
    assert browser.body(late.number) == b"ok"
    assert browser.transport.half_closed
    browser.transport.end()
    idle.transport.end()
    rig.advance(0)
    assert not rig.site.channels


def test_the_last_request_of_a_connection() -> None:
    """
    After C{keepalive-requests} the client is asked to make another connection.
    """
    rig = open_rig(listener="keepalive-requests = 2")
    browser = Browser(rig)
    browser.ask("/gone")
    assert browser.goaways == []
    browser.ask("/gone")
    browser.pump()
    assert browser.goaways[0] == (2**31 - 1, 0)
    assert browser.status(3) == 410
    assert browser.transport.half_closed


def test_a_client_that_says_goodbye() -> None:
    """
    Its connection ends with its last answer.
    """
    rig = open_rig()
    browser = Browser(rig)
    member = member_of(rig, browser)
    browser.raw(frames.goaway_frame(0, 0))
    member.send(OK)
    assert browser.body(1) == b"ok"
    assert browser.transport.half_closed


def test_a_stop_that_does_not_wait() -> None:
    """
    What is in progress then is cut.
    """
    rig = open_rig()
    browser = Browser(rig)
    member = member_of(rig, browser)
    (channel,) = rig.site.channels
    assert channel.exchange is not None
    channel.cut()
    rig.advance(0)
    assert browser.transport.ended == "aborted"
    assert member.ended == "aborted"
    assert rig.outcomes[0].reason == "stopped"
    check_rest(rig)


# -- limits


@pytest.mark.parametrize(
    ("what", "written"),
    [
        ("control-frames", frame(frames.PING, 0, 0, bytes(8)) * 200),
        ("header-block", frame(1, 0, 1, b"x" * 300) + frame(9, 0, 1, b"x" * 300)),
    ],
)
def test_floods_end_the_connection(what: str, written: bytes) -> None:
    """
    With ENHANCE_YOUR_CALM, and they are counted; others are served.
    """
    rig = open_rig(listener="http2-control-frames = 100\nmax-head = 512")
    browser, other = Browser(rig), Browser(rig)
    member = member_of(rig, browser)
    browser.raw(written.replace(b"\x00\x00\x00\x01x", b"\x00\x00\x00\x03x"))
    browser.pump()
    assert browser.goaways[-1][1] == faults.ENHANCE_YOUR_CALM
    assert browser.transport.half_closed
    browser.raw(b"more")
    assert member.ended == "aborted"
    assert +rig.site.abuses == {what: 1}
    other.ask("/gone")
    assert other.status(1) == 410
    rig.advance(10)
    assert browser.transport.ended == "aborted"
    check_rest(rig)


def test_rapid_reset() -> None:
    """
    No more members are bothered than the budget has resets.
    """
    rig = open_rig(listener="http2-resets = 20")
    browser = Browser(rig)
    for _ in range(100):
        if browser.goaways:
            break
        stream = browser.ask()
        stream.reset(faults.CANCEL)
        browser.pump()
    assert browser.goaways == [(41, faults.ENHANCE_YOUR_CALM)]
    assert +rig.site.abuses == {"resets": 1}
    openings = rig.openings()
    assert len(openings) < 25
    for opening in openings:
        opening.accept()
    check_rest(rig)


def test_max_connections_hold_for_http2() -> None:
    """
    A connection over the limit waits for its turn.
    """
    rig = open_rig(listener="max-connections = 1")
    first = Browser(rig)
    second = Browser(rig)
    second.end.request("/gone")
    second.pump()
    assert second.goaways == []
    assert second.of(1) == []
    first.transport.reset()
    rig.advance(0.1)
    assert second.status(1) == 410


def test_a_wrong_preface_under_http2() -> None:
    """
    Whoever agreed on HTTP/2 has to speak it.
    """
    rig = open_rig()

    class Direct(H2Channel):
        def makeConnection(self, transport: MemoryTransport) -> None:
            self.peer = rig.site.peer(transport)
            rig.site.channels.add(self)
            self.take_over(transport)

    transport = MemoryTransport(rig.reactor, Direct(rig.site), IPv4Address("TCP", "192.0.2.1", 1))
    transport.send(b"GET / HTTP/1.1\r\n")
    found = read_frames(transport.taken())
    assert found[-1][0] == frames.GOAWAY
