"""
A member as a process of its own: HTTP, WebSocket and TCP on three ports.

    python -m tests.chaos.member NAME ADDRESS HTTP_PORT CHAT_PORT ECHO_PORT

Each answer repeats the id of its request, as often as fills the size that was asked for. Lines of
JSON on standard input change how it behaves, see L{Manner}, and each is answered with how often it
did not behave well before; the end of that input ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

MOST_HEAD = 65536


@dataclass(frozen=True, slots=True)
class Manner:
    """
    @ivar answers: C{well}; C{hang} = never; C{drop} = closes instead; C{garbage} = no HTTP;
        C{slow} = after up to 0.3 s.
    @ivar health: the status of C{/health}; 0 = none ever comes.
    """

    answers: str = "well"
    health: int = 200


class Member:
    """
    What the three protocols share.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.manner = Manner()
        self._misdeeds = 0

    async def asked(self) -> None:
        """
        Wait for as long as the manner says.
        """
        self._misdeeds += self.manner.answers != "well"
        if self.manner.answers == "slow":
            await asyncio.sleep(random.uniform(0.0, 0.3))
        while self.manner.answers == "hang":
            await asyncio.sleep(0.1)

    # -- HTTP

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Serve a connection.
        """
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        _, target, _ = first.split(" ")
        parts = urlsplit(target)
        if parts.path == "/health":
            self._misdeeds += self.manner.health != 200
            while not self.manner.health:
                await asyncio.sleep(0.1)
            return await self._answer(writer, self.manner.health, b"health\n")
        await self.asked()
        if self.manner.answers == "drop":
            return False
        if self.manner.answers == "garbage":
            writer.write(b"\x00\x01 this is no answer\r\n\r\n")
            return False
        query = {key: each[0] for key, each in parse_qs(parts.query).items()}
        ident, size = query["id"], int(query.get("size", "0"))
        if body != repeated(ident, len(body)):
            return await self._answer(writer, 409, b"this is the body of another request\n")
        return await self._answer(writer, 200, repeated(ident, max(size, len(ident))), ident)

    async def _answer(
        self, writer: asyncio.StreamWriter, status: int, body: bytes, ident: str = ""
    ) -> bool:
        lines = [f"HTTP/1.1 {status} Said", f"X-Member: {self.name}"]
        # As of most members there is a line that no other answer has.
        lines += [f"X-Request-Id: {ident}"] if ident else []
        writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode())
        writer.write(body)
        await writer.drain()
        return True

    # -- the others

    async def chat(self, connection: ServerConnection) -> None:
        """
        Say each message of a WebSocket back.
        """
        try:
            async for message in connection:
                await self.asked()
                await connection.send(message)
        except ConnectionClosed:
            pass

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Say each line of a connection back, after the own name.
        """
        try:
            writer.write(f"{self.name}\n".encode())
            while line := await reader.readline():
                await self.asked()
                writer.write(line)
                await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()

    # -- orders

    async def obey(self) -> None:
        """
        Take orders until there are no more.
        """
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self.manner = replace(Manner(), **json.loads(line))
            print(self._misdeeds, flush=True)
            self._misdeeds = 0


def repeated(ident: str, size: int) -> bytes:
    """
    Return an id, repeated with blanks between, cut to a size.
    """
    word = f"{ident} ".encode()
    return (word * (size // len(word) + 1))[:size]


async def run(name: str, address: str, http: int, chat: int, echo: int) -> None:
    """
    Serve until standard input ends.
    """
    member = Member(name)
    await asyncio.start_server(member.http, address, http, limit=MOST_HEAD, backlog=1024)
    await asyncio.start_server(member.echo, address, echo, backlog=1024)
    await serve(member.chat, address, chat, ping_interval=None)
    print("serving", flush=True)
    await member.obey()
    # Nobody asks for more, and clients need not be waited for.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:3], *map(int, sys.argv[3:6])))
