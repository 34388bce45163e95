"""
Two ends of a connection in memory, TLS on both.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from txbalancer.net.deadlines import Deadlines
from txbalancer.testing import MemoryTransport
from txbalancer.tls.ends import ServerTLS
from txbalancer.tls.handshakes import Handshakes


@implementer(IHalfCloseableProtocol)
class Recorder:
    """
    A protocol that notes what happens to it.
    """

    def __init__(self) -> None:
        self.happened: list[Any] = []
        self.transport: Any = None
        self.pieces: list[bytes] = []

    @property
    def received(self) -> bytes:
        return b"".join(self.pieces)

    def makeConnection(self, transport) -> None:
        self.transport = transport
        transport.registerProducer(self, True)

    def handshakeCompleted(self) -> None:
        self.happened.append("shaken")

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)

    def readConnectionLost(self) -> None:
        self.happened.append("ended")

    def writeConnectionLost(self) -> None:
        self.happened.append("half-closed")

    def connectionLost(self, reason) -> None:
        self.happened.append(reason.type.__name__)

    def pauseProducing(self) -> None:
        self.happened.append("pause")

    def resumeProducing(self) -> None:
        self.happened.append("resume")

    def stopProducing(self) -> None:
        self.happened.append("stop")


class Client:
    """
    A client's end by OpenSSL itself, at the far end of a L{MemoryTransport}.
    """

    def __init__(self, end: MemoryTransport, context: SSL.Context, name: bytes = b"") -> None:
        self.end = end
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        if name:
            self.tls.set_tlsext_host_name(name)

    def shake(self) -> None:
        """
        Shake hands, as far as the other end goes along.
        """
        for _ in range(6):
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                pass
            else:
                self.flush()
                return
            self.flush()
            self.pull()

    def flush(self) -> None:
        """
        Send what OpenSSL has to say.
        """
        data = self.said()
        if data:
            self.end.send(data)

    def said(self) -> bytes:
        """
        Return what OpenSSL has to say, without sending it.
        """
        try:
            return self.tls.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""

    def pull(self) -> None:
        """
        Take what arrived.
        """
        data = self.end.taken()
        if data:
            self.tls.bio_write(data)

    def send(self, data: bytes) -> None:
        """
        Send bytes under TLS.
        """
        self.tls.sendall(data)
        self.flush()

    def taken(self) -> bytes:
        """
        Return what arrived, in the clear.
        """
        self.pull()
        found = b""
        try:
            while True:
                found += self.tls.recv(1 << 16)
        except SSL.WantReadError:
            return found


class Listening:
    """
    A server's end, and its surroundings.
    """

    def __init__(self, maker, most: int = 0, timeout: float = 10.0, strict: bool = False) -> None:
        self.reactor = MemoryReactorClock()
        self.deadlines = Deadlines(self.reactor, 0.25)
        self.deadlines.start(self.reactor.seconds)
        self.failures: list[tuple[str, str]] = []
        self.handshakes = Handshakes(
            self.deadlines, self.reactor.seconds, lambda end, *why: self.failures.append(why)
        )
        self.handshakes.configure(most, timeout, strict)
        self._maker = maker

    def accept(
        self, protocol: Recorder | None = None, host: str = "192.0.2.1"
    ) -> tuple[Recorder, MemoryTransport]:
        """
        Accept a connection.
        """
        protocol = protocol or Recorder()
        address = IPv4Address("TCP", host, 40000)
        server = ServerTLS(self._maker, self.handshakes, protocol)
        return protocol, MemoryTransport(self.reactor, server, address)


def client_context(authority=None) -> SSL.Context:
    """
    Make a context that verifies, or believes everybody.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if authority is not None:
        context.load_verify_locations(str(authority.file))
        context.set_verify(SSL.VERIFY_PEER, lambda connection, *_: bool(_[-1]))
    return context
