"""
The other end of FastCGI: what an application reads and writes, written apart from the package.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field


@dataclass
class Asked:
    """
    A request as an application understands it.

    @ivar ended: whether its body is over.
    """

    role: int = 0
    keeps: bool = False
    params: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False


class Application:
    """
    Reads what is sent to one connection.
    """

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self._params = b""

    def read(self, data: bytes) -> Asked:
        """
        Read whole records; return the request that they belong to.
        """
        while data:
            version, kind, number, size, padding = struct.unpack_from(">BBHHBx", data)
            assert (version, number) == (1, 1)
            content = data[8 : 8 + size]
            assert len(content) == size
            data = data[8 + size + padding :]
            self._record(kind, content)
        return self.requests[-1]

    def _record(self, kind: int, content: bytes) -> None:
        if kind == 1:
            role, flags = struct.unpack_from(">HB", content)
            self.requests.append(Asked(role, bool(flags & 1)))
        elif kind == 4:
            self._params += content
            if not content:
                self.requests[-1].params = _params(self._params)
                self._params = b""
        else:
            assert kind == 5
            request = self.requests[-1]
            assert not request.ended
            request.body += content
            request.ended = not content


def _params(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        sizes = []
        for _ in range(2):
            if data[at] < 128:
                sizes.append(data[at])
                at += 1
            else:
                sizes.append(struct.unpack_from(">I", data, at)[0] & 0x7FFFFFFF)
                at += 4
        name, at = data[at : at + sizes[0]].decode(), at + sizes[0]
        assert name not in found, f"{name} is there twice"
        found[name], at = data[at : at + sizes[1]].decode("latin-1"), at + sizes[1]
    return found


def record(kind: int, content: bytes = b"", padding: int = 0) -> bytes:
    """
    Write a record.
    """
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), padding) + content + bytes(padding)


def out(data: bytes) -> bytes:
    """
    Write a piece of the answer.
    """
    return record(6, data, -len(data) % 8)


def complaint(data: bytes) -> bytes:
    """
    Write to the log.
    """
    return record(7, data)


END = record(6) + record(3, bytes(8))
OK = out(b"Content-Length: 2\r\n\r\nok") + END
