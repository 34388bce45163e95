"""
The client side of a balanced connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    IPushProducer,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.core.request import Peer
from txbalancer.errors import ClientError, ClientGone, ClientTimeout, Stopped
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.link import Link
from txbalancer.stream.clienthello import BadHello, HelloReader
from txbalancer.stream.request import Connection

if TYPE_CHECKING:
    from txbalancer.proxy.tunnel import Tunnel
    from txbalancer.stream.exchange import StreamExchange
    from txbalancer.stream.site import StreamSite

_KEPT = 65536
"""Bytes of a client that are kept until a member is there; more are not read."""

_NOTHING = bytearray()


@implementer(IProtocol, IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class StreamChannel(Link):
    """
    One connection of a client.

    @ivar exchange: the way to a member, as long as there is one.
    @ivar tunnel: where bytes go once a member is there.
    @ivar paused: whether reading is paused, for a member is not there yet or does not keep up.
    @ivar since: when it was accepted.
    @ivar ended: whether the client sends no more.
    """

    __slots__ = (
        "_blocked",
        "_buffer",
        "_closing",
        "_hello",
        "ended",
        "exchange",
        "paused",
        "peer",
        "since",
        "site",
        "tunnel",
    )

    peer: Peer

    def __init__(self, site: StreamSite) -> None:
        self.site = site
        self.transport: Any = None
        self.exchange: StreamExchange | None = None
        self.tunnel: Tunnel | None = None
        self.deadline = NEVER
        self.paused = self.ended = self._blocked = self._closing = False
        self._buffer = _NOTHING
        self._hello: HelloReader | None = None
        self._progress = -1
        self.since = 0.0

    @property
    def secure(self) -> bool:
        """
        Whether the client's TLS ends here.
        """
        return self.site.secure

    # -- the connection

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport; too many connections wait for their turn.
        """
        self.transport = transport
        transport.registerProducer(self, True)
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(self.site.spec.tcp_keepalive)
        self.since = self.site.now()
        self.peer = self.site.peer(transport)
        me: Any = self
        self.site.opened(me)

    def welcome(self) -> None:
        """
        Begin: at once, as the member may be the one who speaks first, or as soon as it is
        known whom the client wants.
        """
        site = self.site
        if not (site.secure or site.peeks):
            self._route(Connection(self.peer))
            return
        self.deadline = site.now() + site.spec.head_timeout
        if not site.secure:
            self._hello = HelloReader(site.spec.max_head)
            if self._buffer:
                self._peek(bytes(self._buffer))

    def hold(self) -> None:
        """
        Do not read until L{release}: the listener has too many connections.
        """
        self.transport.pauseProducing()

    def release(self) -> None:
        """
        Take part after all.
        """
        self.transport.resumeProducing()
        self.welcome()

    def handshakeCompleted(self) -> None:
        """
        Go on, now that TLS has told what the client wants.
        """
        handle = self.transport.getHandle()
        alpn = self.transport.negotiatedProtocol
        self._route(Connection(self.peer, handle.get_servername() or b"", (alpn,) if alpn else ()))

    def _route(self, wanted: Connection) -> None:
        self.deadline = NEVER
        self.site.route(self, wanted)

    def dataReceived(self, data: bytes) -> None:
        """
        Pass on what the client sends, or keep it for a member.
        """
        if self.tunnel is not None:
            self.tunnel.from_client(data)
            return
        if self._buffer:
            self._buffer += data
        else:
            self._buffer = bytearray(data)
        if self._hello is not None:
            self._peek(data)
        if self.tunnel is None and len(self._buffer) >= _KEPT and not self.paused:
            self.pause()

    def _peek(self, data: bytes) -> None:
        """
        Read along until it is clear whom the client wants.
        """
        assert self._hello is not None
        try:
            found = self._hello.feed(data)
        except BadHello as error:
            self._hello = None
            self.refuse(error)
            return
        if found is not None:
            self._hello = None
            self._route(Connection(self.peer, found.name, found.alpn))

    def relay(self) -> bytes:
        """
        From here on the connection belongs to a tunnel.

        @return: what the client sent already.
        """
        rest, self._buffer = bytes(self._buffer), _NOTHING
        if self.paused:
            self.resume()
        return rest

    def connectionLost(self, reason: Failure) -> None:
        """
        The client is gone, and with it whatever was in progress.
        """
        me: Any = self
        self.site.closed(me)
        if self.tunnel is not None:
            clean = isinstance(reason.value, ConnectionDone)
            self.tunnel.client_gone("ok" if clean else "client-gone")
        elif self.exchange is not None:
            self.exchange.client_gone(ClientGone("the client closed the connection"))
        elif not self._closing:
            self.site.dismiss(self, ClientGone("the client closed the connection"))
        self._closing = True

    def readConnectionLost(self) -> None:
        """
        The client sends no more, but may still read.
        """
        self.ended = True
        if self.tunnel is not None:
            self.tunnel.client_eof()
        elif self.exchange is None:
            self.transport.loseConnection()

    # -- the end

    def finished(self) -> None:
        """
        The exchange is over: close, after what is still to be written.
        """
        if self._closing:
            return
        self.exchange = None
        self._closing = True
        self._progress = -1
        self.deadline = self.site.now() + self.site.spec.write_timeout
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """
        Cut the connection, so that the client can tell that something is missing.
        """
        self._closing = True
        self.exchange = None
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def drain(self) -> None:
        """
        Begin nothing more; a connection that has a member, or waits for one, goes on.
        """
        if self.exchange is None and not self._closing:
            self.transport.loseConnection()

    def retire(self) -> None:
        """
        Nothing to do: a connection goes on for as long as it may.
        """

    def cut(self) -> None:
        """
        End the connection now, whatever is in progress.
        """
        if self.tunnel is not None:
            self.tunnel.end("stopped", cut=True)
            return
        if self.exchange is not None:
            self.exchange.client_gone(Stopped("the service stopped"))
        self.abort()

    # -- flow and time

    def pause(self) -> None:
        """
        Stop reading the client.
        """
        self.paused = True
        self.transport.pauseProducing()

    def resume(self) -> None:
        """
        Go on reading the client.
        """
        self.paused = False
        self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """
        The client does not read as fast as the member sends.
        """
        self._blocked = True
        self._progress = -1
        if self.tunnel is not None:
            self.tunnel.client_blocked()
        self.deadline = self.site.now() + self.site.spec.write_timeout

    def resumeProducing(self) -> None:
        """
        The client has read what was waiting.
        """
        self._blocked = False
        if self.tunnel is not None:
            self.tunnel.client_unblocked()

    def expired(self, now: float) -> None:
        """
        Act on a client that makes no progress, or on a connection that lasts too long.
        """
        tunnel = self.tunnel
        if self._blocked or self._closing:
            if self._moving():
                self.deadline = now + self.site.spec.write_timeout
                return
            if tunnel is not None:
                tunnel.end("client-timeout", cut=True)
            else:
                self.abort()
        elif tunnel is not None:
            tunnel.idle()
        else:
            self.refuse(ClientTimeout("the client does not say whom it wants"))

    def refuse(self, error: ClientError) -> None:
        """
        Close a connection that no exchange was begun for.
        """
        self.site.dismiss(self, error)
        self.finished()
