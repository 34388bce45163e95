"""
WebSocket and TCP: what is said has to come back.
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from tests.chaos.clients.base import TUNNEL_PATIENCE, Client, close
from tests.chaos.member import repeated
from tests.chaos.sheet import Failed, Trouble

LENGTHS = (0, 0, 100, 4000)


class Chat(Client):
    """
    A WebSocket.
    """

    protocol = "ws"
    patience = TUNNEL_PATIENCE
    lasts = 100
    _socket: ClientConnection | None = None
    _opening = False

    async def leave(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()
        self._socket = None

    async def turn(self) -> int:
        if self._socket is None:
            self._socket = await self._open()
        ident = self.ident()
        said = repeated(ident, max(len(ident), self.random.choice(LENGTHS))).decode()
        try:
            await self._socket.send(said)
            heard = await self._socket.recv()
        except ConnectionClosed as error:
            unread = error.sent is not None and not error.rcvd_then_sent
            trouble = Trouble.MIXED if unread else Trouble.STALE
            raise Failed(trouble, f"{ident}: {error}") from error
        if heard != said:
            raise Failed(Trouble.MIXED, f"{ident}: {heard[:80]!r}")
        return 1

    async def _open(self) -> ClientConnection:
        url = f"ws://127.0.0.1:{self._target.port}/chat"
        try:
            return await connect(url, open_timeout=None, ping_interval=None, proxy=None)
        except InvalidStatus as error:
            raise Failed(Trouble.STATUS, str(error)) from error
        except InvalidMessage as error:
            ended = isinstance(error.__cause__, (EOFError, OSError))
            raise Failed(Trouble.CLOSED if ended else Trouble.MIXED, str(error)) from error
        except OSError as error:
            raise Failed(Trouble.REFUSED, str(error)) from error


class Echo(Client):
    """
    A TCP connection, on which the member speaks first.
    """

    protocol = "tcp"
    patience = TUNNEL_PATIENCE
    lasts = 60
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def leave(self) -> None:
        if self._streams is not None:
            await close(self._streams[1])
        self._streams = None

    async def turn(self) -> int:
        fresh = self._streams is None
        if self._streams is None:
            self._streams = await self.dial()
        reader, writer = self._streams
        ident = self.ident()
        said = repeated(ident, max(len(ident), self.random.choice(LENGTHS))) + b"\n"
        try:
            if fresh:
                _check_greeting(ident, await reader.readline())
            writer.write(said)
            heard = await reader.readline()
        except OSError as error:
            raise Failed(Trouble.STALE, f"{ident}: {error}") from error
        if not heard.endswith(b"\n") and said.startswith(heard):
            raise Failed(Trouble.STALE, f"{ident}: the connection ended")
        if heard != said:
            raise Failed(Trouble.MIXED, f"{ident}: {heard[:80]!r}")
        return 1


def _check_greeting(ident: str, line: bytes) -> None:
    if not line.endswith(b"\n"):
        raise Failed(Trouble.CLOSED, f"{ident}: the connection ended")
    if not line.startswith(b"web"):
        raise Failed(Trouble.MIXED, f"{ident}: no name of a member: {line[:80]!r}")
