"""
Reading along in the beginning of a TLS connection.
"""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stream.hellos import counted, hello, protocols, records, server_name
from txbalancer.stream.clienthello import BadHello, Hello, HelloReader

GREASE = (0x0A0A, b"")
GOOD = hello(
    GREASE, server_name(b"Db.Example.com."), protocols(b"h2", b"\x8a\x8a"), (43, b"\2\3\4")
)
SEEN = Hello(b"db.example.com", (b"h2", b"\x8a\x8a"))


def read(data: bytes, most: int = 65536) -> Hello | None:
    """
    Read everything at once.
    """
    return HelloReader(most).feed(data)


@given(st.integers(1, 200), st.integers(1, 200))
def test_pieces_and_records_of_any_size(record: int, piece: int) -> None:
    """
    However a ClientHello is divided, it says the same, and only once it is complete.
    """
    data = records(GOOD, record)
    reader = HelloReader()
    found = [reader.feed(data[at : at + piece]) for at in range(0, len(data), piece)]
    assert found[-1] == SEEN
    assert not any(found[:-1])


def test_what_a_real_client_sends() -> None:
    """
    OpenSSL's own ClientHello is read, and what it says of early data behind it is not minded.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql", "h2"])
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="db.example.com")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    assert read(outgoing.read() + b"\x17\x03\x03") == Hello(
        b"db.example.com", (b"postgresql", b"h2")
    )


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (records(hello()), Hello()),
        (records(hello(GREASE)), Hello()),
        (records(hello(server_name(b"x", kind=9))), Hello()),
        (records(hello(session=bytes(32), suites=bytes(400))), Hello()),
        (b"GET / HTTP/1.1\r\n", Hello(tls=False)),
        (b"\x80\x2e\x01", Hello(tls=False)),
    ],
)
def test_clients_that_do_not_say(data: bytes, seen: Hello) -> None:
    """
    One without a name, or without TLS, wants nobody in particular.
    """
    assert read(data) == seen


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (records(b"\x02" + GOOD[1:]), "handshake message 2"),
        (b"\x16\x02\x00\x00\x05", "version 2"),
        (b"\x16\x03\x01\x00\x00", "a record of 0 bytes"),
        (b"\x16\x03\x01\x40\x01", "a record of 16385 bytes"),
        (records(GOOD[:20]) + b"\x17\x03\x01\x00\x05", "a record of type 23"),
        (records(b"\x01\xff\xff\xff"), "16777215 bytes"),
        (records(hello(session=bytes(33))), "session id"),
        (records(hello(suites=b"")), "cipher suites"),
        (records(hello(suites=b"\1")), "cipher suites"),
        (records(hello(compression=b"")), "compression"),
        (records(hello(GREASE, GREASE)), "extension 2570 twice"),
        (records(hello(GREASE, more=b"x")), "behind the last field"),
        (records(hello(server_name(b"a", b"b"))), "two host names"),
        (records(hello(server_name(b""))), "characters"),
        (records(hello(server_name(b"a b"))), "characters"),
        (records(hello(server_name(b"a\0.example.com"))), "characters"),
        (records(hello((0, counted(2, b"\0\0\5abc")))), "longer than what holds it"),
        (records(hello((0, counted(2, b"") + b"x"))), "behind the last field"),
        (records(hello(protocols())), "empty list"),
        (records(hello(protocols(b""))), "empty protocol"),
        (records(hello((16, b"\0\5\2h2"))), "longer than what holds it"),
        (records(b"\x01\0\0\2\3\3"), "longer than what holds it"),
    ],
)
def test_what_breaks_the_rules(data: bytes, why: str) -> None:
    """
    It is refused, in words that say why.
    """
    with pytest.raises(BadHello, match=why):
        read(data)


def test_one_that_never_ends() -> None:
    """
    More than is allowed is not kept, be it announced or just sent.
    """
    reader = HelloReader(100)
    assert reader.feed(records(GOOD, 10)[:90]) is None
    with pytest.raises(BadHello, match="over 100 bytes"):
        reader.feed(b"\x16\x03\x01\x40\x00" + bytes(50))


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 255))
def test_anything_at_all(data: bytes, place: int, byte: int) -> None:
    """
    Whatever comes, it is read, waited for or refused, and nothing else happens.
    """
    changed = bytearray(records(GOOD, 60))
    changed[place % len(changed)] = byte
    for each in (data, b"\x16\x03\x01" + data, records(b"\x01" + data or b"\0"), bytes(changed)):
        try:
            found = read(each)
        except BadHello:
            continue
        assert found is None or isinstance(found, Hello)
