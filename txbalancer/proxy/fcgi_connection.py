"""
The member side of FastCGI: applications such as php-fpm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txbalancer.errors import BadResponse, ClientError
from txbalancer.fastcgi import heads, records
from txbalancer.fastcgi.records import END_REQUEST, STDERR, STDIN, stream
from txbalancer.http1.heads import CHUNKED, NO_BODY
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.member_link import CLOSED, HEAD
from txbalancer.proxy.packet_connection import Packet, PacketConnection

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.manner import Manner
    from txbalancer.proxy.pool import MemberPool

_MOST_HELD = 65536
"""Bytes of a body of unknown length that are held back, to tell its length with the request."""
_MOST_TOLD = 1000
"""Bytes of what an application complains of at once that go to the log."""

_NO_SCRIPT = b"Primary script unknown"
"""What php-fpm says of a script that it cannot open; it does not say which."""
_MOST_COMPLAINTS = 10_000
"""Complaints in a row, without a byte of an answer, that an application may send."""
_PATIENCE = 10
"""Timeouts that an application may spend on complaints before the next piece of a body."""


class FCGIConnection(PacketConnection):
    """
    A connection to a FastCGI application, for one request at a time.

    CGI has requests tell the length of their body (RFC 3875 4.1.2), so a chunked one is held
    back as far as that is to be borne.
    """

    log = Logger()

    __slots__ = (
        "_complaints",
        "_held",
        "_held_size",
        "_patience",
        "_place",
        "_request",
        "_target",
    )

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        super().__init__(pool, opening, records.RecordReader())
        spec = pool.spec
        host = f"[{spec.host}]" if ":" in spec.host else spec.host
        self._place = f"fcgi://{host}:{spec.port}".encode()
        self._request: tuple[bytes, bytes, list[bytes]] | None = None
        self._target = b""
        self._held: list[bytes] = []
        self._held_size = self._complaints = 0
        self._patience = NEVER

    # -- the request

    def begin(
        self,
        exchange: Exchange,
        method: bytes,
        target: bytes,
        lines: list[bytes],
        body: int,
        expects: bool,
        manner: Manner | None,
    ) -> int:
        """
        Send a request, unless the length of its body is not known.

        @raise ClientError: the path must not reach a file system.
        """
        if manner is not None:
            self.last = True
        self.exchange = exchange
        self._method = method
        self.keep = not self.pool.single_use
        self._complaints = 0
        self._patience = NEVER
        if body == CHUNKED:
            self._state = HEAD
            self._request = method, target, lines
            self.request_sent = False
            return 0
        return self._send(exchange, method, target, lines, body)

    def _send(
        self, exchange: Exchange, method: bytes, target: bytes, lines: list[bytes], body: int
    ) -> int:
        self._target = target
        params = exchange.params.write(exchange, method, target, lines, body, self._place)
        self._state = HEAD
        self.request_sent = sent = body in (NO_BODY, 0)
        self.deadline = self.pool.now() + self.pool.timeout if sent else NEVER
        self.transport.write(records.request(self.keep and not self.last, params, not sent))
        return len(params)

    def ask(self) -> None:
        """
        Nothing is asked: FastCGI has no way to.
        """

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the body, or hold it back until its length is known.

        @raise ClientError: 411 when that becomes too much.
        """
        if self._state == CLOSED:
            return
        if self._request is not None:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size > _MOST_HELD:
                self._give_up_holding()
            return
        if not self.stuck:
            self.deadline = NEVER
        self.transport.write(stream(STDIN, data))

    def _give_up_holding(self) -> None:
        assert self.exchange is not None
        if self.exchange.params.rules.refuses_unsized:
            raise ClientError(
                f"a body over {_MOST_HELD} bytes needs a Content-Length"
                " (with fcgitype = generic it does not)",
                411,
            )
        self._release(CHUNKED)

    def _release(self, body: int) -> None:
        """
        Send the request that was held back, and what there is of its body.
        """
        exchange, request = self.exchange, self._request
        assert exchange is not None
        assert request is not None
        self._request = None
        held, self._held, self._held_size = self._held, [], 0
        size = self._send(exchange, *request, body)
        if exchange.member is not None:
            exchange.member.transferred += size
        for piece in held:
            self.transport.write(stream(STDIN, piece))

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Send the end of the body; CGI has no place for trailers.
        """
        if self._state == CLOSED:
            return
        if self._request is not None:
            self._release(self._held_size)
        if not self.request_sent:
            self.transport.write(records.END_OF_STDIN)
        self.request_sent = True
        if not self.paused:
            self.deadline = self.pool.now() + self.pool.timeout

    def _ended(self, clean: bool, text: str) -> None:
        # Of a request that was held back the member has had nothing.
        self.asks = self._request is not None
        super()._ended(clean, text)

    # -- the answer

    def _take(self, packets: list[Packet]) -> None:
        pieces: list[bytes] = []
        done = False
        for kind, content in packets:
            if done:
                raise BadResponse("more after the end of a FastCGI request")
            if kind == STDERR:
                self._complain(content)
            elif kind == END_REQUEST:
                records.check_end(content)
                done = True
            else:
                pieces.append(content)
                if content:
                    self._complaints = 0
        data = b"".join(pieces)
        if self._state == HEAD:
            self._head(self._buffer + data, done)
        elif data or done:
            if self._moves(data):
                self._patience = NEVER
            self._more(data, done)

    def _head(self, data: bytes, done: bool) -> None:
        found = heads.find_end(data)
        if found is None:
            if done:
                raise BadResponse("no head, or one without an empty line after it")
            if len(data) > self.pool.limits.head:
                raise BadResponse(f"a head over {self.pool.limits.head} bytes")
            self._buffer = data
            return
        self._buffer = b""
        end, start = found
        self._first(heads.head(data[:end]), data[start:], done)

    def _complain(self, content: bytes) -> None:
        """
        Log what an application complains of, within reason.
        """
        now, timeout = self.pool.now(), self.pool.timeout
        if self._patience == NEVER:
            self._patience = now + _PATIENCE * timeout
        self._complaints += 1
        if self._complaints > _MOST_COMPLAINTS:
            raise BadResponse(f"over {_MOST_COMPLAINTS} complaints and no answer")
        if not content:
            return
        if self.deadline != NEVER:
            # Who complains is not silent, but does not answer either.
            self.deadline = min(now + timeout, self._patience)
        more = self.pool.complaints.permit(now)
        if more is None:
            return
        text = content[:_MOST_TOLD].decode("utf-8", "replace").strip()
        if _NO_SCRIPT in content and self.exchange is not None:
            asked = self.exchange.params.filename(self.exchange, self._target, self._place)
            text += f" (SCRIPT_FILENAME was {asked[:_MOST_TOLD].decode('utf-8', 'replace')})"
        self.log.warn(
            "{member} says: {text}{more}",
            member=self.pool.spec.url,
            text="".join(char if char.isprintable() else " " for char in text),
            more=more,
        )
