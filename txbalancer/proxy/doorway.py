"""
The first moments of a connection on which HTTP/1 and HTTP/2 are both possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.http2.frames import PREFACE
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.h2.channel import H2Channel
from txbalancer.proxy.link import Link

if TYPE_CHECKING:
    from txbalancer.proxy.site import Site


@implementer(IProtocol, IHalfCloseableProtocol, IHandshakeListener)
class Doorway(Link):
    """
    Stands for a connection until it is known what is spoken on it: what was agreed on within
    TLS, or without TLS, whether it begins with the preface of HTTP/2. From then on it only
    passes on that the connection ends.

    @ivar dataReceived: takes what comes; later it is the channel's own.
    """

    __slots__ = ("_channel", "_held", "_seen", "_shaken", "dataReceived", "peer", "site")

    exchange = None

    def __init__(self, site: Site) -> None:
        self.site = site
        self.transport: Any = None
        self.deadline = NEVER
        self._progress = -1
        self._channel: Any = None
        self._seen = b""
        self._held = self._shaken = False
        self.dataReceived = self._look

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport; too many connections wait for their turn.
        """
        self.transport = transport
        no_delay = getattr(transport, "setTcpNoDelay", None)
        if no_delay is not None:
            no_delay(True)
        self.peer = self.site.peer(transport)
        self.site.opened(self)

    def welcome(self) -> None:
        """
        Begin to wait.
        """
        self.deadline = self.site.now() + self.site.spec.head_timeout

    def hold(self) -> None:
        """
        Do not read until L{release}; what was read already, behind a PROXY header, waits.
        """
        self._held = True
        self.transport.pauseProducing()

    def release(self) -> None:
        """
        Take part after all.
        """
        self._held = False
        self.welcome()
        self.transport.resumeProducing()
        if self._shaken:
            self.handshakeCompleted()
        elif self._seen:
            self._look(b"")

    @property
    def secure(self) -> bool:
        """
        Whether the client is under TLS.
        """
        return self.site.secure

    def handshakeCompleted(self) -> None:
        """
        Go on with what was agreed on.
        """
        if self._held:
            self._shaken = True
            return
        agreed = getattr(self.transport, "negotiatedProtocol", None)
        self._hand_over(H2Channel(self.site) if agreed == b"h2" else ClientChannel(self.site))

    def _look(self, data: bytes) -> None:
        self._seen += data
        if self._held:
            return
        size = min(len(self._seen), len(PREFACE))
        if self._seen[:size] != PREFACE[:size]:
            self._hand_over(ClientChannel(self.site))
        elif size == len(PREFACE):
            self._hand_over(H2Channel(self.site))

    def _hand_over(self, channel: ClientChannel | H2Channel) -> None:
        transport, seen = self.transport, self._seen
        self._channel, self._seen = channel, b""
        channel.peer = self.peer
        self.dataReceived = channel.dataReceived
        self.site.replace(self, channel)
        channel.take_over(transport)
        channel.welcome()
        if seen:
            channel.dataReceived(seen)

    def refuse_plain(self, transport: Any, data: bytes) -> None:
        """
        Have a request that came without TLS refused.
        """
        channel = ClientChannel(self.site)
        self.transport = transport
        self._hand_over(channel)
        channel.refuse_plain(transport, data)

    def connectionLost(self, reason: Failure) -> None:
        """
        Pass on that the client is gone.
        """
        if self._channel is not None:
            self._channel.connectionLost(reason)
        else:
            self.site.closed(self)

    def readConnectionLost(self) -> None:
        """
        Pass on that the client sends no more.
        """
        if self._channel is None:
            self.transport.loseConnection()
        else:
            self._channel.readConnectionLost()

    def drain(self) -> None:
        """
        Take no request.
        """
        self.transport.loseConnection()

    def retire(self) -> None:
        """
        Nothing to do: whoever goes in here gets one answer.
        """

    def cut(self) -> None:
        """
        End the connection now.
        """
        self.transport.abortConnection()

    def expired(self, now: float) -> None:
        """
        Give up waiting for the first words.
        """
        self.deadline = NEVER
        self.transport.abortConnection()
