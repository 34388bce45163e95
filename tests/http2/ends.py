"""
Connections whose streams note what happens to them.
"""

from __future__ import annotations

from typing import Any

from txbalancer.errors import BadResponse
from txbalancer.http2 import frames
from txbalancer.http2.connection import Connection
from txbalancer.http2.limits import Limits
from txbalancer.http2.literals import Literals
from txbalancer.http2.requesting import Requesting
from txbalancer.http2.settings import greeting
from txbalancer.http2.stream import Stream

SETTINGS = frames.settings_frame(())


class NotedStream(Stream):
    """
    Notes what comes; consumes it at once unless C{holds}.
    """

    def __init__(self, connection: Any, number: int, events: list[Any]) -> None:
        super().__init__(connection, number)
        self.events = events
        self.holds = False

    def received_fields(self, fields: Any, ended: bool) -> None:
        self.events.append(("fields", self.number, fields, ended))

    def received_data(self, data: bytes, ended: bool) -> None:
        self.events.append(("data", self.number, data, ended))
        if not self.holds:
            self.consumed(len(data))

    def broke_off(self, code: int) -> None:
        self.events.append(("broke-off", self.number, code))

    def drained(self) -> None:
        self.events.append(("drained", self.number))

    def ended_sending(self) -> None:
        self.events.append(("sent", self.number))


class _Noting:
    events: list[Any]
    sent: bytes
    out: list[bytes]

    def flush(self) -> None:
        self.sent += b"".join(self.out)
        self.out.clear()

    def taken(self) -> bytes:
        """
        Return what was sent since this was last asked.
        """
        self.flush()
        sent, self.sent = self.sent, b""
        return sent

    def abused(self, what: str) -> None:
        self.events.append(("abused", what))

    def take_pong(self, data: bytes) -> None:
        self.events.append(("pong", data))

    def settled(self) -> None:
        self.events.append(("settled",))


class Server(_Noting, Connection):
    """
    The server's end.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.events, self.sent = [], b""
        super().__init__(limits or Limits(), Literals())
        self.out.append(greeting(self.limits, server=True))

    def open_stream(self, number: int) -> Stream:
        return NotedStream(self, number, self.events)

    def take_goaway(self, last: int, code: int) -> None:
        self.events.append(("goaway", last, code))


class Client(_Noting, Requesting):
    """
    The client's end, without the preface.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.events, self.sent = [], b""
        super().__init__(limits or Limits(), Literals())
        self.out.append(greeting(self.limits, server=False))

    def request(self, path: str = "/", method: str = "GET", ended: bool = True) -> NotedStream:
        stream = NotedStream(self, self.next, self.events)
        self.add(stream)
        lines = [f":method: {method}", ":scheme: http", ":authority: a.test", f":path: {path}"]
        stream.send([each.encode() for each in lines], b"", ended)
        return stream


def settled(limits: Limits | None = None) -> Server:
    """
    Make a server's end whose client has sent its settings.
    """
    server = Server(limits)
    server.receive(SETTINGS, 1.0)
    server.taken()
    server.events.clear()
    return server


def read_frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """
    Take bytes apart: type, flags, stream and payload of each frame.
    """
    found = []
    while data:
        high, low, kind, flags, number = frames.unpack_head(data, 0)
        end = 9 + (high << 8 | low)
        assert len(data) >= end
        found.append((kind, flags, number, data[9:end]))
        data = data[end:]
    return found


FAULT = BadResponse
