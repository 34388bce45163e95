"""
What other readers of HTTP/1 make of the same bytes: h11 and httptools (llhttp).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import h11
import httptools

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """
    The other reader does not take the bytes.
    """


@dataclass
class Message:
    """
    A message as another reader understood it.

    @ivar start: method and target, or the status as text.
    @ivar headers: lower-case names and values without white space around.
    @ivar rest: what it took for the beginning of the next message.
    @ivar keep_alive: whether it would go on with the connection.
    """

    start: tuple[bytes, ...] = ()
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    rest: bytes = b""
    keep_alive: bool = True


def h11_request(data: bytes) -> Message:
    """
    Read a request with h11.
    """
    message = Message()
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    event = _h11_next(connection)
    assert isinstance(event, h11.Request)
    message.start = (event.method, event.target)
    message.headers = _folded(event.headers)
    _h11_body(connection, message)
    return message


def h11_response(data: bytes, method: bytes = b"GET", closed: bool = False) -> Message:
    """
    Read an answer with h11.

    @param closed: whether the connection ends behind C{data}.
    """
    message = Message()
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    event = _h11_next(connection)
    assert isinstance(event, h11.Response | h11.InformationalResponse), event
    message.start = (b"%d" % event.status_code,)
    message.headers = _folded(event.headers)
    if isinstance(event, h11.InformationalResponse):
        message.rest = connection.trailing_data[0]
        return message
    if closed:
        connection.receive_data(b"")
    _h11_body(connection, message)
    return message


def _h11_next(connection: h11.Connection) -> object:
    try:
        return connection.next_event()
    except h11.RemoteProtocolError as error:
        raise Refused(str(error)) from error


def _h11_body(connection: h11.Connection, message: Message) -> None:
    while not isinstance(event := _h11_next(connection), h11.EndOfMessage):
        assert isinstance(event, h11.Data), event
        message.body += bytes(event.data)
    message.trailers = _folded(event.headers)
    message.rest = connection.trailing_data[0]


def _folded(headers: object) -> Headers:
    return [(bytes(name).lower(), bytes(value).strip(b" \t")) for name, value in headers]  # type: ignore[attr-defined]


class _Collector:
    """
    Takes httptools' callbacks for the first message; what follows is the next one's.
    """

    parser: httptools.HttpRequestParser | httptools.HttpResponseParser

    def __init__(self) -> None:
        self.message = Message()
        self.url = b""
        self.headers_done = self.done = False

    def on_url(self, url: bytes) -> None:
        if not self.done:
            self.url += url

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if not self.done:
            found = self.message.trailers if self.headers_done else self.message.headers
            found.append((name.lower(), (value or b"").strip(b" \t")))

    def on_headers_complete(self) -> None:
        if not self.done:
            self.headers_done = True
            self.message.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.done:
            self.message.body += body

    def on_message_complete(self) -> None:
        self.done = True


def _collect(kind: Any, data: bytes) -> _Collector:
    collector = _Collector()
    collector.parser = kind(collector)
    try:
        collector.parser.feed_data(data)
    except httptools.HttpParserUpgrade as upgrade:
        collector.message.rest = data[upgrade.args[0] :]
    except httptools.HttpParserError as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    return collector


def llhttp_request(data: bytes) -> Message:
    """
    Read one request with llhttp; C{rest} is not known then, but C{data} must end with it.
    """
    collector = _collect(httptools.HttpRequestParser, data)
    assert collector.done, "llhttp waits for more"
    collector.message.start = (collector.parser.get_method(), collector.url)
    return collector.message


def llhttp_response(data: bytes) -> Message:
    """
    Read one answer with llhttp.
    """
    collector = _collect(httptools.HttpResponseParser, data)
    assert collector.headers_done, "llhttp waits for more of the head"
    collector.message.start = (b"%d" % collector.parser.get_status_code(),)
    return collector.message
