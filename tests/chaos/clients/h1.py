"""
HTTP/1.1, plain and within TLS.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from tests.chaos.clients.base import Client, close
from tests.chaos.member import repeated
from tests.chaos.sheet import Failed, Trouble, trouble_of

BIG = 1_000_000
"""Bytes that go from socket to socket by splice(2), where no TLS is."""

SIZES = (*(0,) * 6, *(200, 5000, 70_000) * 2, 300_000, BIG)
BODIES = (*(10, 2000, 30_000) * 2, BIG)
KEPT = 65_536
"""Bytes of a request's body up to which it can be sent to another member."""


class Http(Client):
    """
    Keeps its connection; C{GET} mostly, C{PUT} and C{POST} at times, sessions now and then.
    """

    protocol: ClassVar[str] = "http"
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    _used = False
    _method = "GET"
    _body = b""
    _cookie = ""

    def is_safe(self) -> bool:
        return self._method != "POST" and len(self._body) <= KEPT

    async def leave(self) -> None:
        if self._streams is not None:
            await close(self._streams[1])
        self._streams = None
        if self.random.random() < 0.5:
            self._cookie = ""

    async def turn(self) -> int:
        self._method = self.random.choices(("GET", "PUT", "POST"), (14, 3, 1))[0]
        if self._streams is None:
            self._streams, self._used = await self.dial(), False
        ident, size = self.ident(), self.random.choice(SIZES)
        began = False
        try:
            self._ask(ident, size)
            status, length, last = await self._head()
            began = True
            body = await self._streams[0].readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            cut = began or bool(getattr(error, "partial", b""))
            early = Trouble.STALE if self._used else Trouble.CLOSED
            raise Failed(Trouble.BROKEN if cut else early, f"{ident}: {error}") from error
        self._used = True
        if status != 200:
            raise Failed(trouble_of(status), f"{ident}: {status} {body[:80]!r}")
        if body != repeated(ident, max(size, len(ident))):
            raise Failed(Trouble.MIXED, f"{ident}: {body[:80]!r}")
        if last:
            await self.leave()
        return 1

    def _ask(self, ident: str, size: int) -> None:
        assert self._streams is not None
        self._body = b""
        if self._method != "GET":
            self._body = repeated(ident, self.random.choice(BODIES))
        lines = [f"{self._method} /do?id={ident}&size={size} HTTP/1.1", "Host: chaos.test"]
        lines.append(f"X-Request-Id: {ident}")
        if self._cookie:
            lines.append(f"Cookie: {self._cookie}")
        if self._body:
            lines.append(f"Content-Length: {len(self._body)}")
        self._streams[1].write("\r\n".join([*lines, "", ""]).encode() + self._body)

    async def _head(self) -> tuple[int, int, bool]:
        """
        Return the status, the length of the body, and whether the connection ends with it.
        """
        assert self._streams is not None
        head = (await self._streams[0].readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        length, last = 0, False
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "connection":
                last = value.lower() == "close"
            elif name.lower() == "set-cookie":
                self._cookie = value.partition(";")[0]
        version, status, _ = first.split(" ", 2)
        if version != "HTTP/1.1":
            raise ValueError(f"no status line: {first!r}")
        return int(status), length, last


class Https(Http):
    """
    The same within TLS, with more handshakes.
    """

    protocol = "https"
    lasts = 15
