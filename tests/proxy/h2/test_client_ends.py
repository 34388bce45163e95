"""
How connections of HTTP/2 end: goodbyes, and clients that go too far.
"""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address

from tests.http2.ends import read_frames
from tests.proxy.h2.ends import Browser
from tests.proxy.h2.rigs import member_of, open_rig
from tests.proxy.rigs import OK, check_rest
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import frame
from txbalancer.proxy.h2.channel import H2Channel
from txbalancer.testing import MemoryTransport

pytestmark = pytest.mark.usefixtures("ends")


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
