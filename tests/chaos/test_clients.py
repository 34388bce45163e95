"""
What clients make of answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any, TypeVar

import pytest

from tests.chaos.clients.base import Client, Pause, Target
from tests.chaos.clients.h1 import Http
from tests.chaos.clients.tunnels import Chat, Echo
from tests.chaos.sheet import Sheet, Trouble

T = TypeVar("T")

JUNK = (
    b"\x00\x01 this is no answer\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"200\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    b"web1\n" + b"x" * (2 << 20) + b"\n",
)


async def told(kind: type[Client], answer: bytes, turns: int) -> list[Trouble]:
    """
    Return what a client notes of so many turns, each of which is answered alike.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if kind is not Echo:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            await reader.read()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    sheet, found = Sheet(), list[Trouble]()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        client = kind(1, Target(server.sockets[0].getsockname()[1]), sheet, 1)
        task = asyncio.create_task(client.run(Pause()))
        while len(found) < turns and not task.done():
            found += [each.trouble for each in sheet.take()]
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.leave()
    return found


def run(what: Coroutine[Any, Any, T]) -> T:
    """
    Run it in a loop of its own; the main thread may be in one, of a browser's driver.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, what).result()


@pytest.mark.parametrize(
    ("kind", "answer"),
    # To the library a line that is too long is a connection that ended.
    [*product((Http, Chat, Echo), JUNK[:-1]), *product((Http, Echo), JUNK[-1:])],
)
def test_what_cannot_be_read(kind: type[Client], answer: bytes) -> None:
    """
    Bytes that are no answer count as another's, for which there is no excuse, and the client
    goes on.
    """
    assert run(told(kind, answer, 2)) == [Trouble.MIXED] * 2


@pytest.mark.parametrize(
    ("status", "trouble"),
    [(429, Trouble.LIMITED), (409, Trouble.MIXED), (503, Trouble.STATUS)],
)
def test_errors(status: int, trouble: Trouble) -> None:
    """
    An answer of a limit is told from other errors.
    """
    answer = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
    assert run(told(Http, answer, 1)) == [trouble]
