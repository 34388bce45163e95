"""
HTTP/2 within TLS, several requests at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

from tests.chaos.clients.base import Client, close
from tests.chaos.clients.h1 import BODIES, KEPT, SIZES
from tests.chaos.member import repeated
from tests.chaos.sheet import Failed, Trouble, trouble_of

MOST_AT_ONCE = 6
GOAWAY = 7


@dataclass(slots=True)
class Asked:
    """
    One request, and what has come of its answer.

    @ivar rest: what is yet to be sent of its body.
    """

    ident: str
    size: int
    rest: bytes
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
    _safe = True
    _partial = b""

    def is_safe(self) -> bool:
        return self._safe

    async def leave(self) -> None:
        if self._streams is not None:
            await close(self._streams[1])
        self._streams = None

    async def turn(self) -> int:
        if self._streams is None:
            self._streams, self._used, self._goes = await self.dial(), False, False
            self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
            self._h2.initiate_connection()
            self._partial = b""
        self._safe = True
        asked: dict[int, Asked] = {}
        for _ in range(self.random.randint(1, MOST_AT_ONCE)):
            self._ask(asked)
        try:
            while not all(each.over for each in asked.values()):
                await self._pump(asked)
        except ProtocolError as error:
            raise Failed(Trouble.MIXED, f"{self._open(asked)}: {error!r}") from error
        except (OSError, EOFError) as error:
            raise self._ended(asked, error) from error
        self._used = True
        done = sum(self._judged(each) for each in asked.values())
        if self._goes:
            await self.leave()
        return done

    def _ask(self, asked: dict[int, Asked]) -> None:
        ident, size = self.ident(), self.random.choice(SIZES)
        put = self.random.random() < 0.2
        body = repeated(ident, self.random.choice(BODIES)) if put else b""
        self._safe = self._safe and len(body) <= KEPT
        fields = [
            (":method", "PUT" if put else "GET"),
            (":scheme", "https"),
            (":authority", "chaos.test"),
            (":path", f"/do?id={ident}&size={size}"),
            ("x-request-id", ident),
            *([("content-length", str(len(body)))] if put else ()),
        ]
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, fields, end_stream=not put)
        asked[number] = Asked(ident, size, body)

    async def _pump(self, asked: dict[int, Asked]) -> None:
        assert self._streams is not None
        reader, writer = self._streams
        for number, each in asked.items():
            self._send(number, each)
        writer.write(self._h2.data_to_send())
        if not (data := await reader.read(65536)):
            raise EOFError("the connection ended")
        for frame in self._frames(data):
            for event in self._h2.receive_data(frame):
                self._happened(event, asked)
            if frame[3] == GOAWAY:
                # To this library all is over then; RFC 9113 6.8 has the streams go on.
                self._h2.state_machine.state = ConnectionState.CLIENT_OPEN
            writer.write(self._h2.data_to_send())

    def _send(self, number: int, each: Asked) -> None:
        """
        Send of a body what there is room for.
        """
        while each.rest and not each.over:
            window = self._h2.local_flow_control_window(number)
            if not (size := min(window, self._h2.max_outbound_frame_size, len(each.rest))):
                return
            piece, each.rest = each.rest[:size], each.rest[size:]
            self._h2.send_data(number, piece, not each.rest)

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """
        Yield the frames that are whole, one by one.
        """
        data = self._partial + data
        while len(data) >= (end := 9 + int.from_bytes(data[:3], "big")):
            yield data[:end]
            data = data[end:]
        self._partial = data

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
            text = f"{each.ident}: {each.status} {bytes(each.body[:80])!r}"
            raise Failed(trouble_of(each.status), text)
        if each.body != repeated(each.ident, max(each.size, len(each.ident))):
            raise Failed(Trouble.MIXED, f"{each.ident}: {bytes(each.body[:80])!r}")
        return 1

    def _ended(self, asked: dict[int, Asked], error: Exception) -> Failed:
        cut = any(each.status and not each.over for each in asked.values())
        early = Trouble.STALE if self._used else Trouble.CLOSED
        return Failed(Trouble.BROKEN if cut else early, f"{self._open(asked)}: {error!r}")

    def _open(self, asked: dict[int, Asked]) -> str:
        return " ".join(each.ident for each in asked.values() if not each.over)
