"""
The PROXY protocol: the line or block before everything else on a connection, by which a
proxy tells whose connection it passes on.

Source: HAProxy's proxy-protocol.txt, versions 1 (section 2.1) and 2 (section 2.2). Pure.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from txbalancer.net.proxytlv import (
    CRC32C,
    TLV,
    BadProxyHeader,
    check_tlvs,
    crc32c,
    read_tlvs,
    write_tlv,
)

V1_LONGEST = 107
"""Bytes of the longest line of version 1, with its CRLF."""
V2_LONGEST = 4096
"""Bytes of a header of version 2 that are taken; the protocol allows 65551."""

V1_START = b"PROXY "
V2_START = b"\r\n\r\n\x00\r\nQUIT\n"
STARTS = (V1_START, V2_START)
_V2_HEAD = struct.Struct("!12sBBH")
_V1_LINE = re.compile(
    rb"(TCP[46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})"
)
_UNIX_PATH = 108
_STREAM, _DATAGRAM = 1, 2
_UNSPECIFIED, _IPV4, _IPV6, _UNIX = 0, 1, 2, 3
_SIZES = {_UNSPECIFIED: 0, _IPV4: 12, _IPV6: 36, _UNIX: 2 * _UNIX_PATH}

Address = tuple[str, int] | bytes
"""Host and port, or the path of a unix socket."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """
    What a header says.

    @ivar source: who connected to the proxy; C{None} where it does not tell: for a check
        of the proxy's own (C{LOCAL}), or a kind of address that has no place in it.
    @ivar destination: where to; there if C{source} is.
    @ivar local: whether the connection is the proxy's own.
    @ivar datagram: whether the proxy got it by datagrams.
    @ivar tlvs: what else is said, as (type, value) pairs.
    """

    source: Address | None = None
    destination: Address | None = None
    local: bool = False
    datagram: bool = False
    tlvs: tuple[TLV, ...] = ()

    def value(self, kind: int) -> bytes | None:
        """
        Return the value of the first TLV of a type, if there is one.
        """
        return next((value for each, value in self.tlvs if each == kind), None)


LOCAL = ProxyHeader(local=True)
UNKNOWN = ProxyHeader()


def parse(data: bytes) -> tuple[ProxyHeader, int] | None:
    """
    Read the header at the beginning of a connection.

    @param data: everything that came so far.
    @return: the header and its size, or C{None} while it is not complete.
    @raise BadProxyHeader: as soon as it can be none, or none that may be taken.
    """
    if data[:12] == V2_START[: len(data)]:
        return _parse_v2(data)
    if data[:6] == V1_START[: len(data)]:
        return _parse_v1(data)
    raise BadProxyHeader("no PROXY header")


def _parse_v1(data: bytes) -> tuple[ProxyHeader, int] | None:
    end = data.find(b"\r\n", 0, V1_LONGEST)
    if b"\n" in data[: end if end >= 0 else None] or (end < 0 and len(data) >= V1_LONGEST):
        raise BadProxyHeader(f"no CRLF within {V1_LONGEST} bytes of a version 1 header")
    if end < 0:
        return None
    line = data[len(V1_START) : end]
    if line == b"UNKNOWN" or line.startswith(b"UNKNOWN "):
        return UNKNOWN, end + 2
    match = _V1_LINE.fullmatch(line)
    if match is None:
        raise BadProxyHeader("a version 1 header that is not PROXY TCP4|TCP6 ADDRESSES PORTS")
    kind = IPv4Address if match[1] == b"TCP4" else IPv6Address
    try:
        source, destination = (_text(kind(each.decode())) for each in match.group(2, 3))
    except AddressValueError as error:
        raise BadProxyHeader(f"a version 1 header with a wrong address: {error}") from error
    ports = int(match[4]), int(match[5])
    if max(ports) > 65535:
        raise BadProxyHeader("a version 1 header with a port above 65535")
    return ProxyHeader((source, ports[0]), (destination, ports[1])), end + 2


def _parse_v2(data: bytes) -> tuple[ProxyHeader, int] | None:
    if len(data) < _V2_HEAD.size:
        return None
    _, command, kind, size = _V2_HEAD.unpack_from(data)
    if command not in (0x20, 0x21):
        raise BadProxyHeader(f"version and command {command:#04x} of a version 2 header")
    family, transport = kind >> 4, kind & 0x0F
    if family > _UNIX or transport > _DATAGRAM:
        raise BadProxyHeader(f"family and transport {kind:#04x} of a version 2 header")
    end = _V2_HEAD.size + size
    if end > V2_LONGEST:
        raise BadProxyHeader(f"a version 2 header of {end} bytes: at most {V2_LONGEST}")
    if len(data) < end:
        return None
    if command == 0x20:
        return LOCAL, end
    body = _V2_HEAD.size + _SIZES[family]
    if end < body:
        raise BadProxyHeader(f"a version 2 header of {end} bytes, too short for its addresses")
    tlvs = read_tlvs(data[body:end])
    check_tlvs(tlvs)
    _check_sum(data[:end], body, tlvs)
    if family == _UNSPECIFIED or not transport:
        return ProxyHeader(tlvs=tlvs), end
    source, destination = _addresses(family, data[_V2_HEAD.size : body])
    return ProxyHeader(source, destination, False, transport == _DATAGRAM, tlvs), end


def _addresses(family: int, data: bytes) -> tuple[Address, Address]:
    if family == _UNIX:
        return data[:_UNIX_PATH].rstrip(b"\0"), data[_UNIX_PATH:].rstrip(b"\0")
    size = 4 if family == _IPV4 else 16
    kind = IPv4Address if family == _IPV4 else IPv6Address
    ports = struct.unpack_from("!HH", data, 2 * size)
    source, destination = kind(data[:size]), kind(data[size : 2 * size])
    return (_text(source), ports[0]), (_text(destination), ports[1])


def _text(address: IPv4Address | IPv6Address) -> str:
    """
    Write an address; one of IPv4 that is mapped into IPv6 as what it is.
    """
    return str(getattr(address, "ipv4_mapped", None) or address)


def _check_sum(header: bytes, place: int, tlvs: tuple[TLV, ...]) -> None:
    """
    Verify the checksum of a header, if it has one (section 2.2.3).

    @param place: where the TLVs begin.
    """
    for kind, value in tlvs:
        place += 3
        if kind == CRC32C:
            cleared = header[:place] + bytes(len(value)) + header[place + len(value) :]
            if len(value) != 4 or crc32c(cleared) != int.from_bytes(value):
                raise BadProxyHeader("a version 2 header whose checksum is wrong")
        place += len(value)


def build_v1(header: ProxyHeader) -> bytes:
    """
    Write a line of version 1; it can say nothing of checks and unix sockets but C{UNKNOWN}.
    """
    pair = _pair(header)
    if pair is None:
        return b"PROXY UNKNOWN\r\n"
    source, destination, ports = pair
    text = f"PROXY TCP{source.version} {source} {destination} {ports[0]} {ports[1]}\r\n"
    return text.encode("ascii")


def build_v2(header: ProxyHeader, checksum: bool = False) -> bytes:
    """
    Write a header of version 2.

    @param checksum: whether to add one, in a TLV before the others.
    """
    kind, body = 0, b""
    source, destination = header.source, header.destination
    pair = _pair(header)
    if pair is not None:
        family = _IPV4 if pair[0].version == 4 else _IPV6
        kind = family << 4
        body = pair[0].packed + pair[1].packed + struct.pack("!HH", *pair[2])
    elif isinstance(source, bytes) and isinstance(destination, bytes):
        kind = _UNIX << 4
        body = source.ljust(_UNIX_PATH, b"\0") + destination.ljust(_UNIX_PATH, b"\0")
    if kind:
        kind |= _DATAGRAM if header.datagram else _STREAM
    more = b"".join([write_tlv(*each) for each in header.tlvs])
    if checksum:
        more = write_tlv(CRC32C, bytes(4)) + more
    command = 0x20 if header.local else 0x21
    made = _V2_HEAD.pack(V2_START, command, kind, len(body) + len(more)) + body + more
    if checksum:
        place = _V2_HEAD.size + len(body) + 3
        made = made[:place] + crc32c(made).to_bytes(4) + made[place + 4 :]
    return made


def _pair(
    header: ProxyHeader,
) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address, tuple[int, int]] | None:
    """
    Return both addresses in one family, an IPv4 one beside an IPv6 one mapped into it.
    """
    source, destination = header.source, header.destination
    if not isinstance(source, tuple) or not isinstance(destination, tuple):
        return None
    first, second = _address(source[0]), _address(destination[0])
    if first.version != second.version:
        first, second = _mapped(first), _mapped(second)
    return first, second, (source[1], destination[1])


def _address(text: str) -> IPv4Address | IPv6Address:
    # The zone of a link-local address means nothing elsewhere.
    return IPv6Address(text.partition("%")[0]) if ":" in text else IPv4Address(text)


def _mapped(address: IPv4Address | IPv6Address) -> IPv6Address:
    return (
        address if address.version == 6 else IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    )
