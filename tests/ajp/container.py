"""
The other end of AJP: what a container reads and writes, written apart from the package.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

METHODS = {1: b"OPTIONS", 2: b"GET", 3: b"HEAD", 4: b"POST", 5: b"PUT", 6: b"DELETE"}
NAMES = (
    b"accept accept-charset accept-encoding accept-language authorization connection content-type"
    b" content-length cookie cookie2 host pragma referer user-agent"
).split()
TEXTS = {
    0x03: "remote_user",
    0x04: "auth_type",
    0x05: "query_string",
    0x06: "route",
    0x0C: "secret",
    0x0D: "method",
}
CPING = b"\x12\x34\0\x01\x0a"
CPONG = b"AB\0\x01\x09"


@dataclass
class Asked:
    """
    A request as a container understands it.
    """

    method: bytes = b""
    protocol: bytes = b""
    path: bytes = b""
    address: bytes | None = b""
    name: bytes = b""
    port: int = 0
    secure: bool = False
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    attributes: dict[str, bytes] = field(default_factory=dict)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        self.at += 2
        return int(struct.unpack_from(">H", self.data, self.at - 2)[0])

    def string(self) -> bytes | None:
        size = self.number()
        if size == 0xFFFF:
            return None
        found = self.data[self.at : self.at + size]
        assert self.data[self.at + size] == 0
        self.at += size + 1
        return found

    def name(self) -> bytes:
        if self.data[self.at] == 0xA0:
            return NAMES[self.number() - 0xA001]
        found = self.string()
        assert found is not None
        return found


def packets(data: bytes) -> list[bytes]:
    """
    Split what was sent to a container.
    """
    found = []
    while data:
        assert data[:2] == b"\x12\x34"
        size = struct.unpack_from(">H", data, 2)[0]
        assert len(data) >= 4 + size
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def asked(payload: bytes) -> Asked:
    """
    Read a request.
    """
    read = _Reader(payload)
    assert read.byte() == 2
    made = Asked(METHODS.get(read.byte(), b""))
    made.protocol = read.string() or b""
    made.path = read.string() or b""
    made.address = read.string()
    assert read.string() is None
    made.name = read.string() or b""
    made.port = read.number()
    made.secure = bool(read.byte())
    for _ in range(read.number()):
        name = read.name()
        made.headers.append((name, read.string() or b""))
    while (code := read.byte()) != 0xFF:
        if code == 0x0A:
            name = read.string() or b""
            made.attributes[name.decode()] = read.string() or b""
        elif code == 0x0B:
            made.attributes["key_size"] = b"%d" % read.number()
        else:
            made.attributes[TEXTS.get(code, hex(code))] = read.string() or b""
    assert read.at == len(payload)
    made.method = made.attributes.get("method", made.method)
    return made


def body(payload: bytes) -> bytes:
    """
    Read a piece of a body.
    """
    size = struct.unpack_from(">H", payload)[0]
    assert len(payload) == 2 + size
    return payload[2:]


def packet(payload: bytes) -> bytes:
    """
    Write a packet of a container.
    """
    return b"AB" + struct.pack(">H", len(payload)) + payload


def string(value: bytes) -> bytes:
    """
    Write a string.
    """
    return struct.pack(">H", len(value)) + value + b"\0"


def head(*headers: tuple[bytes | int, bytes], status: int = 200, phrase: bytes = b"OK") -> bytes:
    """
    Write the head of an answer; names that are numbers are codes.
    """
    made = b"\4" + struct.pack(">H", status) + string(phrase) + struct.pack(">H", len(headers))
    for name, value in headers:
        made += (struct.pack(">H", name) if isinstance(name, int) else string(name)) + string(value)
    return packet(made)


def piece(data: bytes) -> bytes:
    """
    Write a piece of an answer's body.
    """
    return packet(b"\3" + struct.pack(">H", len(data)) + data + b"\0")


def end(reuse: bool = True) -> bytes:
    """
    Write the end of an answer.
    """
    return packet(b"\5" + bytes((reuse,)))


def ask(size: int = 8186) -> bytes:
    """
    Ask for more of a request's body.
    """
    return packet(b"\6" + struct.pack(">H", size))


OK = head((0xA003, b"2")) + piece(b"ok") + end()
