"""
PROXY headers: read as the protocol's text has it, or refused, and written again so that they are
read as the same.
"""

from __future__ import annotations

from contextlib import suppress

from tests.fuzz import proxyspec
from txbalancer.net.proxyprotocol import (
    LOCAL,
    UNKNOWN,
    ProxyHeader,
    build_v1,
    build_v2,
    parse,
)
from txbalancer.net.proxytlv import ALPN, SSL, UNIQUE_ID, BadProxyHeader, read_ssl, write_tlv

_V4 = ProxyHeader(("192.0.2.1", 4000), ("192.0.2.9", 80))
_V6 = ProxyHeader(("2001:db8::1", 4000), ("2001:db8::9", 80), tlvs=((ALPN, b"h2"),))
_TLS = (SSL, b"\x07\0\0\0\0" + write_tlv(0x21, b"TLSv1.3") + write_tlv(0x22, b"name"))
SEEDS = [
    *(build_v1(each) for each in (_V4, _V6, UNKNOWN)),
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nGET",
    *(build_v2(each, checksum) for each in (_V4, _V6, LOCAL) for checksum in (False, True)),
    build_v2(ProxyHeader(b"/run/a", b"/run/b", tlvs=(_TLS, (UNIQUE_ID, b"x" * 9)))),
    build_v2(ProxyHeader(("192.0.2.1", 53), ("2001:db8::9", 53), datagram=True)),
]
WORDS = [
    b"PROXY TCP4 ",
    b"PROXY TCP6 ",
    b"UNKNOWN",
    b"\r\n",
    b"::ffff:1.2.3.4",
    b"65535",
    SEEDS[4][:12],
]


def ours(data: bytes) -> None:
    """
    Read it.
    """
    with suppress(BadProxyHeader):
        parse(data)


def one(data: bytes) -> None:
    """
    Read it, its beginnings, and what is written from what it says; and have another read it.
    """
    try:
        found = parse(data)
    except BadProxyHeader:
        return
    if found is None:
        return
    header, size = found
    assert 0 < size <= len(data)
    assert _as_read(header, size) == proxyspec.read(data[:size]), "another reads something else"
    assert parse(data[:size]) == found, "it depends on what follows"
    for end in {0, 1, 5, 6, 11, 12, 15, 16, 17, size // 2, size - 2, size - 1} & set(range(size)):
        assert parse(data[:end]) is None, "a beginning is taken for the whole"
    if data[:1] == b"\r":
        for checksum in (False, True):
            bare = ProxyHeader(
                header.source,
                header.destination,
                header.local,
                header.datagram,
                tuple(each for each in header.tlvs if each[0] != 3),
            )
            again = parse(build_v2(bare, checksum))
            assert again is not None
            assert _without_sum(again[0]) == bare
    elif header != UNKNOWN:
        assert parse(build_v1(header)) == (header, len(build_v1(header)))
    for kind, value in header.tlvs:
        if kind == SSL:
            read_ssl(value)


def _as_read(header: ProxyHeader, size: int) -> proxyspec.Read:
    kind = "local" if header.local else "dgram" if header.datagram else "stream"
    if header.source is None and not header.local:
        kind = "unknown"
    return kind, header.source, header.destination, list(header.tlvs), size


def _without_sum(header: ProxyHeader) -> ProxyHeader:
    kept = tuple(each for each in header.tlvs if each[0] != 3)
    return ProxyHeader(header.source, header.destination, header.local, header.datagram, kept)
