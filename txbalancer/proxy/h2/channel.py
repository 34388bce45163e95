"""
The client side of HTTP/2: one connection and its streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.core.request import Peer
from txbalancer.errors import ClientGone, Stopped
from txbalancer.http2.connection import Connection
from txbalancer.http2.faults import NO_ERROR, PROTOCOL_ERROR, ConnectionFault, name_of
from txbalancer.http2.frames import MOST_WINDOW, PREFACE
from txbalancer.http2.limits import Limits
from txbalancer.http2.settings import greeting
from txbalancer.http2.stream import Stream
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.client_stream import ClientStream
from txbalancer.proxy.h2.shared import SharedTransport
from txbalancer.proxy.h2.written import ANSWERS

if TYPE_CHECKING:
    from txbalancer.proxy.served import Served
    from txbalancer.proxy.site import Site

_LINGER = 5.0
"""Seconds for which a client may still read why its connection ends."""
_MOST_SKIPPED = 1024**2
"""Bytes that it may send meanwhile."""
_DRAINING = b"draining"


@implementer(IHalfCloseableProtocol, IPushProducer)
class H2Channel(SharedTransport):
    """
    One connection of a client, with any number of exchanges at a time.

    @ivar peer: the client's end, shared by its requests.
    @ivar requests: how many it has made.
    """

    log = Logger()

    __slots__ = (
        "_begun",
        "_closing",
        "_draining",
        "_greeted",
        "_missing",
        "_reading",
        "_skipped",
        "connection",
        "peer",
        "requests",
        "site",
    )

    connection: _Connection

    def __init__(self, site: Site) -> None:
        self.site = site
        self.transport: Any = None
        self.peer: Peer
        self.deadline = NEVER
        self.requests = self._skipped = 0
        self._progress = -1
        self._missing = PREFACE
        self._reading = self._draining = self._closing = self._begun = self._greeted = False
        self.connection = _Connection(self, site.h2_limits)

    # -- the connection

    def take_over(self, transport: Any) -> None:
        """
        Take the transport over and greet the client.
        """
        self.transport = transport
        transport.registerProducer(self, True)
        transport.write(greeting(self.site.h2_limits, server=True))

    def welcome(self) -> None:
        """
        Begin to wait for the client's settings.
        """
        self.deadline = self.site.now() + self.site.spec.head_timeout

    @property
    def secure(self) -> bool:
        """
        Whether the client is under TLS.
        """
        return self.site.secure

    @property
    def exchange(self) -> Served | None:
        """
        An exchange that is in progress, if there is any.
        """
        streams: Any = self.connection.streams
        return next((each.exchange for each in streams.values()), None)

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the client sends; what is answered at once goes out in one piece.
        """
        if self._closing:
            self._skipped += len(data)
            if self._skipped > _MOST_SKIPPED:
                self.abort()
            return
        self._reading = True
        try:
            if self._missing:
                data = self._greet(data)
            self.connection.receive(data, self.site.now())
        except ConnectionFault as fault:
            self._fail(fault)
        self._reading = False
        self.flush()

    def _greet(self, data: bytes) -> bytes:
        """
        Take the client's preface off.
        """
        size = min(len(data), len(self._missing))
        if data[:size] != self._missing[:size]:
            raise ConnectionFault(PROTOCOL_ERROR, "no HTTP/2 preface")
        self._missing = self._missing[size:]
        return data[size:]

    def _fail(self, fault: ConnectionFault) -> None:
        """
        Say what the client did wrong, and end everything.
        """
        more = self.site.permit_line()
        if more is not None:
            self.log.debug(
                "{listener}: {client}: HTTP/2: {code}: {error}{more}",
                listener=self.site.spec.name,
                client=self.peer.client,
                code=name_of(fault.code),
                error=str(fault),
                more=more,
            )
        self.connection.goaway(fault.code, str(fault))
        self._break_off(str(fault))
        self._close()

    def _break_off(self, text: str) -> None:
        streams: Any = list(self.connection.streams.values())
        self.connection.streams.clear()
        for stream in streams:
            stream.lost(ClientGone(text))

    def _close(self) -> None:
        """
        Close; what was said last must reach a client that still sends.
        """
        self._closing = True
        self.write()
        self.deadline = self.site.now() + _LINGER
        self._moving()
        self.transport.unregisterProducer()
        self.half_close()

    def connectionLost(self, reason: Failure) -> None:
        """
        The client is gone, and with it whatever was in progress.
        """
        self._closing = True
        self.site.closed(self)
        self._break_off("the client closed the connection")

    def readConnectionLost(self) -> None:
        """
        The client sends no more: requests that are complete are still answered.
        """
        if self._closing:
            self.abort()
            return
        self._draining = True
        streams: Any = list(self.connection.streams.values())
        for stream in streams:
            if not stream.received_end:
                stream.lost(ClientGone("the client ended within its request"))
                stream.reset()
        self.flush()

    # -- for the connection's protocol

    def new_stream(self, number: int) -> ClientStream:
        """
        Make the stream of another request.
        """
        self.deadline = NEVER
        self.requests += 1
        if self.requests >= self.site.most_requests:
            self.drain()
        return ClientStream(self, number)

    def flush(self) -> None:
        """
        Write what there is, unless more is to come at once.
        """
        if self._reading or self._closing:
            return
        self.write()
        if not self.connection.streams:
            self._rest()
        elif not self.connection.blocked:
            if not self.connection.in_headers:
                self.deadline = NEVER
            elif self.deadline == NEVER:
                self.deadline = self.site.now() + self.site.spec.head_timeout

    def _rest(self) -> None:
        """
        Nothing is in progress: wait for the next request, or close.
        """
        if self._draining:
            if not self.connection.refusing:
                self.connection.goaway(NO_ERROR)
            self._close()
            return
        begun = self.connection.unfinished
        if self.deadline == NEVER or begun != self._begun:
            spec = self.site.spec
            self._begun = begun
            wait = spec.head_timeout if begun or not self._greeted else spec.keepalive_timeout
            self.deadline = self.site.now() + wait

    def went_away(self) -> None:
        """
        The client opens no more streams.
        """
        self._draining = True

    def answered(self, data: bytes) -> None:
        """
        The client knows by now that it is to open no more streams.
        """
        if data == _DRAINING and self._draining and not self.connection.refusing:
            self.connection.goaway(NO_ERROR)

    def settled(self) -> None:
        """
        The client's settings came: from now on it is a matter of requests.
        """
        if not self._greeted:
            self._greeted = True
            self.deadline = NEVER

    # -- the end

    def drain(self) -> None:
        """
        Take no further request: close now if idle, else after the answers.

        The client is told, and asked for a sign that it knows; only then are its streams
        refused, so that none of its requests gets lost (RFC 9113 6.8).
        """
        if self._draining or self._closing:
            return
        self._draining = True
        self.connection.goaway(NO_ERROR, last=MOST_WINDOW)
        self.connection.ping(_DRAINING)
        self.flush()

    def retire(self) -> None:
        """
        Do as L{drain}, which loses nothing here.
        """
        self.drain()

    def abort(self) -> None:
        """
        Cut the connection.
        """
        self._closing = True
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def cut(self) -> None:
        """
        End the connection now, whatever is in progress.
        """
        streams: Any = list(self.connection.streams.values())
        for stream in streams:
            if stream.tunnel is not None:
                # In an orderly way: what was said last still arrives.
                stream.tunnel.end("stopped")
            else:
                stream.lost(Stopped("the service stopped"))
        self.connection.streams.clear()
        self.abort()

    # -- flow and time

    def _patience(self) -> float:
        return self.site.now() + self.site.spec.write_timeout

    def resumeProducing(self) -> None:
        """
        The client has read what was waiting.
        """
        self.deadline = NEVER
        self.connection.unblocked()
        self.flush()

    def expired(self, now: float) -> None:
        """
        Act on a client that makes no progress.
        """
        if self.connection.blocked and self._moving():
            self.deadline = now + self.site.spec.write_timeout
            return
        self.deadline = NEVER
        if self._closing or self.connection.blocked or self.connection.streams:
            self._break_off("the client makes no progress")
            self.abort()
        else:
            self._draining = True
            self.flush()


def in_progress(channel: Any) -> int:
    """
    Count the exchanges on a connection of a client, whatever it speaks.
    """
    if isinstance(channel, H2Channel):
        return len(channel.connection.streams)
    return int(channel.exchange is not None)


class _Connection(Connection):
    """
    The protocol's part; tells its channel what is not of one stream.
    """

    __slots__ = ("_channel",)

    def __init__(self, channel: H2Channel, limits: Limits) -> None:
        super().__init__(limits, ANSWERS)
        self._channel = channel

    def flush(self) -> None:
        """
        Write what there is.
        """
        self._channel.write()

    def open_stream(self, number: int) -> Stream:
        """
        Make the stream of another request.
        """
        return self._channel.new_stream(number)

    def settled(self) -> None:
        """
        The client is ready.
        """
        self._channel.settled()

    def take_pong(self, data: bytes) -> None:
        """
        The client has read all that was sent before a ping.
        """
        self._channel.answered(data)

    def abused(self, what: str) -> None:
        """
        Count what the client did too often.
        """
        self._channel.site.abused(what)

    def take_goaway(self, last: int, code: int) -> None:
        """
        The client opens no more streams.
        """
        self._channel.went_away()
