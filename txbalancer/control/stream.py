"""
Answers that go on while there is something to tell: Server-Sent Events and lines of JSON.

Source: WHATWG HTML, section 9.2 (server-sent events).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import SERVICE_UNAVAILABLE, Request
from zope.interface import implementer

MOST_STREAMS = 100
"""Streams of a service at once."""

KEPT_FREE = 10
"""How many of them can only be had at the socket for commands: however many others look,
operators see what happens."""

MOST_HELD = 256 * 1024
"""Bytes that are held for a client that does not read for a moment."""

GATHER = 0.1
"""Seconds in which lines are gathered, so that many of them are one write."""

HEARTBEAT = 15.0
"""Seconds between signs of life, so that nobody between takes the connection for dead."""


def compact(value: Any) -> bytes:
    """
    Write a value as JSON on one line.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


class Ending(Protocol):
    """
    What goes on until it is ended.
    """

    def end(self) -> None:
        """
        Finish soon.
        """
        ...


class Streams:
    """
    The streams of a service: bounded in number, and ended together when it stops.
    """

    def __init__(self, clock: Any, most: int = MOST_STREAMS) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        """
        self.clock = clock
        self._most = most
        # Each with whether it came by a mount, where rules of the configuration let it in.
        self._open: dict[Ending, bool] = {}

    @property
    def count(self) -> int:
        """
        How many there are.
        """
        return len(self._open)

    def room(self, request: Request) -> bool:
        """
        See whether there may be one more; when not, the request is answered with 503, and
        the caller has only to say why in its body.
        """
        if len(self._open) < self._most - (KEPT_FREE if _by_mount(request) else 0):
            return True
        request.setResponseCode(SERVICE_UNAVAILABLE)
        request.setHeader("Retry-After", "30")
        return False

    def add(self, stream: Ending, request: Request) -> None:
        """
        Note a stream that began.

        @param request: what it is the answer to.
        """
        self._open[stream] = _by_mount(request)

    def discard(self, stream: Ending) -> None:
        """
        Forget one that is over.
        """
        self._open.pop(stream, None)

    def close(self) -> None:
        """
        End all of them; a service that stops does not wait for who only watches it.
        """
        for each in list(self._open):
            each.end()

    def judge_anew(self) -> None:
        """
        End all that came by a mount: who may look still comes again and is let in.
        """
        for each in [each for each, by_mount in self._open.items() if by_mount]:
            each.end()


def _by_mount(request: Request) -> bool:
    return getattr(request, "mount", None) is not None


@implementer(IPushProducer)
class Stream:
    """
    One answer without an end of its own.

    What the client does not take at once is held, up to C{MOST_HELD} bytes.

    @ivar over: whether it has ended, from either side.
    """

    content_type = "application/x-ndjson"
    sign_of_life = b"\n"

    def __init__(self, request: Request, streams: Streams) -> None:
        """
        Begin the answer; the caller returns C{NOT_DONE_YET} and looks at L{Streams.room} before.
        """
        self.over = False
        self._request = request
        self._streams = streams
        self._paused = False
        self._held: list[bytes] = []
        self._size = 0
        self._on_end: list[Any] = []
        headers = request.responseHeaders
        headers.setRawHeaders("Content-Type", [self.content_type])
        headers.setRawHeaders("Cache-Control", ["no-store"])
        headers.setRawHeaders("X-Content-Type-Options", ["nosniff"])
        # Balancers above us that collect answers before they pass them on.
        headers.setRawHeaders("X-Accel-Buffering", ["no"])
        request.notifyFinish().addBoth(lambda _: self._gone())
        streams.add(self, request)
        self._timer = streams.clock.callLater(HEARTBEAT, self._beat)
        request.registerProducer(self, True)
        if not self.over:
            request.write(self.sign_of_life)

    def on_end(self, call: Any) -> None:
        """
        Have something called, without arguments, once it is over.
        """
        if self.over:
            call()
        else:
            self._on_end.append(call)

    def push(self, data: bytes) -> bool:
        """
        Send bytes, soon.

        @return: false when there is no room for them; they are not sent then.
        """
        if self.over:
            return False
        if not self._paused:
            self._request.write(data)
            return True
        if self._size + len(data) > MOST_HELD:
            return False
        self._held.append(data)
        self._size += len(data)
        return True

    def end(self) -> None:
        """
        Finish the answer; what is held is sent before.
        """
        if self.over:
            return
        held = b"".join(self._held)
        self._gone()
        self._request.unregisterProducer()
        if held:
            self._request.write(held)
        self._request.finish()

    def _beat(self) -> None:
        self._timer = self._streams.clock.callLater(HEARTBEAT, self._beat)
        if not self._paused:
            self._request.write(self.sign_of_life)

    def _gone(self) -> None:
        if self.over:
            return
        self.over = True
        self._held.clear()
        if self._timer.active():
            self._timer.cancel()
        self._streams.discard(self)
        for each in self._on_end:
            each()

    # -- what the connection says

    def pauseProducing(self) -> None:
        """
        The client does not keep up: hold what comes.
        """
        self._paused = True

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self._paused = False
        while self._held and not self._paused and not self.over:
            data = self._held.pop(0)
            self._size -= len(data)
            self._request.write(data)

    def stopProducing(self) -> None:
        """
        The connection is gone.
        """
        self._gone()


class LineStream(Stream):
    """
    A stream of lines that may be many: the first is sent at once, what follows closely together.
    """

    def __init__(self, request: Request, streams: Streams) -> None:
        self._gathered: list[bytes] = []
        self._more = 0
        self._pause: Any = None
        super().__init__(request, streams)
        self.on_end(self._forget)

    def push(self, data: bytes) -> bool:
        """
        Send a line, soon.

        @return: as L{Stream.push}.
        """
        if self.over:
            return False
        if self._pause is None:
            self._pause = self._streams.clock.callLater(GATHER, self._send_gathered)
            return super().push(data)
        if self._size + self._more + len(data) > MOST_HELD:
            return False
        self._gathered.append(data)
        self._more += len(data)
        return True

    def end(self) -> None:
        """
        Finish the answer; what is held or gathered is sent before.
        """
        self._held += self._gathered
        super().end()

    def _send_gathered(self) -> None:
        self._pause = None
        data = b"".join(self._gathered)
        self._gathered.clear()
        self._more = 0
        if data:
            self.push(data)

    def _forget(self) -> None:
        self._gathered.clear()
        if self._pause is not None and self._pause.active():
            self._pause.cancel()


class EventStream(Stream):
    """
    A stream of Server-Sent Events. A client that does not keep up is dropped: it comes
    again and says with C{Last-Event-ID} where it was.
    """

    content_type = "text/event-stream"
    sign_of_life = b":\n\n"

    def send(self, event: str, data: Mapping[str, Any], number: int | None = None) -> None:
        """
        Send an event.

        @param event: its kind.
        @param number: its id, which the client names when it comes again; C{None} for none.
        """
        self.send_written(event, compact(data), number)

    def send_written(self, event: str, data: bytes, number: int | None = None) -> None:
        """
        Do the same with JSON that is written already, for several streams.
        """
        lines = b"" if number is None else b"id: %d\n" % number
        if not self.push(b"%bevent: %b\ndata: %b\n\n" % (lines, event.encode(), data)):
            self.drop()

    def drop(self) -> None:
        """
        Break off without waiting for what is held.
        """
        if not self.over:
            self._gone()
            self._request.loseConnection()
