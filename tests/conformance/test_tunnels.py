"""
Upgrades: the tunnel after a 101, and everything that must not become one.
"""

from __future__ import annotations

import threading

import pytest

from tests.conformance.conftest import Balance, Starter
from tests.conformance.wire import OK, PATIENCE, Client, Member, MemberSide, Script, answers, says

pytestmark = pytest.mark.conformance

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n"


def switches(protocol: bytes, then: Script, behind: bytes = b"") -> Script:
    def script(side: MemberSide) -> None:
        side.head()
        side.send(SWITCH % protocol + b"Sec-WebSocket-Accept: x\r\n\r\n" + behind)
        then(side)

    return script


def echo(side: MemberSide) -> None:
    while side.buffer or side.fill():
        data, side.buffer = side.buffer, b""
        side.send(data.upper())


def offer(live: Balance, protocol: bytes = b"websocket", behind: bytes = b"") -> Client:
    client = live.client()
    client.send(
        b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
        b"Upgrade: %b\r\nSec-WebSocket-Key: k\r\n\r\n%b" % (protocol, behind)
    )
    return client


def test_H41_tunnel(balance: Starter) -> None:
    """
    H41: after a 101 bytes go both ways, those behind the heads first.
    """
    live = balance(switches(b"websocket", echo, b"hello"))
    client = offer(live, behind=b"early")
    head = client.head()
    assert head.status == 101
    assert head.get("Connection") == b"Upgrade"
    assert head.get("Upgrade") == b"websocket"
    assert head.get("Sec-WebSocket-Accept") == b"x"
    assert client.exactly(10) == b"helloEARLY"
    client.send(b"\x00\xff\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert client.exactly(24) == b"\x00\xff\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    client.done_sending()
    assert client.is_closed()
    assert live.member is not None
    got = live.member.request()
    assert got.get("Connection") == b"Upgrade"
    assert got.get("Upgrade") == b"websocket"
    assert got.get("Sec-WebSocket-Key") == b"k"
    (line,) = live.log()
    assert (line["status"], line["reason"]) == (101, "ok")
    assert (line["bytes_in"], line["bytes_out"]) == (29, 34)


def test_H41_client_ends_first(balance: Starter) -> None:
    """
    H41: the client's half-close reaches the member, which can still speak.
    """

    def then(side: MemberSide) -> None:
        assert side.rest() == b"question"
        side.send(b"long ")
        side.send(b"answer")

    client = offer(balance(switches(b"websocket", then)))
    client.head()
    client.send(b"question")
    client.done_sending()
    assert client.rest() == b"long answer"


def test_H41_member_ends_first(balance: Starter) -> None:
    """
    H41: the member's half-close reaches the client, which can still speak.
    """
    ended = threading.Event()
    got = []

    def then(side: MemberSide) -> None:
        side.send(b"bye")
        side.done_sending()
        got.append(side.rest())
        ended.set()

    live = balance(switches(b"websocket", then))
    client = offer(live)
    client.head()
    assert client.rest() == b"bye"
    client.send(b"last words")
    client.done_sending()
    assert ended.wait(PATIENCE)
    assert got == [b"last words"]


def test_much_both_ways(balance: Starter) -> None:
    """
    More than any buffer holds goes through, with both ends slow in turn.
    """

    def then(side: MemberSide) -> None:
        for _ in range(100):
            side.send(side.exactly(20000))

    client = offer(balance(switches(b"websocket", then)))
    client.head()
    for number in range(100):
        data = bytes((number,)) * 20000
        client.send(data)
        assert client.exactly(20000) == data


@pytest.mark.parametrize("reset", [False, True])
def test_member_drops_the_tunnel(balance: Starter, reset: bool) -> None:
    """
    When the member is gone, the client is told by an end.
    """

    def then(side: MemberSide) -> None:
        side.send(b"x")
        if reset:
            side.exactly(1)
            side.reset()

    client = offer(balance(switches(b"websocket", then)))
    client.head()
    assert client.exactly(1) == b"x"
    client.send(b"y")
    assert client.is_closed()


def test_tunneltimeout(balance: Starter) -> None:
    """
    A tunnel that is silent for tunneltimeout ends on both sides.
    """
    live = balance(switches(b"websocket", MemberSide.rest), member="tunneltimeout=100ms")
    client = offer(live)
    client.head()
    assert client.is_closed()
    assert live.log()[0]["reason"] == "tunnel-idle"


def test_refused_by_the_member(balance: Starter) -> None:
    """
    Any other answer than 101 is an ordinary one, and the connection goes on.
    """
    live = balance(answers(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", OK))
    client = offer(live)
    answer = client.answer()
    assert (answer.status, answer.body) == (403, b"no")
    assert client.ask().body == b"ok"


@pytest.mark.parametrize("got", [b"other", b"", b"websocket, other"])
def test_another_protocol_than_asked_for(balance: Starter, got: bytes) -> None:
    """
    A member that changes to what nobody asked for is 502.
    """
    client = offer(balance(switches(got, echo)))
    assert client.answer().status == 502


def test_101_without_an_offer(balance: Starter) -> None:
    """
    So is one that changes at all without being asked.
    """
    live = balance(switches(b"websocket", echo))
    assert live.ask().status == 502


def test_another_member_than_the_one_with_the_offer(balance: Starter) -> None:
    """
    What one member was offered is not what the next was: its 101 is unexpected.
    """
    plain = Member(switches(b"websocket", echo))
    live = balance(
        Member(says()),
        member="upgrade=websocket loadfactor=100",
        extra=f"    http://127.0.0.1:{plain.port} upgrade=NONE",
    )
    live.members.append(plain)
    assert offer(live).answer().status == 502
    assert plain.request().get("Upgrade") is None


NOT_OFFERED = {
    "h2c": (
        "ANY",
        (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"),
    ),
    "h2c in capitals": ("ANY", (b"Connection: Upgrade", b"Upgrade: H2C")),
    "h2c in the options": ("h2c", (b"Connection: Upgrade", b"Upgrade: h2c")),
    "h2c draft": ("ANY", (b"Connection: Upgrade", b"Upgrade: h2c-14")),
    "a list": ("websocket", (b"Connection: Upgrade", b"Upgrade: foo, websocket")),
    "a list for ANY": ("ANY", (b"Connection: Upgrade", b"Upgrade: h2c, websocket")),
    "two lines": ("ANY", (b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c")),
    "another": ("websocket", (b"Connection: Upgrade", b"Upgrade: foo")),
    "none allowed": ("NONE", (b"Connection: Upgrade", b"Upgrade: websocket")),
    "not in Connection": ("websocket", (b"Upgrade: websocket",)),
    "only in Connection": ("websocket", (b"Connection: Upgrade",)),
}


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_H40_what_is_not_offered(balance: Starter, name: str) -> None:
    """
    H40: Upgrade is taken out where it is not allowed, and the request is a plain one.
    """
    allowed, lines = NOT_OFFERED[name]
    live = balance(member=f"upgrade={allowed}")
    assert live.ask(*lines).body == b"ok"
    assert live.member is not None
    got = live.member.request()
    for header in ("Upgrade", "HTTP2-Settings"):
        assert got.get(header) is None
    assert got.get("Connection") == b"Keep-Alive"


@pytest.mark.parametrize(
    ("allowed", "protocol"),
    [("websocket", b"WebSocket"), ("ANY", b"foo/1"), ("any", b"websocket"), ("Foo", b"foo")],
)
def test_H40_what_is_offered(balance: Starter, allowed: str, protocol: bytes) -> None:
    """
    H40: the allowed protocol in any case, or any with ANY.
    """
    client = offer(balance(switches(protocol, echo), member=f"upgrade={allowed}"), protocol)
    assert client.head().get("Upgrade") == protocol
    client.send(b"a")
    assert client.exactly(1) == b"A"


def test_no_upgrade_in_1_0(balance: Starter) -> None:
    """
    HTTP/1.0 has no upgrade (RFC 9110 7.8).
    """
    live = balance()
    answer = live.ask(b"Connection: Upgrade", b"Upgrade: websocket", start=b"GET / HTTP/1.0")
    assert answer.body == b"ok"
    assert live.member is not None
    assert live.member.request().get("Upgrade") is None


@pytest.mark.parametrize("start", [b"CONNECT a:443 HTTP/1.1", b"CONNECT / HTTP/1.1"])
def test_CONNECT(balance: Starter, start: bytes) -> None:
    """
    CONNECT is refused in every form; no member hears of it.
    """
    live = balance()
    client = live.client()
    answer = client.ask(start=start)
    assert answer.status == 405
    assert answer.get("Allow") is not None
    assert client.is_closed()
    assert live.member is not None
    assert live.member.received == b""
