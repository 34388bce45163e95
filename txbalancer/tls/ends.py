"""
The two ends of TLS: towards members, and towards clients.
"""

from __future__ import annotations

import re
from typing import Any

from OpenSSL import SSL
from twisted.python.failure import Failure

from txbalancer.core.networks import household
from txbalancer.net.deadlines import NEVER
from txbalancer.net.proxyprotocol import STARTS
from txbalancer.tls.bindings import PIECE
from txbalancer.tls.handshakes import PLAIN_HTTP, PROXY_HEADER, Handshakes
from txbalancer.tls.transport import CLOSED, SHAKING, TLSTransport

_REQUEST = re.compile(rb"[A-Z]{3,16} \S").match
"""How requests begin, and nothing of TLS does."""


class ClientTLS(TLSTransport):
    """
    The client's end, towards a member.
    """

    __slots__ = ("_maker",)

    def __init__(self, maker: Any, protocol: Any) -> None:
        """
        @param maker: an L{IOpenSSLClientConnectionCreator
            <twisted.internet.interfaces.IOpenSSLClientConnectionCreator>}.
        """
        super().__init__(protocol)
        self._maker = maker

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport and begin the handshake.
        """
        me: Any = self
        self._tls = self._maker.clientConnectionForTLS(me)
        self._tls.set_connect_state()
        super().makeConnection(transport)
        if self._state == SHAKING:
            self._shake(b"")

    def failVerification(self, reason: Failure) -> None:
        """
        Note why a member's certificate is refused; the handshake fails with that.
        """
        self._reason = reason


class ServerTLS(TLSTransport):
    """
    The server's end, towards a client.

    @ivar client: whose the connection is.
    @ivar deadline: when the handshake must be over.
    @ivar waits: whether there are too many handshakes, so that this one may not begin.
    """

    __slots__ = (
        "_begun",
        "_first",
        "_handshakes",
        "_maker",
        "_paused",
        "_seen",
        "client",
        "deadline",
        "waits",
    )

    def __init__(self, maker: Any, handshakes: Handshakes, protocol: Any) -> None:
        """
        @param maker: a L{ListenerTLS<txbalancer.tls.listeners.ListenerTLS>}.
        """
        super().__init__(protocol)
        self._maker, self._handshakes = maker, handshakes
        self.deadline = NEVER
        self.waits = self._paused = self._begun = False
        self._first, self._seen = b"", ""
        self.client = ""

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport and wait for the client's first word.
        """
        self.client = household(getattr(transport.getPeer(), "host", ""))
        super().makeConnection(transport)
        if not self._paused:
            self._begin()

    def _begin(self) -> None:
        # Who has to wait for a connection to close is not late with its handshake.
        if self._state == SHAKING and not self._begun:
            self._begun = True
            self._handshakes.begin(self)

    def _hold(self, data: bytes) -> None:
        """
        Keep the client's first words and read no more until L{release}: there are too many
        handshakes.
        """
        self._first += data
        if not self.waits:
            self.waits = True
            self.transport.pauseProducing()
        if len(self._first) > PIECE:
            self._fail(SSL.Error([("", "", "too many bytes before the handshake")]))

    def release(self) -> None:
        """
        Shake hands after all.
        """
        self.waits = False
        if not self._paused:
            self._go_on()

    def _go_on(self) -> None:
        first, self._first = self._first, b""
        if first and self._state == SHAKING:
            self._start(first)
        if not self._paused:
            self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """
        Read no more for now.
        """
        self._paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Go on reading.
        """
        self._paused = False
        self._begin()
        if not self.waits:
            self._go_on()

    def _shake(self, data: bytes) -> None:
        if self._tls is not None:
            super()._shake(data)
        elif self.waits or not self._handshakes.take(self):
            self._hold(data)
        else:
            self._start(data)

    def _start(self, data: bytes) -> None:
        me: Any = self
        self._tls = self._maker.serverConnectionForTLS(me)
        self._tls.set_accept_state()
        self.facts.connection = self._tls
        if data.startswith(STARTS):
            self._seen = PROXY_HEADER
        elif _REQUEST(data):
            self._seen, self._first = PLAIN_HTTP, data
        super()._shake(data)

    def _shaken(self) -> None:
        if self._maker.lapsed(self._tls):
            self._state = SHAKING
            self._fail(SSL.Error([("", "", "certificate verify failed: it has expired")]))
            return
        self._handshakes.done(self, self._tls)
        super()._shaken()

    def _fail(self, error: SSL.Error) -> None:
        if self._state == SHAKING:
            self._handshakes.failed(self, error, self._seen)
            if self._seen == PLAIN_HTTP and self._step_aside():
                return
        super()._fail(error)

    def _step_aside(self) -> bool:
        """
        Let the protocol above answer a request that came without TLS, if it can.
        """
        refuse = getattr(self.protocol, "refuse_plain", None)
        if refuse is None or self._paused:
            return False
        self._state = CLOSED
        self.transport.protocol = self.protocol
        refuse(self.transport, self._first)
        return True

    def abortConnection(self) -> None:
        """
        Cut the connection.
        """
        if self._state == SHAKING:
            self._handshakes.left(self)
        super().abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the protocol above that all is over, and why.
        """
        if self._state == SHAKING:
            self._handshakes.left(self)
        super().connectionLost(reason)

    def expired(self, now: float) -> None:
        """
        Give up a handshake that takes too long.
        """
        if self._state == SHAKING:
            self._handshakes.late(self)
            self.cut()

    def cut(self) -> None:
        """
        End a handshake that is given up.
        """
        self._state = CLOSED
        self.transport.abortConnection()


class ServerTLSFactory:
    """
    Puts TLS under the protocols of another factory.
    """

    __slots__ = ("_factory", "_handshakes", "maker")

    def __init__(self, maker: Any, handshakes: Handshakes, factory: Any) -> None:
        """
        @param maker: as of L{ServerTLS}; may be replaced.
        """
        self.maker, self._handshakes, self._factory = maker, handshakes, factory

    def buildProtocol(self, address: Any) -> Any:
        """
        Make the protocol of a new connection.
        """
        protocol = self._factory.buildProtocol(address)
        return protocol and ServerTLS(self.maker, self._handshakes, protocol)
