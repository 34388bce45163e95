"""
A raw client: sends the bytes of a test, and reads whatever comes back.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from typing import Self

from tests.differential.members import PATIENCE, Reader

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a client got for one request.

    @ivar interims: heads of 1xx answers before it.
    @ivar status: 0 when the connection ended without an answer.
    @ivar headers: in order, names as sent.
    @ivar body: without its chunks.
    @ivar whole: whether the body came to its announced end.
    @ivar stays: whether the connection is good for another request.
    """

    interims: tuple[tuple[int, Headers], ...] = ()
    version: str = ""
    status: int = 0
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""
    whole: bool = False
    stays: bool = False

    def values(self, name: str) -> list[str]:
        """
        Return the values of a header, one for each line.
        """
        return [value for each, value in self.headers if each.lower() == name]


class Client:
    """
    One connection.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader(self.socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """
        Send bytes; a peer that has closed already shows when reading.
        """
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def finish(self) -> None:
        """
        Send no more.
        """
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def read(self, data_size: int) -> bytes:
        """
        Read a number of bytes of a tunnel.
        """
        return self._reader.exactly(data_size)

    def peek(self, size: int) -> bytes:
        """
        Return the first bytes of what comes, and leave them.
        """
        with contextlib.suppress(EOFError, ConnectionError):
            while len(self._reader.buffer) < size:
                self._reader.fill()
        return self._reader.buffer[:size]

    def rest(self) -> bytes:
        """
        Read to the end.
        """
        found = b""
        with contextlib.suppress(ConnectionError):
            while data := self._reader.read():
                found += data
        return found

    def answer(self, method: bytes = b"GET") -> Answer:
        """
        Read one answer.
        """
        interims: list[tuple[int, Headers]] = []
        while True:
            try:
                version, status, reason, headers = self._head()
            except (EOFError, ConnectionError):
                return Answer(tuple(interims))
            if not 100 <= status < 200 or status == 101:
                break
            interims.append((status, headers))
        found = {name.lower(): value for name, value in headers}
        stays = found.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        stays = stays or found.get("connection", "").lower() == "keep-alive"
        body, whole = b"", True
        if method != b"HEAD" and status not in (101, 204, 304):
            body, whole = self._body(found)
            stays = stays and whole and bool({"content-length", "transfer-encoding"} & set(found))
        return Answer(tuple(interims), version, status, reason, headers, body, whole, stays)

    def _head(self) -> tuple[str, int, str, Headers]:
        first, *lines = self._reader.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        status, _, reason = rest.partition(" ")
        pairs = (line.partition(":") for line in lines)
        return (
            version,
            int(status),
            reason,
            tuple((name, value.strip()) for name, _, value in pairs),
        )

    def _body(self, found: dict[str, str]) -> tuple[bytes, bool]:
        body = bytearray()
        try:
            if "transfer-encoding" in found:
                while size := int(self._reader.until(b"\r\n").partition(b";")[0], 16):
                    self._piece(size, body)
                    self._reader.exactly(2)
                while self._reader.until(b"\r\n"):
                    pass
            elif "content-length" in found:
                self._piece(int(found["content-length"]), body)
            else:
                while data := self._reader.read():
                    body += data
        except (EOFError, ConnectionError, ValueError):
            return bytes(body), False
        return bytes(body), True

    def _piece(self, size: int, body: bytearray) -> None:
        """
        Add so many bytes to a body; those that came stay when the rest does not.
        """
        while size:
            if not (data := self._reader.read()):
                raise EOFError
            body += data[:size]
            self._reader.buffer = data[size:]
            size -= min(size, len(data))
