"""
Ordinary resources of C{twisted.web} behind a mount: C{to = resource:NAME}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPullProducer
from twisted.internet.task import TaskStopped, cooperate
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource

from txbalancer.core.mounts import Mount
from txbalancer.core.paths import canonical, normalise
from txbalancer.errors import BodyTooLarge, ClientError
from txbalancer.http1.heads import CHUNKED, NO_BODY, RequestHead
from txbalancer.proxy.local import LocalAnswer, page, start_line

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.runtime import Runtime
    from txbalancer.proxy.site import Site

MOST_BODY = 1024**2
"""Bytes of a request's body that are collected where C{max-body} does not say."""

_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))


class WebTarget:
    """
    A resource and what is below it; serves it to any number of mounts.
    """

    def __init__(self, resource: IResource, forms: bool = True) -> None:
        """
        @param forms: whether the resource wants forms of POST in C{args}. To read one of a MiB
            can take seconds, in which nothing else is done.
        """
        self._resource, self._forms = resource, forms
        self._site: WebSite | None = None

    def begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Take a request; the resource sees it once its body is there.
        """
        limit = mount.spec.max_body or MOST_BODY
        if head.body > limit:
            text = f"a body over {limit} bytes"
            site.answer(channel, head, 413, "body-too-large", text, mount)
            return
        if self._site is None:
            self._site = WebSite(
                self._resource,
                reactor=site.runtime.reactor,
                parsePOSTFormSubmission=self._forms,
            )
        places = split_path(mount.decoded(normalise(head.path)), mount.prefix)
        WebExchange(site.runtime, channel, head, self._site, places, limit, mount).start()


def split_path(path: bytes, prefix: bytes) -> tuple[list[bytes], list[bytes]]:
    """
    Split a normal path into the decoded segments of the mount and those below it.
    """
    rest = canonical(path[len(prefix) :])
    above = [unquote_to_bytes(each) for each in prefix.split(b"/") if each]
    if not rest and prefix[-1:] != b"/":
        return above, []
    return above, [unquote_to_bytes(each) for each in rest.removeprefix(b"/").split(b"/")]


class WebSite(server.Site):
    """
    Keeps the sessions of one resource, and starts each request at its mount.
    """

    def getResourceFor(self, request: WebRequest) -> IResource:
        """
        Find the resource below the mount.
        """
        request.prepath, request.postpath = map(list, request.places)
        return super().getResourceFor(request)


class WebRequest(server.Request):
    """
    A request whose failure looks as all our failures do.

    @ivar head: the request as it came.
    @ivar mount: the mount that it came by.
    """

    places: tuple[list[bytes], list[bytes]]
    head: RequestHead
    mount: Mount | None

    def getRequestHostname(self) -> bytes:
        """
        Return the name that the client asked for; without any, our own.
        """
        if self.head.host:
            found: bytes = super().getRequestHostname()
            return found
        own = b"" if self.mount is None else self.mount.server_name
        return own or self.head.peer.server_name

    def processingFailed(self, reason: Failure) -> Failure:
        """
        Log what the resource raised, and answer with a page that does not tell.
        """
        self._log.failure("{uri}: the resource failed", failure=reason, uri=self.uri)
        if not self.finished and not self._disconnected:
            channel: Any = self.channel
            channel.failed()
        return reason


class WebExchange(LocalAnswer):
    """
    One request to a resource: collects its body, then stands where the request looks for
    the C{HTTPChannel} that it knows.
    """

    __slots__ = ("_full", "_limit", "_pieces", "_places", "_producer", "_request", "_room", "site")

    log = Logger()
    factory = None
    """L{server.Request.finish} would have its own log written here."""

    def __init__(
        self,
        runtime: Runtime,
        channel: ClientChannel,
        head: RequestHead,
        site: WebSite,
        places: tuple[list[bytes], list[bytes]],
        limit: int,
        mount: Mount | None = None,
    ) -> None:
        super().__init__(runtime, channel, head, 0, "ok", mount)
        self.site = site
        self._places, self._limit = places, limit
        self._pieces: list[bytes] = []
        self._request: WebRequest | None = None
        self._producer: Any = None
        self._room = -1
        self._full = False

    # -- what the client does

    def start(self) -> None:
        """
        Wait for the body, if there is any.
        """
        if self.head.body == NO_BODY or self.head.body == 0:
            self.request_end([])
        elif self.head.expects:
            self.channel.interim(b"HTTP/1.1 100 Continue", [])

    def request_data(self, data: bytes) -> None:
        """
        Collect a piece of the body.
        """
        self.bytes_in += len(data)
        if self.bytes_in > self._limit:
            self.client_error(BodyTooLarge(f"a body over {self._limit} bytes"))
        else:
            self._pieces.append(data)

    def request_end(self, trailers: list[bytes]) -> None:
        """
        Hand the request to the resource.
        """
        head = self.head
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._request = request = WebRequest(self)
        request.places, request.head, request.mount = self._places, head, self._mount
        add = request.requestHeaders.addRawHeader
        if head.host:
            add(b"Host", head.host)
        for line in head.lines:
            name, _, value = line.partition(b":")
            add(name, value.strip(b" \t"))
        if body:
            add(b"Content-Length", b"%d" % len(body))
        request.parseCookies()
        request.gotLength(len(body))
        request.handleContentChunk(body)
        uri = head.path if head.query is None else b"%b?%b" % (head.path, head.query)
        version = b"HTTP/1.1" if head.minor else b"HTTP/1.0"
        request.requestReceived(head.method, uri, version)

    def client_error(self, error: ClientError) -> None:
        """
        The request cannot be taken.
        """
        self._send_page(error.status, error.reason, str(error))

    def client_gone(self, error: ClientError) -> None:
        """
        Tell the resource, by way of C{notifyFinish}.
        """
        self._stop_producer()
        request, self._request = self._request, None
        super().client_gone(error)
        if request is not None:
            request.connectionLost(Failure(ConnectionLost(str(error))))

    def client_blocked(self) -> None:
        """
        Pause whoever produces the answer.
        """
        self._full = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def client_unblocked(self) -> None:
        """
        Let the answer be produced again.
        """
        self._full = False
        if self._producer is not None:
            self._producer.resumeProducing()

    # -- what the request asks of its channel

    @property
    def transport(self) -> Any:
        """
        The client's transport.
        """
        return self.channel.transport

    def getPeer(self) -> Any:
        return self.channel.transport.getPeer()

    def getHost(self) -> Any:
        return self.channel.transport.getHost()

    def isSecure(self) -> bool:
        return self.head.peer.secure

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        lines = [
            name + b": " + value
            for name, values in headers.getAllRawHeaders()
            if name.lower() not in _FRAMING
            for value in values
        ]
        length = headers.getRawHeaders(b"content-length")
        body = int(length[0]) if length else CHUNKED
        self.status = status = int(code)
        bodiless = status in (204, 304)
        if bodiless or (not length and self.head.method == b"HEAD"):
            body = NO_BODY
        if not bodiless and self.head.method != b"HEAD":
            self._room = body
        assert self._request is not None
        # The client's channel writes the chunks.
        self._request.chunked = 0
        # Pages of Apache's own are no other than a member's, unless they tell of an error.
        self._lines, self._length = self.edited(lines, status < 300), body
        self.channel.respond(b"HTTP/1.1 %b %b" % (code, reason), self._lines, body, b"", False)

    def write(self, data: bytes) -> None:
        """
        Write a piece of the answer; not more than was announced.
        """
        if self._room >= 0:
            data = data[: self._room]
            self._room -= len(data)
        if data and self._request is not None:
            self.bytes_out += len(data)
            self.channel.write_body(data)

    def writeSequence(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def requestDone(self, request: WebRequest) -> None:
        self._request = None
        if self._room > 0:
            self.log.error("{uri}: the resource wrote less than it announced", uri=request.uri)
            self._break_off()
        elif not self.finished:
            self.channel.end_body([])
            self.finish("ok")
            self.channel.finished()

    def loseConnection(self) -> None:
        request, self._request = self._request, None
        self._break_off()
        if request is not None:
            request.connectionLost(Failure(ConnectionLost("the resource closed the connection")))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer if streaming else Pulled(producer)
        if self._full:
            self._producer.pauseProducing()

    def unregisterProducer(self) -> None:
        producer, self._producer = self._producer, None
        if isinstance(producer, Pulled):
            producer.stop()

    def failed(self) -> None:
        """
        The resource raised an exception: say so if it has said nothing, else break off.
        """
        self._stop_producer()
        request, self._request = self._request, None
        if self.status:
            self._break_off()
        else:
            self._send_page(500, "resource-failed", "This page is out of order.")
        if request is not None:
            request.connectionLost(Failure(ConnectionLost("the resource failed")))

    def _respondToBadRequestAndDisconnect(self) -> None:
        # What twisted.web calls for a form that cannot be read.
        self._request = None
        self._send_page(400, "bad-request", "The form in the request cannot be read.")

    # -- the end

    def _send_page(self, status: int, reason: str, text: str) -> None:
        self.status, self.reason = status, reason
        lines, body = page(self.head, status, reason, text, self.runtime.date_line())
        sent = b"" if self.head.method == b"HEAD" else body
        self.bytes_out = len(sent)
        self._lines, self._length = self.edited(lines), len(body)
        self.channel.respond(start_line(status), self._lines, len(body), sent, True)
        self.finish(reason)
        self.channel.finished()

    def _break_off(self) -> None:
        self._stop_producer()
        if not self.finished:
            self.finish("truncated")
            self.channel.abort()

    def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()


class Pulled:
    """
    Makes a producer that pushes of one that has to be asked for each piece.
    """

    log = Logger()

    def __init__(self, producer: IPullProducer) -> None:
        self._producer = producer
        self._task = cooperate(self._ask())
        self._task.whenDone().addErrback(self._done)

    def _done(self, reason: Failure) -> None:
        if not reason.check(TaskStopped):
            self.log.failure("a producer failed", failure=reason)

    def _ask(self) -> Any:
        while True:
            self._producer.resumeProducing()
            yield

    def pauseProducing(self) -> None:
        self._task.pause()

    def resumeProducing(self) -> None:
        self._task.resume()

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._task.stop()

    def stopProducing(self) -> None:
        self.stop()
        self._producer.stopProducing()
