"""
The member side of HTTP/2: one connection, which any number of exchanges share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHandshakeListener, IProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.errors import (
    BadResponse,
    ConnectFailed,
    MemberClosed,
    MemberError,
    ResponseTimeout,
)
from txbalancer.http2.faults import NO_ERROR, ConnectionFault, name_of
from txbalancer.http2.frames import PREFACE
from txbalancer.http2.limits import Limits
from txbalancer.http2.requesting import Requesting
from txbalancer.http2.settings import greeting
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.answer_stream import AnswerStream
from txbalancer.proxy.h2.member_stream import MemberStream
from txbalancer.proxy.h2.shared import SharedTransport
from txbalancer.proxy.h2.written import REQUESTS
from txbalancer.proxy.outgoing import Outgoing
from txbalancer.tls.causes import cause_of

if TYPE_CHECKING:
    from txbalancer.proxy.h2.pool import H2Pool

_SILENCE = 15.0
"""Seconds for which a member may say nothing while it has something to answer, before it is
asked for a sign of life, and the same again for that."""


@implementer(IProtocol, IHandshakeListener, IPushProducer)
class H2MemberConnection(SharedTransport, Outgoing):
    """
    A connection to a member.

    @ivar scheme_line: what its requests say of the scheme.
    @ivar late: streams whose head waits for what else came with it.
    @ivar requests: how many were made.
    """

    log = Logger()
    carries_client = False
    continues = True

    __slots__ = (
        "_asked",
        "_closed",
        "_heard",
        "_pings",
        "_reading",
        "connection",
        "late",
        "requests",
        "scheme_line",
    )

    connection: _Connection
    pool: H2Pool

    def __init__(self, pool: H2Pool, opening: Any) -> None:
        super().__init__(pool, opening)
        self.requests = self._pings = 0
        self.late: list[AnswerStream] = []
        self.scheme_line = b":scheme: https" if pool.secure else b":scheme: http"
        self._reading = self._closed = self._heard = False
        self._asked: dict[bytes, MemberStream | None] = {}
        self.connection = _Connection(self, pool.h2_limits)

    # -- opening and closing

    def handshakeCompleted(self) -> None:
        """
        Offer the connection for use if HTTP/2 was agreed on.
        """
        if self.opening is None or self._closed:
            return
        if self.transport.negotiatedProtocol != b"h2":
            self._handshake_failed("no agreement on HTTP/2")
        else:
            self._ready()

    def _ready(self) -> None:
        self._prepare()
        self.transport.write(PREFACE + greeting(self.pool.h2_limits, server=False))
        self.pool.opened(self)

    def _opening_failed(self, error: ConnectFailed) -> None:
        self._closed = True
        super()._opening_failed(error)

    def close(self, polite: bool = True) -> None:
        """
        Close; no stream is open, or those that are get lost.
        """
        if self._closed:
            return
        self._closed = True
        self.pool.closed(self)
        self.transport.unregisterProducer()
        if polite:
            self.connection.goaway(NO_ERROR)
            self.write()
            self.deadline = self.pool.now() + self.pool.timeout
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the exchanges what the end of the connection means for them.
        """
        self.pool.runtime.deadlines.discard(self)
        if self._closed:
            return
        if self.opening is not None:
            self._handshake_failed(cause_of(reason))
            return
        self._lose(MemberClosed(reason.getErrorMessage()))

    def _lose(self, error: MemberError) -> None:
        """
        Give everything up.
        """
        streams: Any = list(self.connection.streams.values())
        self.connection.streams.clear()
        self.close(polite=False)
        for stream in streams:
            stream.lost(error)

    # -- streams

    def take(self, fresh: bool = False) -> MemberStream | None:
        """
        Return a stream for another exchange, or C{None} when there is no room.

        @param fresh: whether somebody waited for this connection to be made.
        """
        connection = self.connection
        if self._closed or connection.room <= 0 or (self.requests and self.pool.single_use):
            return None
        if not (connection.streams or fresh) and (self._poll or self._poller())(0):
            # Something came that the reactor has not read yet: perhaps the end.
            return None
        stream = MemberStream(self, self.requests > 0 and not fresh)
        connection.add(stream)
        return stream

    def begun(self) -> None:
        """
        Note another request.
        """
        self.requests += 1
        if self.deadline == NEVER or len(self.connection.streams) == 1:
            self._heard = False
            self.deadline = self.pool.now() + _SILENCE

    def freed(self) -> None:
        """
        A stream is over: there may be room for another.
        """
        if not self._reading:
            self._settle()

    def retire(self) -> None:
        """
        Close as soon as nothing is in progress.
        """
        self._settle()

    def _settle(self) -> None:
        if self._closed:
            return
        if not self.connection.streams:
            self.deadline = NEVER
            used_up = self.requests and self.pool.single_use
            if self.connection.gone_away or used_up or self.pool.leaving:
                self.close()
                return
        self.pool.put(self)

    # -- reading and writing

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the member says.
        """
        if self._closed:
            return
        self._heard = self._reading = True
        fault = None
        try:
            self.connection.receive(data, self.pool.now())
        except ConnectionFault as error:
            fault = error
        late = self.late
        while late:
            late.pop().catch_up()
        self._reading = False
        if fault is not None:
            self.connection.goaway(fault.code, str(fault))
            self.write()
            self._lose(BadResponse(f"HTTP/2: {name_of(fault.code)}: {fault}"))
            return
        self.flush()
        self._settle()

    def flush(self) -> None:
        """
        Write what there is, unless more is to come at once.
        """
        if not self._reading and not self._closed:
            self.write()

    # -- signs of life

    def ask(self, stream: MemberStream | None) -> None:
        """
        Send a ping.

        @param stream: who waits for the answer.
        """
        self._pings += 1
        data = b"%08d" % (self._pings % 10**8)
        self._asked[data] = stream
        self.connection.ping(data)
        self.flush()

    def answered(self, data: bytes) -> None:
        """
        The member answered a ping.
        """
        stream = self._asked.pop(data, None)
        if stream is not None:
            stream.answered()

    # -- flow and time

    def _patience(self) -> float:
        return self.pool.now() + self.pool.timeout

    def resumeProducing(self) -> None:
        """
        The member took what was waiting.
        """
        self.deadline = self.pool.now() + _SILENCE
        self.connection.unblocked()
        self.flush()

    def expired(self, now: float) -> None:
        """
        Act on the member's silence.
        """
        if self.opening is not None:
            self._handshake_timed_out()
        elif self._closed:
            self.deadline = NEVER
            self.transport.abortConnection()
        elif self.connection.blocked:
            if self._moving():
                self.deadline = now + self.pool.timeout
            else:
                self._lose(MemberClosed(f"takes nothing for {self.pool.timeout:g} s"))
        elif not self.connection.streams:
            idle: Any = self
            self.pool.aged(idle, now)
        elif self._heard or not self._asked:
            # Whoever talks is there; silence alone may only mean that there is nothing to say.
            if not self._heard:
                self.ask(None)
            self._heard = False
            self.deadline = now + _SILENCE
        else:
            self._lose(ResponseTimeout(f"no answer to a ping within {_SILENCE:g} s"))


class _Connection(Requesting):
    """
    The protocol's part; tells its link what is not of one stream.
    """

    __slots__ = ("_link",)

    def __init__(self, link: H2MemberConnection, limits: Limits) -> None:
        super().__init__(limits, REQUESTS)
        self._link = link

    def flush(self) -> None:
        """
        Write what there is.
        """
        self._link.write()

    def take_pong(self, data: bytes) -> None:
        """
        The member is there.
        """
        self._link.answered(data)

    def abused(self, what: str) -> None:
        """
        The fault that follows says it all.
        """
