"""
The member side of HTTP/1: one connection, which sends requests and reads answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.http1.framing import chunk, last_chunk
from txbalancer.http1.heads import CHUNKED, NO_BODY
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.answer_reader import AnswerReader
from txbalancer.proxy.member_link import ASKING, HEAD, TUNNEL

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.manner import Manner
    from txbalancer.proxy.pool import MemberPool


class MemberConnection(AnswerReader):
    """
    A connection to a member, carrying one exchange at a time.
    """

    __slots__ = ("_chunked_request", "_held", "_held_end")

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        super().__init__(pool, opening)
        self._chunked_request = False
        self._held: list[bytes] | None = None
        self._held_end: list[bytes] | None = None

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
        Send the head of a request.

        @param lines: header lines, Host first; those that frame the body are added here.
        @param body: its length, L{NO_BODY} or L{CHUNKED}.
        @param expects: whether the body waits for the member's 100 (Continue).
        @param manner: how to write it, unless as usual.
        @return: the size of the head in bytes.
        """
        pool = self.pool
        self.exchange = exchange
        self._method = method
        self._state = HEAD
        self._interim = 0
        self._chunked_request = body == CHUNKED
        if body != NO_BODY:
            lines.append(
                b"Transfer-Encoding: chunked" if body < 0 else b"Content-Length: %d" % body
            )
        self.request_sent = sent = body in (NO_BODY, 0)
        self.deadline = pool.now() + pool.timeout if sent or expects else NEVER
        if manner is None:
            lines.append(pool.upgrade_ending if exchange.upgrade else pool.ending)
            head = b"%b %b HTTP/1.1\r\n%b" % (method, target, b"\r\n".join(lines))
        else:
            self.last = True
            lines.append(pool.upgrade_ending if exchange.upgrade else manner.ending)
            head = b"%b %b %b\r\n%b" % (method, target, manner.version, b"\r\n".join(lines))
        self.transport.write(head)
        return len(head)

    def ask(self) -> None:
        """
        Hold back the body of the request just begun until the member wants it (APACHE W54).
        """
        self.asks = True
        self._state = ASKING
        self._held = []
        self.deadline = self.pool.now() + self.pool.spec.ping

    def go_ahead(self) -> None:
        """
        Send the body that was held back.
        """
        held, end = self._held or (), self._held_end
        self.asks = False
        self._held = self._held_end = None
        self.deadline = NEVER
        for piece in held:
            self.write_body(piece)
        if end is not None:
            self.end_body(end)
        if self.exchange is not None:
            self.exchange.asked()

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the request's body.
        """
        if self._held is not None:
            if self.asks:
                self._held.append(data)
            return
        if not self.stuck:
            self.deadline = NEVER
        self.transport.write(chunk(data) if self._chunked_request else data)

    def sink(self) -> Any:
        """
        Return the transport, if bytes of the request's body go to it as they are; else C{None}.
        """
        held = self._held is not None or self._chunked_request
        return None if held else self.transport

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Send the end of the request's body; from now on the member's silence counts.
        """
        if self._held is not None:
            self._held_end = trailers
            return
        if self._chunked_request:
            self.transport.write(last_chunk(trailers))
        self.request_sent = True
        if not self.paused and self._state != TUNNEL:
            self.deadline = self.pool.now() + self.pool.timeout
