"""
The beginning of TLS: the same name in whatever pieces and records it comes.
"""

from __future__ import annotations

from contextlib import suppress

from tests.fuzz.pieces import cut
from tests.stream.hellos import hello, protocols, records, server_name
from txbalancer.stream.clienthello import BadHello, Hello, HelloReader

_GOOD = hello((0x0A0A, b""), server_name(b"Db.Example.com."), protocols(b"h2", b"http/1.1"))
SEEDS = [
    records(_GOOD),
    records(_GOOD, 30),
    records(hello()),
    records(hello(server_name(b"x", kind=9))),
    b"GET / HTTP/1.1\r\n",
    b"\x80\x2e\x01",
]
WORDS = [b"\x16\x03\x01", b"\x00\x00", b"\x00\x10", b"\x01\x00\x00", b"example.com", b"h2"]
_MOST = 2048


def _read(pieces: list[bytes]) -> Hello | str | None:
    reader = HelloReader(_MOST)
    try:
        for piece in pieces:
            found = reader.feed(piece)
            if found is not None:
                return found
    except BadHello:
        return "refused"
    return None


def ours(data: bytes) -> None:
    """
    Read it at once.
    """
    with suppress(BadHello):
        HelloReader(_MOST).feed(data)


def one(data: bytes) -> None:
    """
    Read it at once and in pieces.
    """
    found = _read([data])
    if len(data) <= _MOST:
        assert _read(cut(data)) == found, "it depends on the pieces"
    if isinstance(found, Hello):
        assert found.name == found.name.lower()
        assert not found.name.translate(None, b"abcdefghijklmnopqrstuvwxyz0123456789.-_")
        assert all(found.alpn)
    elif found is None:
        assert len(data) <= _MOST + 5, "it waits for more than it takes"
