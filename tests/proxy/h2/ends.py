"""
The far ends of HTTP/2 connections in memory.
"""

from __future__ import annotations

from typing import Any

from tests.http2.ends import Client, NotedStream, Server, read_frames
from txbalancer.http2 import frames
from txbalancer.http2.frames import PREFACE
from txbalancer.http2.limits import Limits
from txbalancer.testing import MemoryRig, MemoryTransport

HOME = [b":method: GET", b":scheme: http", b":authority: shop.test", b":path: /"]


class _End:
    end: Any
    transport: MemoryTransport

    def pump(self) -> None:
        """
        Carry bytes both ways until there are no more.
        """
        while True:
            data = self.transport.taken()
            if data:
                self.read(data)
            out = self.end.taken()
            if out:
                self.transport.send(out)
            if not data and not out:
                return

    def read(self, data: bytes) -> None:
        """
        Take what came.
        """
        self.goaways += [
            frames.unpack_goaway(payload)
            for kind, _, _, payload in read_frames(data)
            if kind == frames.GOAWAY
        ]
        self.end.receive(data, 1.0)

    goaways: list[tuple[int, int]]

    @property
    def events(self) -> list[Any]:
        """
        Return what happened.
        """
        self.pump()
        return list(self.end.events)

    def of(self, number: int) -> list[Any]:
        """
        Return what happened on a stream, but for its number and what was only sent.
        """
        skipped = ("sent", "drained")
        return [
            (each[0], *each[2:])
            for each in self.events
            if len(each) > 1 and each[1] == number and each[0] not in skipped
        ]

    def body(self, number: int) -> bytes:
        """
        Return the body that came on a stream.
        """
        return b"".join(each[1] for each in self.of(number) if each[0] == "data")

    def raw(self, data: bytes) -> None:
        """
        Send bytes that are no business of the protocol's.
        """
        self.transport.send(data)


class Browser(_End):
    """
    A client.

    @ivar goaways: last stream and code of each GOAWAY that came.
    """

    end: Client

    def __init__(self, rig: MemoryRig, limits: Limits | None = None) -> None:
        self.goaways = []
        self.transport = rig.client()
        self.end = Client(limits)
        self.transport.send(PREFACE + self.end.taken())
        self.pump()

    def ask(
        self,
        path: str = "/",
        *more: bytes,
        method: str = "GET",
        body: bytes | None = None,
        ended: bool = True,
    ) -> NotedStream:
        """
        Make a request; with a body that is not C{ended} more may follow.
        """
        stream = NotedStream(self.end, self.end.next, self.end.events)
        self.end.add(stream)
        head = [f":method: {method}", ":scheme: http", ":authority: shop.test", f":path: {path}"]
        lines = [*(each.encode() for each in head), *more]
        if body is None:
            stream.send(lines, b"", ended)
        else:
            stream.send(lines, b"", False)
            stream.send_data(body, ended)
        self.pump()
        return stream

    def status(self, number: int) -> int:
        """
        Return the status of an answer.
        """
        (fields, *_) = [each[1] for each in self.of(number) if each[0] == "fields"]
        return int(dict(fields)[b":status"])

    def fields(self, number: int) -> dict[bytes, bytes]:
        """
        Return the fields of an answer's head.
        """
        return dict(next(each[1] for each in self.of(number) if each[0] == "fields"))


class Container(_End):
    """
    A member.
    """

    end: Server

    def __init__(self, transport: MemoryTransport, limits: Limits | None = None) -> None:
        self.goaways = []
        self.transport = transport
        self.end = Server(limits)
        self._greeted = False
        self.pump()

    def read(self, data: bytes) -> None:
        """
        Take the preface off first.
        """
        if not self._greeted:
            assert data.startswith(PREFACE)
            self._greeted = True
            data = data.removeprefix(PREFACE)
        super().read(data)

    def answer(
        self, number: int, *lines: bytes, body: bytes = b"", last: bool = True, status: int = 200
    ) -> Any:
        """
        Answer a request.
        """
        stream = self.end.streams[number]
        stream.send([b":status: %d" % status, *lines], b"", last and not body)
        if body:
            stream.send_data(body, last)
        self.pump()
        return stream
