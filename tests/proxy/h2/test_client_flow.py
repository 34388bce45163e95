"""
Clients of HTTP/2 that are slow, or whose members are: windows and times.
"""

from __future__ import annotations

from tests.proxy.h2.ends import Browser
from tests.proxy.h2.rigs import IN_CHUNKS, member_of, open_rig
from tests.proxy.rigs import OK, check_rest
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import PREFACE, frame, settings_frame, window_frame
from txbalancer.http2.limits import Limits


def test_a_client_without_a_window_stops_its_member() -> None:
    """
    An answer waits for the client's window, and reading the member waits with it.
    """
    rig = open_rig()
    browser = Browser(rig)
    browser.raw(settings_frame([(4, 10)]))
    browser.ask()
    member = rig.accept()
    member.send(IN_CHUNKS + b"14\r\n" + b"x" * 20 + b"\r\n")
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
    first.send(IN_CHUNKS + b"14\r\n" + b"x" * 20 + b"\r\n")
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
