"""
WebSockets over HTTP/2, on either side (RFC 8441).
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

import pytest

from tests.http2.ends import NotedStream
from tests.proxy.h2.ends import Browser, Container
from tests.proxy.h2.rigs import open_h2_rig, open_rig
from tests.proxy.rigs import begin
from txbalancer.http2 import faults
from txbalancer.http2.frames import settings_frame
from txbalancer.testing import MemoryRig, MemoryTransport

CHAT = [
    b":method: CONNECT",
    b":protocol: websocket",
    b":scheme: http",
    b":authority: shop.test",
    b":path: /chat",
    b"sec-websocket-version: 13",
]
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    b"GET /chat HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def proof(key: bytes) -> bytes:
    """
    Return what a server answers to a key.
    """
    return b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def connect(browser: Browser) -> NotedStream:
    """
    Ask for a WebSocket.
    """
    assert browser.end.extended
    stream = NotedStream(browser.end, browser.end.next, browser.end.events)
    browser.end.add(stream)
    stream.send(list(CHAT), b"", False)
    browser.pump()
    return stream


def key_of(request: bytes) -> bytes:
    """
    Return the key in a request.
    """
    return request.partition(b"sec-websocket-key: ")[2].partition(b"\r\n")[0]


def stand(rig: MemoryRig, browser: Browser) -> tuple[NotedStream, MemoryTransport]:
    """
    Open a WebSocket.
    """
    stream = connect(browser)
    member = rig.accept()
    request = member.taken()
    member.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + proof(key_of(request)) + b"\r\nX-Own: 1\r\n\r\nhello"
    )
    return stream, member


def test_a_client_of_http2_and_a_member_of_http1() -> None:
    """
    An extended CONNECT is an Upgrade with a key of its own, and 101 becomes 200.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = connect(browser)
    member = rig.accept()
    request = member.taken()
    assert request.startswith(
        b"GET /chat HTTP/1.1\r\nHost: 10.0.0.1\r\nsec-websocket-version: 13\r\n"
    )
    assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in request
    member.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + proof(key_of(request)) + b"\r\nX-Own: 1\r\n\r\nhello"
    )
    fields = browser.fields(1)
    assert (fields[b":status"], fields[b"x-own"]) == (b"200", b"1")
    assert b"sec-websocket-accept" not in fields
    assert browser.body(1) == b"hello"
    stream.send_data(b"there")
    browser.pump()
    assert member.taken() == b"there"
    stream.send_data(b"", True)
    browser.pump()
    member.settle()
    assert member.half_closed
    member.send(b"bye")
    member.end()
    assert browser.body(1) == b"hellobye"
    assert browser.of(1)[-1][-1] is True
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason, outcome.bytes_in, outcome.bytes_out) == (
        101,
        "ok",
        5,
        8,
    )
    assert not browser.end.streams
    assert not browser.transport.ended


def test_what_comes_before_the_tunnel_stands() -> None:
    """
    It waits.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream = connect(browser)
    stream.send_data(b"early")
    browser.pump()
    member = rig.accept()
    request = member.taken()
    assert request.endswith(b"\r\n\r\n")
    member.send(
        b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + proof(key_of(request)) + b"\r\n\r\n"
    )
    assert member.taken() == b"early"


def test_a_tunnel_has_windows_too() -> None:
    """
    Either end may hold the other back.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream, member = stand(rig, browser)
    stream.holds = True
    browser.pump()
    for _ in range(60):
        member.send(b"x" * 8192)
        browser.pump()
    assert not member.reading
    assert browser.transport.reading
    stream.holds = False
    stream.consumed(len(browser.body(1)))
    browser.pump()
    assert member.reading
    member.room = 0
    for _ in range(40):
        stream.send_data(b"y" * 16384)
        browser.pump()
    assert stream.queued
    for _ in range(100):
        member.take(16384)
        browser.pump()
    assert not stream.queued


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_members_that_do_not_understand(answer: bytes) -> None:
    """
    Without the right proof there is no tunnel, and no 2xx either.
    """
    rig = open_rig()
    browser = Browser(rig)
    connect(browser)
    rig.accept().send(answer)
    assert browser.status(1) == 502
    assert not browser.end.streams
    assert len(rig.outcomes) == 1


def test_members_that_refuse() -> None:
    """
    Their answer is passed on.
    """
    rig = open_rig()
    browser = Browser(rig)
    connect(browser)
    rig.accept().send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
    assert browser.status(1) == 403
    assert browser.body(1) == b"no"
    assert browser.of(1)[-1] == ("broke-off", faults.NO_ERROR)


