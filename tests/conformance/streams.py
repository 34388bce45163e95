"""
A client of HTTP/2 for scenarios that are written in the words of HTTP/1.1.

It frames by the C{h2} package, which knows nothing of the code under test; what it sends and
gets is told as L{Client<tests.conformance.wire.Client>} tells it, but for what only HTTP/1.1 has.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import StreamClosedError

from tests.conformance.wire import PATIENCE, Answer, Headers, request

_OWN = (b"connection", b"keep-alive", b"proxy-connection", b"host", b"transfer-encoding")
_PIECE = 16384


class StreamClient:
    """
    One connection; each request has the next stream, and answers are asked for in that order.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.settimeout(PATIENCE)
        self._ended = False
        self._happened: dict[int, deque[Any]] = {}
        self._asked: deque[int] = deque()
        self._connection = H2Connection(
            H2Configuration(header_encoding=None, normalize_outbound_headers=False)
        )
        self._connection.initiate_connection()
        self._flush()

    def ask(self, *lines: bytes, start: bytes = b"GET / HTTP/1.1", body: bytes = b"") -> Answer:
        """
        Send a request with an authority and C{lines}, and read its answer.
        """
        self.send(request(*lines, start=start, body=body))
        return self.answer(start.split(b" ")[0])

    def send(self, data: bytes) -> None:
        """
        Send a whole request that is written as HTTP/1.1 has it.
        """
        head, _, body = data.partition(b"\r\n\r\n")
        start, *lines = head.split(b"\r\n")
        method, target, _ = start.split(b" ")
        pairs = [(name.lower(), value.strip()) for name, _, value in map(_split, lines)]
        trailers: Headers = []
        if (b"transfer-encoding", b"chunked") in pairs:
            body, trailers = _unchunked(body)
        host = next(value for name, value in pairs if name == b"host")
        fields = [
            (b":method", method),
            (b":scheme", b"http"),
            (b":authority", host),
            (b":path", target),
            *(each for each in pairs if each[0] not in _OWN),
        ]
        number = self._connection.get_next_available_stream_id()
        self._happened[number] = deque()
        self._asked.append(number)
        self._connection.send_headers(number, fields, end_stream=not (body or trailers))
        self._flush()
        if body or trailers:
            self._send_body(number, body, trailers)

    def _send_body(self, number: int, body: bytes, trailers: Headers) -> None:
        connection = self._connection
        try:
            while body:
                room = min(connection.local_flow_control_window(number), _PIECE)
                if not room:
                    self._pump()
                    continue
                piece, body = body[:room], body[room:]
                connection.send_data(number, piece, end_stream=not (body or trailers))
                self._flush()
            if trailers:
                fields = [(name.lower(), value) for name, value in trailers]
                connection.send_headers(number, fields, end_stream=True)
                self._flush()
        except (StreamClosedError, EOFError):
            pass  # it was answered before its end: what the answer says counts

    def answer(self, method: bytes = b"GET") -> Answer:
        """
        Read the next thing that is said to the oldest request: an interim answer or all of its own.
        """
        number = self._asked[0]
        found: Answer | None = None
        for event in self._events(number):
            if isinstance(event, InformationalResponseReceived):
                return _answer(event.headers)
            if isinstance(event, ResponseReceived):
                found = _answer(event.headers)
            elif isinstance(event, DataReceived):
                assert found is not None
                found.body += event.data
            elif isinstance(event, TrailersReceived):
                assert found is not None
                found.trailers = [(name, value) for name, value in event.headers]
            else:
                self._asked.popleft()
                if found is None:
                    raise EOFError(f"no answer, but {event}")
                found.complete = isinstance(event, StreamEnded)
                return found
        raise AssertionError

    def _events(self, number: int) -> Iterator[Any]:
        happened = self._happened[number]
        while True:
            while not happened:
                self._pump()
            yield happened.popleft()

    def is_closed(self) -> bool:
        """
        Wait for the end of the connection; False when something else comes.
        """
        try:
            while not self._ended:
                self._pump()
        except (EOFError, ConnectionResetError):
            return True
        return True

    def _pump(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the connection ended")
        for event in self._connection.receive_data(data):
            if isinstance(event, ConnectionTerminated):
                self._ended = True
            number = getattr(event, "stream_id", None)
            if isinstance(event, DataReceived) and event.flow_controlled_length:
                self._connection.acknowledge_received_data(event.flow_controlled_length, number)
            if isinstance(event, _TOLD):
                self._happened[number].append(event)
        self._flush()

    def _flush(self) -> None:
        self.socket.sendall(self._connection.data_to_send())

    def reset(self) -> None:
        """
        Close with RST.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """
        Close the connection.
        """
        self.socket.close()


_TOLD = (
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)


def _split(line: bytes) -> tuple[bytes, bytes, bytes]:
    return line.partition(b":")


def _unchunked(data: bytes) -> tuple[bytes, Headers]:
    body, trailers = b"", []
    while size := int((line := data.partition(b"\r\n"))[0].partition(b";")[0], 16):
        body, data = body + line[2][:size], line[2][size + 2 :]
    for each in line[2].split(b"\r\n"):
        if each:
            name, _, value = _split(each)
            trailers.append((name, value.strip()))
    return body, trailers


def _answer(fields: list[tuple[bytes, bytes]]) -> Answer:
    status, *others = fields
    lines = [b"HTTP/2 " + status[1], *(b"%b: %b" % each for each in others), b"", b""]
    return Answer(b"\r\n".join(lines))
