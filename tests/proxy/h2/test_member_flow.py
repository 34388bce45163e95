"""
Members of HTTP/2 and whoever is slow: windows, silence, pings.
"""

from __future__ import annotations

from tests.proxy.h2.ends import Browser, Container
from tests.proxy.h2.rigs import asked, check_h2_rest, open_h2_rig
from tests.proxy.rigs import GET, POST, begin, status_of
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import frame, settings_frame, window_frame
from txbalancer.http2.limits import Limits


def test_a_slow_client_holds_up_nobody_else() -> None:
    """
    What its member sends waits, no more than the stream's window; others go on.
    """
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_clients_that_leave_before_they_read() -> None:
    """
    What waited for them is given back to the window of the connection, which others share.
    """
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_a_member_without_a_window() -> None:
    """
    A request's body waits for it, and reading the client waits with it.
    """
    rig = open_h2_rig()
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
    check_h2_rest(rig)


def test_a_member_that_never_opens_its_window() -> None:
    """
    After C{timeout} it has failed.
    """
    rig = open_h2_rig(member="timeout=5")
    client = rig.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
    member = Container(rig.accept())
    member.raw(settings_frame([(4, 10)]))
    client.send(b"x" * 20)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert not member.transport.ended


def test_a_silent_member() -> None:
    """
    C{timeout} is for each exchange; the stream is reset and the connection stays.
    """
    rig = open_h2_rig(member="timeout=5")
    client, member = asked(rig)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    assert rig.outcomes[0].reason == "response-timeout"
    assert member.of(1)[-1] == ("broke-off", faults.CANCEL)
    assert not member.transport.ended
    check_h2_rest(rig)


def test_silence_within_an_answer() -> None:
    """
    It breaks off.
    """
    rig = open_h2_rig(member="timeout=5")
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
    rig = open_h2_rig(member="timeout=5")
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
    rig = open_h2_rig(member="timeout=600")
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
    rig = open_h2_rig(member="timeout=600")
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
    rig = open_h2_rig(member="ttl=10")
    _, member = asked(rig)
    member.answer(1)
    rig.advance(11)
    member.pump()
    assert member.transport.ended == "closed"
    assert member.goaways == [(0, 0)]
    check_h2_rest(rig)


def test_ping_before_a_body() -> None:
    """
    With C{ping} a member has to say that it is there before it gets a body.
    """
    rig = open_h2_rig(2, member="ping=3")
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


def test_windows_both_ways() -> None:
    """
    A large body through two connections, with small windows on both.
    """
    rig = open_h2_rig()
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
    check_h2_rest(rig)