def test_either_end_may_leave() -> None:
    """
    A reset ends the member's connection, and the member's end ends the stream.
    """
    rig = open_rig()
    browser = Browser(rig)
    stream, member = stand(rig, browser)
    stream.reset(faults.CANCEL)
    browser.pump()
    assert member.ended
    stream, member = stand(rig, browser)
    member.reset()
    browser.pump()
    assert not browser.end.streams
    stream, member = stand(rig, browser)
    browser.transport.reset()
    rig.advance(0)
    assert member.ended
    assert len(rig.outcomes) == 3


def test_a_silent_tunnel_ends() -> None:
    """
    After C{tunneltimeout}.
    """
    rig = open_rig()
    rig.balancer()
    browser = Browser(rig)
    _, member = stand(rig, browser)
    rig.advance(3700)
    assert member.ended
    assert rig.outcomes[0].reason == "tunnel-idle"
    browser.pump()
    assert not browser.end.streams


# -- members of HTTP/2


def test_a_client_of_http1_and_a_member_of_http2() -> None:
    """
    Its Upgrade is an extended CONNECT, and 200 becomes 101 with the proof it waits for.
    """
    rig = open_h2_rig()
    first = rig.client()
    first.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    member = Container(rig.accept())
    member.answer(1)
    member.raw(settings_frame([(8, 1)]))
    client = rig.client()
    client.send(UPGRADE)
    fields = dict(member.of(3)[0][1])
    assert fields[b":method"] == b"CONNECT"
    assert fields[b":protocol"] == b"websocket"
    assert fields[b"sec-websocket-version"] == b"13"
    assert b"sec-websocket-key" not in fields
    member.answer(3, b"x-own: 1", last=False)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    client.send(b"hello")
    assert member.body(3) == b"hello"
    member.end.streams[3].send_data(b"there")
    member.pump()
    assert client.taken() == b"there"
    client.end()
    assert member.of(3)[-1] == ("data", b"", True)
    member.end.streams[3].send_data(b"", True)
    member.pump()
    assert client.ended
    assert rig.outcomes[-1].status == 101
    assert not member.transport.ended


def test_a_member_that_does_not_know_extended_connect() -> None:
    """
    It gets an ordinary request, which it can only refuse.
    """
    rig = open_h2_rig()
    client, transport = begin(rig, UPGRADE)
    member = Container(transport)
    fields = dict(member.of(1)[0][1])
    assert fields[b":method"] == b"GET"
    assert b"upgrade" not in fields
    member.answer(1, status=426)
    assert client.taken().startswith(b"HTTP/1.1 426 ")


def test_http2_on_both_sides() -> None:
    """
    A WebSocket is a stream on either side.
    """
    rig = open_h2_rig()
    browser = Browser(rig)
    browser.ask()
    member = Container(rig.accept())
    member.answer(1)
    member.raw(settings_frame([(8, 1)]))
    stream = connect(browser)
    member.pump()
    member.answer(3, last=False)
    assert browser.status(3) == 200
    stream.send_data(b"hello", True)
    browser.pump()
    assert member.body(3) == b"hello"
    member.end.streams[3].send_data(b"there", True)
    member.pump()
    assert (
        browser.of(3)[-2:] == [("data", b"there", False), ("data", b"", True)]
        or browser.body(3) == b"there"
    )
    assert not browser.end.streams
    assert rig.outcomes[-1].reason == "ok"


def test_a_member_that_resets_a_tunnel() -> None:
    """
    The client's end is over too.
    """
    rig = open_h2_rig()
    browser = Browser(rig)
    browser.ask()
    member = Container(rig.accept())
    member.answer(1)
    member.raw(settings_frame([(8, 1)]))
    connect(browser)
    member.pump()
    member.answer(3, last=False).reset(faults.CANCEL)
    member.pump()
    browser.pump()
    assert not browser.end.streams


def test_a_member_that_was_full_may_be_silent_afterwards() -> None:
    """
    Once it has read what waited, only tunneltimeout bounds its silence.
    """
    rig = open_h2_rig()
    first = rig.client()
    first.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    member = Container(rig.accept())
    member.answer(1)
    member.raw(settings_frame([(8, 1)]))
    client = rig.client()
    client.send(UPGRADE)
    member.pump()
    far = member.answer(3, last=False)
    far.holds = True
    while client.reading:
        client.send(b"x" * 16384)
        member.pump()
    far.holds = False
    far.consumed(len(member.body(3)))
    member.pump()
    assert client.reading
    for _ in range(9):
        rig.advance(10)
        member.pump()
    assert not client.ended
    client.send(b"there")
    assert member.body(3).endswith(b"xthere")
