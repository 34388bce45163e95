"""
treq on a single connection: one request exactly as it is given, in either version of HTTP/1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHandshakeListener
from twisted.web._newclient import HTTP11ClientProtocol, HTTPParser
from twisted.web.client import HTTPConnectionPool, ProxyAgent, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txbalancer.probes.line import Line

MOST_BYTES = 1024 * 1024
"""Bytes that a member may send as the answer to a check, its head and all framing included."""

_NOT_FOR_TREQ = HTTPParser.CONNECTION_CONTROL_HEADERS | {b"content-encoding"}
"""
Headers that L{IResponse} does not tell. By the coding treq would unpack bodies without a bound,
gigabytes of a kilobyte; Apache looks at them as they are, too.
"""


def make_client(reactor: Any, line: Line, target: bytes, version: str) -> HTTPClient:
    """
    Make a client that asks over a line for one target, whatever URL it is called with.

    @param version: C{1.0} or C{1.1}.
    """
    pool = HTTPConnectionPool(reactor, persistent=False)
    factory: Any = partial(_Connections, line, version)
    pool._factory = factory
    return HTTPClient(_Fixed(ProxyAgent(line, reactor, pool=pool), target))


def headers_of(response: IResponse, protocol: Any) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield the headers of an answer, those of the connection and its framing too.

    @param protocol: the connection that it came over.
    """
    for headers in (protocol.parser.connHeaders, response.headers):
        for name, values in headers.getAllRawHeaders():
            for value in values:
                yield name, value


@implementer(IAgent)
class _Fixed:
    """
    C{*} is in no URL, and a URL's parser might rewrite a path; L{ProxyAgent} is the
    agent that sends a target as it is.
    """

    def __init__(self, agent: ProxyAgent, target: bytes) -> None:
        self._agent = agent
        self._target = target

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        Send the request; treq's wish for compressed answers is not passed on.
        """
        plain = headers.copy() if headers is not None else Headers()
        plain.removeHeader(b"Accept-Encoding")
        asking: Deferred[IResponse] = self._agent.request(method, self._target, plain, bodyProducer)
        return asking


@implementer(IHandshakeListener)
class _Connection(HTTP11ClientProtocol):
    """
    One connection, for one request; the line hears all that is said.

    @ivar parser: reads the answer; knows its headers that L{IResponse} does not tell.
    """

    parser: Any = None

    def __init__(self, line: Line, version: str, quiescent: Any) -> None:
        super().__init__(quiescent)
        self._line = line
        self._version = version
        self._left = MOST_BYTES

    def makeConnection(self, transport: Any) -> None:
        super().makeConnection(_Said(transport, self._line, self._version))

    def handshakeCompleted(self) -> None:
        """
        TLS is agreed on.
        """
        self._line.secured(self.transport)

    def request(self, request: Any) -> Deferred[IResponse]:
        """
        Send the one request.
        """
        asking: Deferred[IResponse] = super().request(request)
        self.parser = self._parser
        self.parser.CONNECTION_CONTROL_HEADERS = _NOT_FOR_TREQ
        return asking

    def dataReceived(self, data: bytes) -> None:
        self._line.received(data)
        self._left -= len(data)
        if self._left < 0:
            transport: Any = self.transport
            transport.abortConnection()
        else:
            super().dataReceived(data)


class _Connections(_HTTP11ClientFactory):
    """
    Does not log each connection, of which a check makes a new one.
    """

    noisy = False

    def __init__(self, line: Line, version: str, quiescent: Any, metadata: Any) -> None:
        super().__init__(quiescent, metadata)
        self._line = line
        self._version = version

    def buildProtocol(self, address: IAddress | None) -> _Connection:
        return _Connection(self._line, self._version, self._quiescentCallback)


class _Said:
    """
    A transport whose line hears what is said, and that speaks HTTP/1.0 where it is wanted, which
    Twisted's client does not: the request line is written first of all.
    """

    def __init__(self, transport: Any, line: Line, version: str) -> None:
        self._transport = transport
        self._line = line
        self._version = b" HTTP/" + version.encode() + b"\r\n"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def writeSequence(self, lines: list[bytes]) -> None:
        first, *others = lines
        data = b"".join((first.replace(b" HTTP/1.1\r\n", self._version), *others))
        self._line.sent(data)
        self._transport.write(data)
