"""
The beginning of TLS: the name and the protocols that OpenSSL reads there, in whatever pieces and
records it comes.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from OpenSSL import SSL

from tests.fuzz.pieces import cut
from tests.stream.hellos import hello, protocols, records, server_name
from txbalancer.stream.clienthello import BadHello, Hello, HelloReader

_GOOD = hello((0x0A0A, b""), server_name(b"Db.Example.com."), protocols(b"h2", b"http/1.1"))
_SUITES = bytes.fromhex("1301c02f009c")
_WHOLE = hello(
    server_name(b"db.example.com"),
    protocols(b"h2"),
    (10, bytes.fromhex("0002001d")),
    (13, bytes.fromhex("000408040403")),
    (43, bytes.fromhex("020304")),
    (51, bytes.fromhex("0024001d0020") + b"\x09" + bytes(31)),
    suites=_SUITES,
)
SEEDS = [
    records(_WHOLE),
    records(hello(protocols(b"x", b"http/1.1"), server_name(b"A.b."), suites=_SUITES), 9),
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


@cache
def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_tlsext_servername_callback(_note_name)
    context.set_alpn_select_callback(_note_protocols)
    return context


def _note_name(connection: SSL.Connection) -> None:
    connection.get_app_data()["name"] = connection.get_servername()


def _note_protocols(connection: SSL.Connection, offered: list[bytes]) -> object:
    connection.get_app_data()["alpn"] = tuple(offered)
    return SSL.NO_OVERLAPPING_PROTOCOLS


def _heard(data: bytes) -> dict[str, object]:
    """
    Return what OpenSSL reads: C{name}, and C{alpn} if it comes so far.
    """
    found: dict[str, object] = {}
    connection = SSL.Connection(_context(), None)
    connection.set_app_data(found)
    connection.set_accept_state()
    connection.bio_write(data)
    with suppress(SSL.Error):
        connection.do_handshake()
    return found


def _compare(found: Hello, data: bytes) -> None:
    heard = _heard(data)
    if "name" in heard:
        name = heard["name"] or b""
        assert isinstance(name, bytes)
        assert name.lower().removesuffix(b".") == found.name, "OpenSSL reads another name"
    assert heard.get("alpn", found.alpn) == found.alpn, "OpenSSL reads other protocols"


def ours(data: bytes) -> None:
    """
    Read it at once.
    """
    with suppress(BadHello):
        HelloReader(_MOST).feed(data)


def one(data: bytes) -> None:
    """
    Read it at once and in pieces, and have OpenSSL read it.
    """
    found = _read([data])
    if len(data) <= _MOST:
        assert _read(cut(data)) == found, "it depends on the pieces"
    if isinstance(found, Hello):
        assert found.name == found.name.lower()
        assert not found.name.translate(None, b"abcdefghijklmnopqrstuvwxyz0123456789.-_")
        assert all(found.alpn)
        if found.tls:
            _compare(found, data)
    elif found is None:
        assert len(data) <= _MOST + 5, "it waits for more than it takes"
