"""
The reading half of a client's connection: heads, bodies, and what is neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.core.request import Peer
from txbalancer.errors import ClientError, ClientGone, ClientTimeout, PlainOnTLS, TLSOnPlain
from txbalancer.http1.framing import ChunkedReader
from txbalancer.http1.heads import CHUNKED, NO_BODY, RequestHead
from txbalancer.http1.lines import is_token
from txbalancer.http1.requests import parse_request
from txbalancer.net.deadlines import NEVER
from txbalancer.net.proxyprotocol import STARTS
from txbalancer.net.splice import BULK, LARGE, Pump
from txbalancer.proxy.link import Link

if TYPE_CHECKING:
    from txbalancer.proxy.served import Served
    from txbalancer.proxy.site import Site
    from txbalancer.proxy.tunnel import Tunnel

PIPELINE = 65536
"""Bytes of further requests that are read while one is in progress."""
_CLIENT_HELLO = b"\x16\x03"
"""How TLS begins: a record of handshakes, of version 3.x (RFC 8446 5.1)."""


class RequestReader(Link):
    """
    Turns what a client sends into exchanges, one at a time.

    @ivar exchange: what is in progress, or C{None} between requests.
    @ivar head: the head of the request in progress.
    @ivar tunnel: where bytes go after a 101.
    @ivar paused: whether reading is paused.
    @ivar ended: whether the client has ended its side.
    """

    __slots__ = (
        "_beginning",
        "_blocked",
        "_body_began",
        "_body_size",
        "_buffer",
        "_chunks",
        "_closing",
        "_left",
        "_lingering",
        "_receiving",
        "_requests",
        "_skipped",
        "ended",
        "exchange",
        "head",
        "paused",
        "peer",
        "site",
        "tunnel",
    )

    def __init__(self, site: Site) -> None:
        self.site = site
        self.exchange: Served | None = None
        self.tunnel: Tunnel | None = None
        self.head: RequestHead | None = None
        self.peer: Peer
        self.deadline = NEVER
        self._buffer = b""
        self._beginning: bytearray | None = None
        self._chunks: ChunkedReader | None = None
        self._left = self._requests = self._skipped = self._body_size = 0
        self._body_began = 0.0
        self._receiving = self._closing = self._lingering = False
        self._blocked = self.ended = self.paused = False

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the client sends: a head, a body, the next request, or raw bytes of a tunnel.
        """
        if self._receiving:
            self._body(data)
        elif self.exchange is None and (self._lingering or not self._blocked):
            if self._lingering:
                self._skip(len(data))
            else:
                self._head(data)
        elif self.tunnel is not None:
            self.tunnel.from_client(data)
        else:
            self._buffer += data
            if len(self._buffer) > PIPELINE and not self.paused:
                self.pause()

    def _head(self, data: bytes) -> None:
        beginning = self._beginning
        if beginning is not None:
            # Each byte is looked at once, however small the pieces are.
            before = len(beginning)
            beginning += data
            if beginning.find(b"\r\n\r\n", max(0, before - 3)) < 0:
                self._partial(beginning, before)
                return
            self._beginning = None
            data = bytes(beginning)
        end = data.find(b"\r\n\r\n")
        limits = self.site.limits
        if end < 0 or end > limits.head:
            self._partial(data, 0)
            return
        try:
            head = parse_request(data[:end], limits)
        except ClientError as error:
            if data[:2] == b"\r\n" and data[2:3] != b"\r":
                # RFC 9112 2.2: an empty line before a request may be ignored; one is enough.
                self._head(data[2:])
                return
            first = not self.site.secure and self._requests == 0 and self.peer.through is None
            if first and data.startswith(STARTS):
                self.site.unlisted.note(self.transport.getPeer(), self.site.now())
            self._refuse(error)
            return
        channel: Any = self
        self.head = head
        head.peer = self.peer
        self._requests += 1
        self.deadline = NEVER
        data = data[end + 4 :]
        body = head.body
        if body == NO_BODY or body == 0:
            if data:
                self._buffer = data
            self.site.begin(channel, head)
            return
        self._receiving = True
        if body == CHUNKED:
            self._chunks = ChunkedReader(ClientError)
        else:
            self._left = body
        if head.expects:
            # It may wait for 100 (Continue), so its clock starts with that or with a byte.
            self._body_began = NEVER
        else:
            self._await_body()
        self.site.begin(channel, head)
        if data and self._receiving:
            self._body(data)
        if self.ended and self._receiving:
            self._broke_off()

    def _partial(self, data: bytes | bytearray, before: int) -> None:
        """
        Keep the beginning of a head, or see that it can never become one.

        @param before: how much of it was seen before.
        """
        limits = self.site.limits
        if data.startswith(_CLIENT_HELLO) and not self.site.secure:
            self._refuse(TLSOnPlain("TLS to a plain port: use http://, or another port"))
        elif len(data) > limits.head:
            self._refuse(ClientError(f"a head over {limits.head} bytes", 431))
        elif len(data) > limits.url + 100 and b"\r\n" not in data:
            self._refuse(ClientError(f"a target longer than {limits.url} bytes", 414))
        elif data.count(b"\n", before) != data.count(b"\r\n", max(0, before - 1)):
            self._refuse(ClientError("a line that does not end in CRLF"))
        elif not is_token(bytes(data[:1])) and data[:2] not in (b"\r", b"\r\n"):
            self._refuse(ClientError("no HTTP request"))
        elif self.ended:
            self._shut()
        else:
            if self._beginning is None:
                self._beginning = bytearray(data)
                if self._requests:
                    # The clock of a later head starts with its first byte.
                    self.deadline = self.site.now() + self.site.spec.head_timeout

    def _body(self, data: bytes) -> None:
        exchange = self.exchange
        assert exchange is not None
        if not self._came(len(data)):
            return
        chunks = self._chunks
        if chunks is None:
            left = self._left - len(data)
            if left > 0:
                self._left = left
                exchange.request_data(data)
                if left >= BULK and len(data) >= LARGE and self._receiving:
                    self._splice(left)
                return
            if left:
                self._buffer = data[left:]
                data = data[:left]
            self._receiving = False
            trailers: list[bytes] = []
        else:
            try:
                data, rest = chunks.feed(data)
            except ClientError as error:
                exchange.client_error(error)
                return
            if not chunks.done:
                if data:
                    exchange.request_data(data)
                return
            self._buffer = rest
            self._receiving = False
            self._chunks = None
            trailers = chunks.trailers
        self.deadline = NEVER
        if data:
            exchange.request_data(data)
        if self.exchange is exchange:
            exchange.request_end(trailers)
        if self.tunnel is not None:
            # The member changed protocols before the request was complete.
            rest, self._buffer = self._buffer, b""
            self.tunnel.from_client(rest)

    def _came(self, size: int) -> bool:
        """
        Count bytes of a request's body; return whether they come as fast as they have to.
        """
        now, spec = self.site.now(), self.site.spec
        if self._body_began == NEVER:
            self._await_body()
        self.deadline = now + spec.body_timeout
        self._body_size += size
        spent = now - self._body_began
        if spent <= spec.body_timeout or self._body_size >= spec.body_min_rate * spent:
            return True
        rate = f"under {spec.body_min_rate} bytes a second"
        assert self.exchange is not None
        self.exchange.client_error(ClientTimeout(f"a request body that comes at {rate}"))
        return False

    def _splice(self, left: int) -> None:
        """
        Let the rest of a body go to the member without coming up here, where it can.
        """
        assert self.exchange is not None
        sink, pipes = self.exchange.request_sink(), self.site.runtime.pipes
        pump = Pump.between(self.transport, sink, self._spliced, pipes)
        if pump is not None:
            pump.start(left, self._spliced_all)

    def _spliced(self, size: int) -> None:
        self._left -= size
        if self._receiving and self.exchange is not None and self._came(size):
            self.exchange.request_moved(size)

    def _spliced_all(self) -> None:
        exchange = self.exchange
        if self._receiving and exchange is not None:
            self._receiving = False
            self.deadline = NEVER
            exchange.request_end([])

    def _await_body(self) -> None:
        """
        Start the clock of a request's body: for silence, and for a rate that is too low.
        """
        self._body_began = self.site.now()
        self._body_size = 0
        self.deadline = self._body_began + self.site.spec.body_timeout

    def _refuse(self, error: ClientError) -> None:
        """
        Answer a request that cannot even be read.
        """
        self.deadline = NEVER
        # Whatever more the client sends must not keep it from reading why.
        self._closing = self._receiving = True
        channel: Any = self
        self.site.refuse(channel, error)

    def refuse_plain(self, transport: Any, data: bytes) -> None:
        """
        Answer a request that came without TLS to a listener with it.

        @param transport: what is below the TLS that did not come about.
        @param data: the request's beginning.
        """
        self.transport = transport
        self.peer.secure, self.peer.tls = False, None
        try:
            host = parse_request(data.partition(b"\r\n\r\n")[0], self.site.limits).host
        except ClientError:
            host = b""
        where = f"https://{host.decode('ascii')}/" if host else "an https:// URL"
        self._refuse(PlainOnTLS(f"This port speaks TLS and nothing else: ask for {where} instead."))

    def _broke_off(self) -> None:
        """
        The client sends no more, though its request is not complete.
        """
        assert self.exchange is not None
        self.exchange.client_gone(ClientGone("the client ended within its request"))
        self._shut()

    def _skip(self, size: int) -> None:
        self._skipped += size
        if self._skipped > 64 * PIPELINE:
            self._shut()

    def _shut(self) -> None:
        # Under TLS more may still arrive: it is no request any more.
        self._closing = self._lingering = True
        self._receiving = False
        # What is still to be written must not wait for the client for ever.
        self.deadline = self.site.now() + self.site.spec.write_timeout
        self._progress = -1
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pause(self) -> None:
        """
        Stop reading the client.
        """
        raise NotImplementedError
