"""
The member side of AJP 1.3: servlet containers such as Tomcat.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from txbalancer.ajp import answers, codes, requests
from txbalancer.ajp.codes import END_RESPONSE, SEND_BODY_CHUNK, SEND_HEADERS
from txbalancer.ajp.requests import Client, HeaderLines, attribute
from txbalancer.core.authority import name_and_port
from txbalancer.errors import BadResponse
from txbalancer.http1.heads import NO_BODY
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.member_link import ASKING, BODY, CLOSED, HEAD
from txbalancer.proxy.packet_connection import Packet, PacketConnection
from txbalancer.proxy.served import local_address

if TYPE_CHECKING:
    from txbalancer.core.specs import MemberSpec
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.manner import Manner
    from txbalancer.proxy.pool import MemberPool

_MOST_HELD = 65536
"""Bytes of a request's body that wait for the container to ask; above, the client has to wait."""
_MOST_IN_VAIN = 16
"""Times that a container may ask for more of a body that is over; once is usual."""

_HEADERS = HeaderLines()


class AJPConnection(PacketConnection):
    """
    A connection to a servlet container.

    The first piece of a body of known length goes with the request, each further one when
    the container asks for it.
    """

    __slots__ = (
        "_blocked",
        "_body",
        "_over_body",
        "_request",
        "_room",
        "_secret",
        "_size",
        "_spec",
        "_vain",
    )

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        super().__init__(pool, opening, answers.PacketReader())
        self._configure(pool.spec)
        self._body = bytearray()
        self._over_body = self._blocked = False
        self._room = self._vain = 0
        self._request = b""

    def _configure(self, spec: MemberSpec) -> None:
        self._spec = spec
        self._size = min(max(spec.iobuffersize, requests.LEAST_PACKET), requests.MOST_PACKET)
        secret = spec.secret.encode()
        self._secret = (attribute(codes.SECRET, secret),) if secret else ()

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
        Send a request, or first the question whether the container is there.

        @raise ClientError: the head is too large for a packet.
        """
        if self.pool.spec is not self._spec:
            # The connection outlived a reload.
            self._configure(self.pool.spec)
        if manner is not None:
            self.last = True
        packet = self._packet(exchange, method, target, lines, body)
        self.exchange = exchange
        self._method = method
        self.keep = True
        self._vain = 0
        self.request_sent = self._over_body = body in (NO_BODY, 0)
        # A container asks for all of a body whose length it does not know.
        self._room = requests.most_body(self._size) if body > 0 else 0
        if self.pool.spec.ping:
            self.asks = True
            self._state = ASKING
            self._request = packet
            self.deadline = self.pool.now() + self.pool.spec.ping
            self.transport.write(requests.CPING)
        else:
            self._send(packet)
        return len(packet)

    def _packet(
        self, exchange: Exchange, method: bytes, target: bytes, lines: list[bytes], body: int
    ) -> bytes:
        head = exchange.head
        peer = head.peer
        told = peer.told
        client = told.get("ajp") if told is not None else None
        if client is None:
            client = _introduce(exchange)
        headers = _HEADERS.encode(lines)
        if body != NO_BODY:
            # Containers know by the latter that there is a body at all.
            line = b"Transfer-Encoding: chunked" if body < 0 else b"Content-Length: %d" % body
            headers.append(requests.header(line))
        path, mark, query = target.partition(b"?")
        attributes: tuple[bytes, ...] = self._secret
        if head.user is not None:
            attributes += (
                attribute(codes.REMOTE_USER, head.user),
                attribute(codes.AUTH_TYPE, b"Basic"),
            )
        if mark:
            attributes += (attribute(codes.QUERY_STRING, query),)
        route = exchange.session_route
        if route:
            attributes += (attribute(codes.ROUTE, route),)
        if method not in codes.METHODS:
            attributes += (attribute(codes.METHOD, method),)
        start = requests.opening(method, b"HTTP/1.1" if head.minor else b"HTTP/1.0")
        called = _service(head.host or lines[0][6:], peer.secure)
        return requests.request(start, path, client, called, headers, attributes, self._size)

    def _send(self, packet: bytes) -> None:
        self._state = HEAD
        self.deadline = NEVER if self._room else self.pool.now() + self.pool.timeout
        self.transport.write(packet)

    def ask(self) -> None:
        """
        Nothing is to be done: L{begin} asks already.
        """

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the body as far as the container wants it, and hold the rest.
        """
        if self._state == CLOSED:
            return
        self._body += data
        if self._room and not self.asks:
            self._feed()
        if len(self._body) > _MOST_HELD and not self.stuck:
            super().pauseProducing()

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Note the end of the body; AJP has no place for trailers.
        """
        if self._state == CLOSED:
            return
        self._over_body = True
        if self.asks:
            return
        if self._room:
            self._feed()
        else:
            self._settle()

    def _feed(self) -> None:
        """
        Send the piece of the body that the container asked for, or tell it that there is none.
        """
        held = self._body
        if held:
            piece = bytes(held[: self._room])
            del held[: self._room]
            self._room = 0
            self.transport.write(requests.body(piece))
            if self.stuck and not self._blocked and len(held) <= _MOST_HELD:
                super().resumeProducing()
        elif self._over_body:
            self._room = 0
            self.transport.write(requests.NO_MORE)
        self._settle()

    def _settle(self) -> None:
        """
        Note what is left to be sent, and whose turn it is: the container's, unless it wants
        what the client has yet to send.
        """
        self.request_sent = self._over_body and not self._body
        if not self.paused and not self.stuck:
            self.deadline = NEVER if self._room else self.pool.now() + self.pool.timeout

    def pauseProducing(self) -> None:
        """
        Stop reading the client: the container does not read, whatever it asks for.
        """
        self._blocked = True
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """
        Go on reading the client, unless there is enough to send already.
        """
        self._blocked = False
        if len(self._body) <= _MOST_HELD:
            super().resumeProducing()

    # -- the answer

    def _take(self, packets: list[Packet]) -> None:
        head = b""
        pieces: list[bytes] = []
        done = False
        begun = self._state == BODY
        for kind, content in packets:
            if done:
                raise BadResponse("more after the end of an AJP answer")
            if kind == SEND_BODY_CHUNK and begun:
                pieces.append(content)
            elif kind == END_RESPONSE and begun:
                self.keep = answers.flag(content)
                done = True
            elif kind == SEND_HEADERS and not begun and self._state == HEAD:
                head = answers.head(content)
                begun = True
            elif kind == codes.GET_BODY_CHUNK and self._state != ASKING:
                self._wanted(answers.wanted(content))
            elif kind == codes.CPONG and self._state == ASKING:
                self._there()
            else:
                raise BadResponse(f"an AJP packet of kind {kind}, which has no place here")
        data = b"".join(pieces)
        if head:
            self._first(head, data, done)
        elif data or done:
            self._more(data, done)

    def _there(self) -> None:
        """
        The container is there: send it what waited.
        """
        packet, self._request = self._request, b""
        self.asks = False
        self._send(packet)
        if self._room and (self._body or self._over_body):
            self._feed()
        if self.exchange is not None:
            self.exchange.asked()

    def _wanted(self, size: int) -> None:
        if self.request_sent:
            self._vain += 1
            if self._vain > _MOST_IN_VAIN:
                raise BadResponse("more of the body asked for after its end, again and again")
            if self._vain > 1:
                # No sign of life worth more time.
                self.transport.write(requests.NO_MORE)
                return
        self._room = min(size, requests.most_body(self._size)) or requests.most_body(self._size)
        self._feed()


@lru_cache(1024)
def _service(host: bytes, secure: bool) -> bytes:
    return requests.service(*name_and_port(host, secure), secure)


def _introduce(exchange: Exchange) -> Client:
    """
    Make what containers are told of a client's connection, and keep it there.
    """
    peer = exchange.head.peer
    if peer.local is None:
        peer.local = local_address(exchange.channel)
    client = Client.of(peer.client, peer.port, peer.local, peer.tls)
    if peer.told is None:
        peer.told = {}
    peer.told["ajp"] = client
    return client
