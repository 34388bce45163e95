"""
What AJP and FastCGI have in common: answers whose head and body come in packets, and whose
end is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from txbalancer.errors import BadResponse, MemberError, Truncated
from txbalancer.http1.answers import parse_response
from txbalancer.http1.heads import NO_BODY, UNTIL_CLOSE, ResponseHead
from txbalancer.http1.lines import drop_bad_lines
from txbalancer.proxy.local import start_line
from txbalancer.proxy.member_link import BODY, CLOSED, IDLE, MemberLink

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.pool import MemberPool

_NO_TRAILERS: Sequence[bytes] = ()
_UNKNOWN, _NONE = -1, -2

Packet = tuple[int, bytes]
"""Kind and content."""


class Packets(Protocol):
    """
    Takes packets out of a stream of bytes.
    """

    def feed(self, data: bytes) -> list[Packet]:
        """
        Take the next bytes; return the packets that are complete.

        @raise BadResponse: when it is no packet of a member.
        """


class PacketConnection(MemberLink):
    """
    Passes answers on to the exchange that has the connection.

    A Content-Length must be true, as in HTTP/1.1; without one the client's side frames the
    body as it can.
    """

    __slots__ = ("_left", "_method", "_packets")

    carries_client = True
    continues = False

    def __init__(self, pool: MemberPool, opening: Any, packets: Packets) -> None:
        super().__init__(pool, opening)
        self._packets = packets
        self._method = b""
        self._left = _UNKNOWN

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the member says.
        """
        try:
            packets = self._packets.feed(data)
            if self._state in (IDLE, CLOSED):
                # Nothing was asked: whatever this is, it must not answer the next request.
                self.close()
                return
            self._take(packets)
        except BadResponse as error:
            self._faulty(error)

    def _take(self, packets: list[Packet]) -> None:
        """
        Act on what came at once; pieces of a body go on as one.
        """
        raise NotImplementedError

    def _faulty(self, error: BadResponse) -> None:
        """
        Give up an answer that breaks the protocol.
        """
        exchange = self.exchange
        if self._state != BODY:
            self._refuse(error)
            return
        self.close()
        if exchange is not None:
            exchange.response_broken(error)

    def _first(self, head: bytes, data: bytes, done: bool) -> None:
        """
        Pass on the head of an answer and what came with it of the body.

        @param head: as of HTTP/1.1; C{keep} is set already where C{done}.
        """
        try:
            answer, body = self._read_head(head, data, done)
        except BadResponse as error:
            self._refuse(error)
            return
        exchange = self.exchange
        assert exchange is not None
        if body == NO_BODY:
            data = b""
        if done:
            self._over()
        else:
            self._state = BODY
            self.deadline = self.pool.now() + self.pool.timeout
        exchange.response(answer, body, data, done, _NO_TRAILERS)

    def _read_head(self, head: bytes, data: bytes, done: bool) -> tuple[ResponseHead, int]:
        limits = self.pool.limits
        if len(head) > limits.head:
            raise BadResponse(f"a head over {limits.head} bytes")
        try:
            answer = parse_response(head, limits)
        except BadResponse:
            better = drop_bad_lines(head) if limits.drop_bad else head
            if len(better) == len(head):
                raise
            answer = parse_response(better, limits)
        if answer.status < 200:
            raise BadResponse(f"an interim answer ({answer.status}), which cannot be here")
        if answer.chunked:
            raise BadResponse("a Transfer-Encoding, which cannot be here")
        if answer.start[-1:] == b" ":
            answer.start = start_line(answer.status)
        body = answer.body(self._method)
        size = len(data)
        if body == NO_BODY:
            self._left = _NONE
        elif body == UNTIL_CLOSE:
            self._left = _UNKNOWN
            if done:
                body = size
        else:
            self._left = body - size
            if self._left < 0 or (done and self._left):
                raise BadResponse(f"a body of {size} bytes after Content-Length: {body}")
        return answer, body

    def _more(self, data: bytes, done: bool) -> None:
        """
        Pass on more of the body, or its end.
        """
        exchange = self.exchange
        assert exchange is not None
        if self._moves(data):
            self.deadline = self.pool.now() + self.pool.timeout
        if self._left >= 0:
            self._left -= len(data)
            if self._left < 0 or (done and self._left):
                self._broken(exchange, done)
                return
        if self._moves(data):
            # Data first: a client that is full pauses this connection, while it is still its own.
            exchange.response_data(data)
        if done and self.exchange is exchange:
            self._over()
            exchange.response_end(_NO_TRAILERS)

    def _moves(self, data: bytes) -> bool:
        """
        Tell whether a piece of an answer takes it further: who sends nothing but empty packets,
        or a body where there can be none, is as good as silent.
        """
        return bool(data) and self._left != _NONE

    def _broken_off(self, exchange: Exchange, error: MemberError) -> None:
        # The client has all of it, and may have asked for more: only its end was not said.
        if self._left in (0, _NONE):
            exchange.response_end(_NO_TRAILERS)
        else:
            super()._broken_off(exchange, error)

    def _broken(self, exchange: Exchange, done: bool) -> None:
        self.close()
        if done:
            exchange.response_broken(Truncated("the answer ended before its Content-Length"))
        else:
            exchange.response_broken(BadResponse("a body longer than its Content-Length"))
