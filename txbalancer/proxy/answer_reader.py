"""
The reading half of a member's connection: answers, as strictly as requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from txbalancer.errors import BadResponse
from txbalancer.http1.answers import parse_response
from txbalancer.http1.framing import ChunkedReader
from txbalancer.http1.heads import CHUNKED, NO_BODY, UNTIL_CLOSE, ResponseHead
from txbalancer.http1.lines import drop_bad_lines
from txbalancer.net.deadlines import NEVER
from txbalancer.net.splice import BULK, LARGE, Pump
from txbalancer.proxy.member_link import (
    ASKING,
    BODY,
    CHUNKS,
    HEAD,
    IDLE,
    REST,
    TUNNEL,
    MemberLink,
)

if TYPE_CHECKING:
    from txbalancer.proxy.pool import MemberPool

_MOST_INTERIM = 10
"""Interim answers to one request before it is given up; Apache's number (APACHE 5, table)."""

NO_TRAILERS: Sequence[bytes] = ()
_ALERT = b"\x15\x03"
"""How TLS complains of plain HTTP: a record with an alert, of version 3.x (RFC 8446 5.1)."""


class AnswerReader(MemberLink):
    """
    Turns what a member sends into an answer for the exchange that has the connection.
    """

    __slots__ = ("_chunks", "_interim", "_left", "_method")

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        super().__init__(pool, opening)
        self._method = b""
        self._chunks: ChunkedReader | None = None
        self._left = self._interim = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the member says.
        """
        state = self._state
        if state == HEAD:
            self._head(self._buffer + data if self._buffer else data)
        elif state == BODY:
            self._body(data)
        elif state in (CHUNKS, REST):
            self.deadline = self.pool.now() + self.pool.timeout
            self._unsized(data)
        elif state == TUNNEL and self.tunnel is not None:
            self.tunnel.from_member(data)
        elif state == ASKING:
            self._asked(data)
        elif state == IDLE:
            # Nothing was asked: whatever this is, it must not answer the next request.
            self.close()

    def _head(self, data: bytes) -> None:
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                if len(data) > self.pool.limits.head:
                    self._refuse(BadResponse(f"a head over {self.pool.limits.head} bytes"))
                elif data[:1] != b"H" or (b"\n" in data and b"\r\n" not in data):
                    tls = " but TLS" if data.startswith(_ALERT) else ""
                    self._refuse(BadResponse(f"no HTTP/1 answer{tls}"))
                return
            try:
                head = parse_response(data[:end], self.pool.limits)
                if head.status < 200:
                    self._check_interim(head)
            except BadResponse as error:
                better = drop_bad_lines(data[:end]) if self.pool.limits.drop_bad else data[:end]
                if len(better) < end:
                    data = better + data[end:]
                    continue
                self._refuse(error)
                return
            data = data[end + 4 :]
            if head.status >= 200:
                self._buffer = b""
                self._final(head, data)
                return
            if head.status == 101:
                self._switched(head, data)
                return
            if self.exchange is not None:
                self.exchange.interim(head)
            if self.exchange is None:
                return
            if self.asks and head.status == 100:
                self.go_ahead()
            if self.deadline != NEVER:
                # A member that says so much is not silent; after a 100 it is the client's turn.
                waits = head.status != 100 or self.request_sent
                self.deadline = self.pool.now() + self.pool.timeout if waits else NEVER
            if not data:
                self._buffer = b""
                return

    def _asked(self, data: bytes) -> None:
        """
        Read what a member says that was asked whether it is there.
        """
        exchange = self.exchange
        assert exchange is not None
        self._state = HEAD
        self._head(self._buffer + data)
        if not self.asks:
            return
        if self._state == HEAD:
            self._state = ASKING
            return
        # It answered without the body, which is not sent then (APACHE H43).
        self.asks = False
        if not exchange.finished:
            exchange.asked()

    def go_ahead(self) -> None:
        """
        Send the body that was held back.
        """
        raise NotImplementedError

    def _final(self, head: ResponseHead, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        body = head.body(self._method)
        if body == len(data):
            self.keep = head.keep_alive
            self._over()
            exchange.response(head, body, data, True, NO_TRAILERS)
            return
        self.keep = head.keep_alive and body != UNTIL_CLOSE
        try:
            if body == CHUNKED:
                self._chunks = ChunkedReader(BadResponse)
                data, rest = self._chunks.feed(data)
                done = self._chunks.done
                self._state = CHUNKS
            elif body == UNTIL_CLOSE:
                rest, done = b"", False
                self._state = REST
            else:
                length = 0 if body == NO_BODY else body
                rest = data[length:]
                if rest:
                    data = data[:length]
                done = len(data) == length
                self._left = length - len(data)
                self._state = BODY
        except BadResponse as error:
            self._refuse(error)
            return
        if not done:
            self.deadline = self.pool.now() + self.pool.timeout
            exchange.response(head, body, data, False, NO_TRAILERS)
        else:
            trailers = self._chunks.trailers if self._chunks is not None else NO_TRAILERS
            self._done(rest)
            exchange.response(head, body, data, True, trailers)

    def _body(self, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        left = self._left - len(data)
        if left > 0:
            self._left = left
            self.deadline = self.pool.now() + self.pool.timeout
            exchange.response_data(data)
            if left >= BULK and len(data) >= LARGE and self.exchange is exchange:
                self._splice(left)
            return
        rest = b""
        if left < 0:
            data, rest = data[:left], data[left:]
        # Data first: a client that is full pauses this connection, while it is still its own.
        exchange.response_data(data)
        if self.exchange is exchange:
            self._done(rest)
            exchange.response_end(NO_TRAILERS)

    def _splice(self, left: int) -> None:
        """
        Let the rest of a body go to the client without coming up here, where it can.

        @param left: its length; below 0 for until the end.
        """
        assert self.exchange is not None
        sink, pipes = self.exchange.response_sink(), self.pool.runtime.pipes
        pump = Pump.between(self.transport, sink, self._spliced, pipes)
        if pump is not None:
            pump.start(left, self._spliced_all)

    def _spliced(self, size: int) -> None:
        self._left -= size
        self.deadline = self.pool.now() + self.pool.timeout
        if self.exchange is not None:
            self.exchange.response_moved(size)

    def _spliced_all(self) -> None:
        exchange = self.exchange
        if exchange is not None:
            self._done(b"")
            exchange.response_end(NO_TRAILERS)

    def _unsized(self, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        if self._state == REST:
            exchange.response_data(data)
            if len(data) >= LARGE and self.exchange is exchange:
                self._splice(-1)
            return
        chunks = self._chunks
        assert chunks is not None
        try:
            data, rest = chunks.feed(data)
        except BadResponse as error:
            self.close()
            exchange.response_broken(error)
            return
        if data:
            exchange.response_data(data)
        if chunks.done and self.exchange is exchange:
            self._done(rest)
            exchange.response_end(chunks.trailers)

    def _done(self, rest: bytes) -> None:
        """
        The answer is complete: keep the connection for another exchange, or close it.
        """
        self._chunks = None
        if rest:
            self.keep = False
        self._over()

    def _check_interim(self, head: ResponseHead) -> None:
        self._interim += 1
        if self._interim >= _MOST_INTERIM:
            raise BadResponse(f"{self._interim} interim answers")
        if head.length >= 0 or head.chunked:
            raise BadResponse("an interim answer with a body")

    def _switched(self, head: ResponseHead, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        wanted, got = exchange.upgrade, head.noted.get(b"upgrade", b"")
        if not wanted or wanted.lower() != got.lower():
            self._refuse(BadResponse(f"changed to protocol {got!r}, which was not asked for"))
            return
        self._state = TUNNEL
        self.deadline = NEVER
        self._buffer = b""
        connection: Any = self
        exchange.switched(head, connection, data)
