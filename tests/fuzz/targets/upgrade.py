"""
Changes of protocol: behind a 101 that was asked for bytes go both ways as they are, else never.

Three parts, divided by a line of three dashes: header lines of the client, the member's answer, and
what both say then.
"""

from __future__ import annotations

from tests.fuzz.pipe import NoFailures, make_rig

_LINE = b"\n---\n"
_ASKS = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
_SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SEEDS = [
    _LINE.join((_ASKS, _SWITCH, b"\x81\x05hello")),
    _LINE.join((b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket, h2c", _SWITCH, b"x")),
    _LINE.join((b"Connection: close", _SWITCH, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")),
    _LINE.join((_ASKS, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\x88\x00")),
    _LINE.join((_ASKS + b"\r\nContent-Length: 1", _SWITCH, b"ab")),
    _LINE.join((_ASKS, b"HTTP/1.1 103 Hints\r\n\r\n" + _SWITCH + b"more", b"\r\n\r\n")),
]
WORDS = [
    *b"Connection: |Upgrade|upgrade, |Upgrade: |websocket".split(b"|"),
    *b"h2c|101 |HTTP/1.0 101 |close|\r\n".split(b"|"),
    *b"Content-Length: 1|Transfer-Encoding: chunked|Expect: 100-continue|200 OK".split(b"|"),
    _LINE,
]


def one(data: bytes) -> None:
    """
    Ask, answer, and let both talk.
    """
    lines, _, rest = data.partition(_LINE)
    answer, _, talk = rest.partition(_LINE)
    rig = make_rig()
    with NoFailures():
        client = rig.client()
        client.send(b"GET /ws HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n")
        openings = rig.openings()
        if not openings:
            assert client.taken()[9:10] in (b"", b"4", b"5")
            return
        member = openings[0].accept()
        asked = member.taken()
        member.send(answer)
        got = client.taken()
        switched = (
            b"HTTP/1.1 101 " in got.partition(b"\r\n\r\n")[0] or b"\r\n\r\nHTTP/1.1 101 " in got
        )
        if switched and not client.ended:
            assert b"\r\nUpgrade:" in asked, "a change that nobody asked the member for"
            assert b"upgrade" in lines.lower()
            _check_tunnel(client, member, talk)


def _check_tunnel(client, member, talk: bytes) -> None:  # type: ignore[no-untyped-def]
    member.taken()
    for _ in range(2):
        client.send(talk)
        assert member.taken() == talk
        member.send(talk)
        assert client.taken() == talk
