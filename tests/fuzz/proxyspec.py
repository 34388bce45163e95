"""
PROXY headers read a second time, plainly after HAProxy's proxy-protocol.txt, for comparison.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

Read = tuple[str, Any, Any, list[tuple[int, bytes]], int]
"""What it is (C{local}, C{unknown}, C{stream}, C{dgram}), both ends, TLVs, and the size."""

_FAMILIES = {1: (socket.AF_INET, 4), 2: (socket.AF_INET6, 16)}


def read(data: bytes) -> Read:
    """
    Read a header that is known to be whole and right.
    """
    return _version_1(data) if data.startswith(b"PROXY") else _version_2(data)


def _version_1(data: bytes) -> Read:
    line, _, _ = data.partition(b"\r\n")
    assert len(line) + 2 <= 107
    words = line.decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return "unknown", None, None, [], len(line) + 2
    _, protocol, *ends = words
    family = {"TCP4": socket.AF_INET, "TCP6": socket.AF_INET6}[protocol]
    hosts = [_host(family, socket.inet_pton(family, each)) for each in ends[:2]]
    ports = [int(each) for each in ends[2:]]
    assert [str(each) for each in ports] == ends[2:]
    assert all(0 <= each <= 65535 for each in ports)
    source, destination = zip(hosts, ports, strict=True)
    return "stream", source, destination, [], len(line) + 2


def _version_2(data: bytes) -> Read:
    assert data[:12] == bytes.fromhex("0d0a0d0a000d0a515549540a")
    version, command = divmod(data[12], 16)
    family, transport = divmod(data[13], 16)
    size = 16 + data[14] * 256 + data[15]
    assert (version, command <= 1) == (2, True)
    if not command:
        return "local", None, None, [], size
    rest = data[16:size]
    kind = {0: "unknown", 1: "stream", 2: "dgram"}[transport]
    ends: list[Any] = [None, None]
    if family in _FAMILIES:
        which, long = _FAMILIES[family]
        pair, ports, rest = rest[: 2 * long], rest[2 * long : 2 * long + 4], rest[2 * long + 4 :]
        assert len(ports) == 4
        ends = [
            (_host(which, pair[:long]), ports[0] * 256 + ports[1]),
            (_host(which, pair[long:]), ports[2] * 256 + ports[3]),
        ]
    elif family == 3:
        pair, rest = rest[:216], rest[216:]
        assert len(pair) == 216
        ends = [pair[:108].rstrip(b"\0"), pair[108:].rstrip(b"\0")]
    if not family or not transport:
        kind, ends = "unknown", [None, None]
    return kind, ends[0], ends[1], _vectors(rest, data[:size]), size


def _vectors(rest: bytes, header: bytes) -> list[tuple[int, bytes]]:
    found = []
    while rest:
        size = rest[1] * 256 + rest[2]
        value = rest[3 : 3 + size]
        assert len(value) == size
        if rest[0] == 3:
            place = len(header) - len(rest) + 3
            zeroed = header[:place] + bytes(4) + header[place + 4 :]
            assert int.from_bytes(value) == _crc32c(zeroed)
        found.append((rest[0], value))
        rest = rest[3 + size :]
    return found


def _crc32c(data: bytes) -> int:
    """
    Divide bit by bit, the lowest bit of each byte first.
    """
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            odd = (crc ^ byte >> bit) & 1
            crc >>= 1
            if odd:
                crc ^= 0x82F63B78
    return crc ^ 0xFFFFFFFF


def _host(family: int, packed: bytes) -> str:
    mapped = bytes(10) + b"\xff\xff"
    if family == socket.AF_INET6 and packed.startswith(mapped):
        family, packed = socket.AF_INET, packed[12:]
    # There are several ways to write an IPv6 address: brought to one.
    return str(ip_address(socket.inet_ntop(family, packed)))
