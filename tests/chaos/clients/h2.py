"""
HTTP/2 within TLS, several requests at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

from tests.chaos.clients.base import Client, close
from tests.chaos.clients.h1 import BODIES, SIZES
from tests.chaos.member import repeated
from tests.chaos.sheet import Failed, Trouble

MOST_AT_ONCE = 6


@dataclass(slots=True)
class Asked:
    """
    One request, and what has come of its answer.
    """

    ident: str
    size: int
    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    over: bool = False
    reset: int | None = None


class Http2(Client):
    """
    A turn is some requests at once, C{GET} and C{PUT}, which can all be sent twice.
    """

    protocol = "h2"
    lasts = 25
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    _h2: H2Connection
    _used = False
    _goes = False

    def is_safe(self) -> bool:
        return True

    async def leave(self) -> None:
        if self._streams is not None:
            await close(self._streams[1])
        self._streams = None

    async def turn(self) -> int:
        if self._streams is None:
            self._streams, self._used, self._goes = await self.dial(), False, False
            self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
            self._h2.initiate_connection()
        asked: dict[int, Asked] = {}
        for _ in range(self.random.randint(1, MOST_AT_ONCE)):
            self._ask(asked)
        try:
            while not all(each.over for each in asked.values()):
                await self._pump(asked)
        except (OSError, EOFError, ProtocolError) as error:
            raise self._ended(asked, error) from error
        self._used = True
        done = sum(self._judged(each) for each in asked.values())
        if self._goes:
            await self.leave()
        return done

    def _ask(self, asked: dict[int, Asked]) -> None:
        ident, size = self.ident(), self.random.choice(SIZES)
        body = repeated(ident, self.random.choice(BODIES))
        # A body goes out at once, so there has to be room for it.
        put = self.random.random() < 0.2 and len(body) <= self._h2.outbound_flow_control_window
        fields = [
            (":method", "PUT" if put else "GET"),
            (":scheme", "https"),
            (":authority", "chaos.test"),
            (":path", f"/do?id={ident}&size={size}"),
            *([("content-length", str(len(body)))] if put else ()),
        ]
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, fields, end_stream=not put)
        most = self._h2.max_outbound_frame_size
        for start in range(0, len(body) if put else 0, most):
            self._h2.send_data(number, body[start : start + most], start + most >= len(body))
        asked[number] = Asked(ident, size)

    async def _pump(self, asked: dict[int, Asked]) -> None:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(self._h2.data_to_send())
        if not (data := await reader.read(65536)):
            raise EOFError("the connection ended")
        for event in self._h2.receive_data(data):
            self._happened(event, asked)

    def _happened(self, event: Any, asked: dict[int, Asked]) -> None:
        if isinstance(event, ConnectionTerminated):
            self._goes = True
            # What the balancer says that it has not begun may be asked anew: RFC 9113 6.8.
            for number in [each for each in asked if each > event.last_stream_id]:
                del asked[number]
            return
        if not (each := asked.get(getattr(event, "stream_id", 0))):
            return
        if isinstance(event, ResponseReceived):
            each.status = int(dict(event.headers)[":status"])
        elif isinstance(event, DataReceived):
            each.body += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamReset):
            each.over, each.reset = True, event.error_code
        elif isinstance(event, StreamEnded):
            each.over = True

    def _judged(self, each: Asked) -> int:
        if each.reset is not None:
            trouble = Trouble.BROKEN if each.status else Trouble.CLOSED
            raise Failed(trouble, f"{each.ident}: reset with {each.reset}")
        if each.status != 200:
            trouble = Trouble.MIXED if each.status == 409 else Trouble.STATUS
            raise Failed(trouble, f"{each.ident}: {each.status} {bytes(each.body[:80])!r}")
        if each.body != repeated(each.ident, max(each.size, len(each.ident))):
            raise Failed(Trouble.MIXED, f"{each.ident}: {bytes(each.body[:80])!r}")
        return 1

    def _ended(self, asked: dict[int, Asked], error: Exception) -> Failed:
        cut = any(each.status and not each.over for each in asked.values())
        early = Trouble.STALE if self._used else Trouble.CLOSED
        idents = " ".join(each.ident for each in asked.values() if not each.over)
        return Failed(Trouble.BROKEN if cut else early, f"{idents}: {error!r}")
