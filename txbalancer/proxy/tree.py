"""
A balancer in somebody's tree of C{twisted.web} resources.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from txbalancer.core.mounts import Mount
from txbalancer.core.request import Peer
from txbalancer.errors import ClientError, ClientGone
from txbalancer.http1.heads import NO_BODY
from txbalancer.proxy.errorpages import error_page
from txbalancer.proxy.side import ClientSide, add_lines, make_head, split_start

if TYPE_CHECKING:
    from txbalancer.proxy.mounted import MountedBalancer


def place_of(request: Request) -> tuple[bytes, bytes]:
    """
    Split a request's path, as the client wrote it, into what led to the resource and the rest.
    """
    segments = request.path.split(b"/")[1:]
    depth = len(request.prepath or ())
    return b"/" + b"/".join(segments[:depth]), b"/" + b"/".join(segments[depth:])


def forward(mounted: MountedBalancer, mount: Mount, request: Request, path: bytes) -> None:
    """
    Answer a request, whose body C{twisted.web} has collected, by a member.

    @param path: what the member is asked for, with no query.
    """
    content: Any = request.content
    body = content.read()
    announced = any(map(request.requestHeaders.hasHeader, ("content-length", "transfer-encoding")))
    try:
        head = make_head(
            request.method,
            request.uri,
            request.requestHeaders,
            len(body) if announced else NO_BODY,
            _peer(request),
            request.clientproto,
        )
    except ClientError as error:
        _refuse(request, error)
        return
    side: Any = RequestSide(request)
    exchange = mounted.exchange(mounted, side, head, mount, path)
    exchange.start()
    if body and side.exchange is exchange:
        exchange.request_data(body)
        exchange.request_end([])


def _peer(request: Request) -> Peer:
    address: Any = request.getClientAddress()
    name = request.getRequestHostname()
    if isinstance(address, UNIXAddress):
        return Peer("", 0, "", request.isSecure(), name)
    return Peer(address.host, address.port, "", request.isSecure(), name)


def _refuse(request: Request, error: ClientError) -> None:
    accept = request.getHeader(b"accept") or b""
    kind, body = error_page(error.status, error.reason, str(error), accept)
    request.setResponseCode(error.status)
    request.setHeader(b"content-type", kind)
    request.setHeader(b"content-length", b"%d" % len(body))
    request.write(body)
    request.finish()


@implementer(IPushProducer)
class RequestSide(ClientSide):
    """
    Answers a L{Request} of C{twisted.web}.
    """

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request: Request | None = request
        request.notifyFinish().addErrback(self._gone)
        request.registerProducer(self, True)

    def respond(
        self,
        start: bytes,
        lines: list[bytes],
        body: int,
        data: bytes,
        done: bool,
        trailers: Sequence[bytes] = (),
    ) -> None:
        """
        Begin the answer; trailers are dropped, as C{twisted.web} has no way to send them.
        """
        request = self._request
        if request is None:
            return
        request.setResponseCode(*split_start(start))
        request.defaultContentType = None
        headers = request.responseHeaders
        for name in (b"date", b"server"):
            # Those of twisted.web itself.
            headers.removeHeader(name)
        add_lines(headers, lines)
        if body >= 0:
            headers.setRawHeaders(b"content-length", [b"%d" % body])
        request.write(data)

    def write_body(self, data: bytes) -> None:
        """
        Write a piece of the answer.
        """
        if self._request is not None:
            self._request.write(data)

    def finished(self) -> None:
        """
        End the answer.
        """
        self.exchange = None
        request, self._request = self._request, None
        if request is not None:
            request.unregisterProducer()
            request.finish()

    def abort(self) -> None:
        """
        Close the connection before the answer is complete.
        """
        self.exchange = None
        request, self._request = self._request, None
        if request is not None:
            request.unregisterProducer()
            request.loseConnection()

    def _gone(self, reason: Any) -> None:
        exchange, self.exchange = self.exchange, None
        self._request = None
        if exchange is not None:
            exchange.client_gone(ClientGone("the client closed the connection"))

    def pauseProducing(self) -> None:
        if self.exchange is not None:
            self.exchange.client_blocked()

    def resumeProducing(self) -> None:
        if self.exchange is not None:
            self.exchange.client_unblocked()

    def stopProducing(self) -> None:
        """
        The connection is lost; notifyFinish tells the exchange.
        """
