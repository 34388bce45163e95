"""
What a PROXY header of version 2 says beside addresses: types, lengths and values.

Source: HAProxy's proxy-protocol.txt, sections 2.2.1 to 2.2.7. Pure.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ALPN = 0x01
AUTHORITY = 0x02
CRC32C = 0x03
NOOP = 0x04
UNIQUE_ID = 0x05
SSL = 0x20
SSL_VERSION = 0x21
SSL_CN = 0x22
SSL_CIPHER = 0x23
SSL_SIG_ALG = 0x24
SSL_KEY_ALG = 0x25
NETNS = 0x30
DIRECT = 0xE0
"""Ours: the client came to the worker that tells of it itself, and not by a proxy."""

_LONGEST_ID = 128
_CLIENT_SSL = 0x01
_CLIENT_CERT = 0x02 | 0x04
_SSL_HEAD = struct.Struct("!BI")

TLV = tuple[int, bytes]


class BadProxyHeader(ValueError):
    """
    What should be a PROXY header is none, or breaks its rules.
    """


@dataclass(frozen=True, slots=True)
class SSLFacts:
    """
    What the sender of a header says of its client's TLS.

    @ivar secure: whether the client came under TLS.
    @ivar verified: whether it showed a certificate, then or earlier, that was found good.
    @ivar version: such as C{b"TLSv1.3"}; like the others empty where nothing is said.
    @ivar name: the common name in the client's certificate.
    """

    secure: bool
    verified: bool
    version: bytes = b""
    name: bytes = b""
    cipher: bytes = b""


def read_tlvs(data: bytes) -> tuple[TLV, ...]:
    """
    Take type-length-value vectors apart, in their order.

    @raise BadProxyHeader: when one is longer than what is there.
    """
    found: list[TLV] = []
    place, end = 0, len(data)
    while place < end:
        if end - place < 3:
            raise BadProxyHeader("a TLV is cut short")
        after = place + 3 + int.from_bytes(data[place + 1 : place + 3])
        if after > end:
            raise BadProxyHeader(f"TLV {data[place]:#04x} is longer than the header")
        found.append((data[place], data[place + 3 : after]))
        place = after
    return tuple(found)


def write_tlv(kind: int, value: bytes) -> bytes:
    """
    Write one vector.

    @param value: up to 65535 bytes.
    """
    return struct.pack("!BH", kind, len(value)) + value


def check_tlvs(tlvs: tuple[TLV, ...]) -> None:
    """
    Hold vectors against the rules for those that are known; others are let be.

    @raise BadProxyHeader: naming the one that breaks a rule.
    """
    for kind, value in tlvs:
        if kind == UNIQUE_ID and len(value) > _LONGEST_ID:
            raise BadProxyHeader(f"a unique id of {len(value)} bytes: at most {_LONGEST_ID}")
        if kind == SSL:
            read_ssl(value)


def read_ssl(value: bytes) -> SSLFacts:
    """
    Read the vector of type L{SSL}.

    @raise BadProxyHeader: when it is cut short.
    """
    if len(value) < _SSL_HEAD.size:
        raise BadProxyHeader("the TLV of TLS is cut short")
    client, unverified = _SSL_HEAD.unpack_from(value)
    inner = dict(read_tlvs(value[_SSL_HEAD.size :]))
    return SSLFacts(
        bool(client & _CLIENT_SSL),
        bool(client & _CLIENT_CERT) and unverified == 0,
        inner.get(SSL_VERSION, b""),
        inner.get(SSL_CN, b""),
        inner.get(SSL_CIPHER, b""),
    )


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """
    Return the CRC-32C (Castagnoli) of a few hundred bytes. Source: RFC 3720 appendix B.4.
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def write_ssl(facts: SSLFacts) -> bytes:
    """
    Write the vector of type L{SSL}.
    """
    client = _CLIENT_SSL * facts.secure | _CLIENT_CERT * facts.verified
    inner = ((SSL_VERSION, facts.version), (SSL_CIPHER, facts.cipher), (SSL_CN, facts.name))
    told = b"".join(write_tlv(kind, value) for kind, value in inner if value)
    return _SSL_HEAD.pack(client, not facts.verified) + told
