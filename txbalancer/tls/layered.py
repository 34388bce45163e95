"""
What a transport of TLS leaves to the one below it.
"""

from __future__ import annotations

from typing import Any


class Layered:
    """
    Passes on to the transport below what has nothing to do with TLS.

    @ivar transport: what is below.
    """

    __slots__ = ("_tls", "transport")

    transport: Any
    _tls: Any

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Let a producer follow the transport below: what is encrypted is sent at once.
        """
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        Forget the producer.
        """
        self.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """
        Read no more for now.
        """
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Go on reading.
        """
        self.transport.resumeProducing()

    def getPeer(self) -> Any:
        """
        Return the address of the far end.
        """
        return self.transport.getPeer()

    def getHost(self) -> Any:
        """
        Return the own address.
        """
        return self.transport.getHost()

    def getHandle(self) -> Any:
        """
        Return OpenSSL's connection; C{None} before a client has said a word.
        """
        return self._tls

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """
        Return the protocol agreed on by ALPN, if any.
        """
        return (self._tls and self._tls.get_alpn_proto_negotiated()) or None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Pass on to a TCP transport; others have no such thing.
        """
        self._pass_on("setTcpNoDelay", enabled)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Pass on to a TCP transport; others have no such thing.
        """
        self._pass_on("setTcpKeepAlive", enabled)

    def _pass_on(self, name: str, enabled: bool) -> None:
        method = getattr(self.transport, name, None)
        if method is not None:
            method(enabled)
