"""
A balancer as a client: C{treq} and whatever else takes an L{IAgent} balances by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IConsumer, IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import URI, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txbalancer.core.mounts import Mount
from txbalancer.core.request import Peer
from txbalancer.core.specs import MountSpec, ToBalancer
from txbalancer.errors import BalancerError, ClientError, ClientGone, Truncated
from txbalancer.http1.heads import CHUNKED, NO_BODY
from txbalancer.proxy.guarded import GuardedExchange
from txbalancer.proxy.mounted import MountedBalancer
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.side import ClientSide, add_lines, make_head, split_start

if TYPE_CHECKING:
    from txbalancer.http1.heads import RequestHead


@implementer(IAgent)
class ProxyAgent:
    """
    Sends requests to the members of a balancer: the same elections, pools, retries and
    outcomes as for clients that come from outside.

    C{HTTPClient(ProxyAgent(resource)).get("http://shop/path")}: the host of a URL names
    nobody to connect to; members get their own name as Host.
    """

    def __init__(self, resource: BalancerResource) -> None:
        """
        @param resource: the balancer; its L{Runtime} has to be running.
        """
        name = resource.balancer.spec.name
        spec = MountSpec("agent", "/", ToBalancer(name, "/"), addheaders=False, reverse=False)
        self._mounted = MountedBalancer(resource, spec)
        self._mount = Mount(spec)
        self._peer = Peer("", 0, "agent")

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        Ask a member.

        @return: fires with the answer once its head is there; fails with a
            L{BalancerError} when there is none.
        """
        parsed = URI.fromBytes(uri)
        own = Headers() if headers is None else headers.copy()
        if not own.hasHeader(b"host"):
            own.setRawHeaders(b"host", [parsed.netloc])
        body: Any = NO_BODY
        if bodyProducer is not None:
            body = CHUNKED if bodyProducer.length == UNKNOWN_LENGTH else bodyProducer.length
        try:
            head = make_head(method, parsed.originForm, own, body, self._peer, b"HTTP/1.1")
        except ClientError as error:
            return fail(error)
        side: Any = AgentSide(head, bodyProducer)
        _AgentExchange(self._mounted, side, head, self._mount, head.path).start()
        side.send_body()
        response: Deferred[IResponse] = side.response
        return response


class _AgentExchange(GuardedExchange):
    """
    An exchange whose failure is an error for the caller rather than a page.
    """

    __slots__ = ()

    def _fail(self, error: BalancerError) -> None:
        self.status = error.status
        caller: Any = self.channel
        caller.failed(error)
        self._complete(error.reason)


@implementer(IConsumer)
class AgentSide(ClientSide):
    """
    The caller of one request: sends its body, and gets an answer.

    @ivar response: the promise that the caller holds.
    """

    def __init__(self, head: RequestHead, producer: Any) -> None:
        super().__init__()
        self.response: Deferred[IResponse] = Deferred(self._cancel)
        self._head = head
        self._producer = producer
        self._body: AgentResponse | None = None
        self._unsent = head.body

    # -- the request's body

    def send_body(self) -> None:
        """
        Begin to send the body, if there is any and if anybody still wants it.
        """
        if self._producer is not None and self.exchange is not None:
            self._producer.startProducing(self).addCallbacks(self._body_sent, self._body_failed)

    def write(self, data: bytes) -> None:
        """
        Take a piece of the body; not more than was announced.
        """
        if self.exchange is None:
            return
        if self._unsent >= 0:
            self._unsent -= len(data)
            if self._unsent < 0:
                self._give_up(ClientError("the body is longer than it was announced"))
                return
        self.exchange.request_data(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Part of the interface; the body's producer is known already.
        """

    def unregisterProducer(self) -> None:
        """
        Part of the interface.
        """

    def _body_sent(self, result: Any) -> None:
        self._producer = None
        if self.exchange is None:
            return
        if self._unsent > 0:
            self._give_up(ClientError("the body is shorter than it was announced"))
        else:
            self.exchange.request_end([])

    def _body_failed(self, reason: Failure) -> None:
        self._producer = None
        self._give_up(reason.value)

    def pause(self) -> None:
        """
        Have the body wait.
        """
        super().pause()
        if self._producer is not None:
            self._producer.pauseProducing()

    def resume(self) -> None:
        """
        Have the body go on.
        """
        super().resume()
        if self._producer is not None:
            self._producer.resumeProducing()

    # -- the answer

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
        Hand the answer to the caller; its body waits until it is asked for.
        """
        headers = Headers()
        add_lines(headers, lines)
        if body >= 0:
            headers.setRawHeaders(b"content-length", [b"%d" % body])
        if self._head.method == b"HEAD":
            body = 0
        self._body = AgentResponse(self, *split_start(start), headers, body)
        self._body.write(data)
        if not done:
            self.exchange.client_blocked()
        self.response.callback(self._body)

    def write_body(self, data: bytes) -> None:
        """
        Pass on a piece of the answer's body.
        """
        if self._body is not None:
            self._body.write(data)

    def finished(self) -> None:
        """
        Tell the caller that the answer is complete.
        """
        self._over(ResponseDone("the answer is complete"))

    def abort(self) -> None:
        """
        Tell the caller that the answer broke off.
        """
        self._over(ResponseFailed([Failure(Truncated("the answer ended within its body"))]))

    def failed(self, error: BalancerError) -> None:
        """
        Tell the caller that there is no answer.
        """
        self.response.errback(Failure(error))

    def leave(self) -> None:
        """
        The caller wants no more of the answer.
        """
        exchange = self.exchange
        if exchange is not None:
            self._over(ResponseFailed([Failure(ClientGone("the caller left"))]))
            exchange.client_gone(ClientGone("the caller left"))

    def _cancel(self, response: Any) -> None:
        exchange = self.exchange
        if exchange is not None:
            self._stop_producer()
            self.exchange = None
            exchange.client_gone(ClientGone("the caller cancelled"))

    def _give_up(self, error: Any) -> None:
        """
        The body cannot be sent as it was meant to.
        """
        exchange = self.exchange
        if exchange is None:
            return
        self._over(ResponseFailed([Failure(error)]))
        exchange.client_gone(ClientGone("the caller's body failed"))
        if not self.response.called:
            self.response.errback(Failure(error))

    def _over(self, why: Exception) -> None:
        self.exchange = None
        self._stop_producer()
        if self._body is not None:
            self._body.end(Failure(why))

    def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()


@implementer(IResponse, IPushProducer)
class AgentResponse:
    """
    An answer, which keeps what is there of its body until somebody takes it.

    It is the transport of the protocol that takes the body, too.
    """

    version = (b"HTTP", 1, 1)
    request = None
    disconnecting = False

    def __init__(
        self, side: AgentSide, code: int, phrase: bytes, headers: Headers, body: int
    ) -> None:
        self.code, self.phrase, self.headers = code, phrase, headers
        self.length = body if body >= 0 else 0 if body == NO_BODY else UNKNOWN_LENGTH
        self.previousResponse: IResponse | None = None
        self._side = side
        self._protocol: Any = None
        self._pieces: list[bytes] = []
        self._end: Failure | None = None

    def setPreviousResponse(self, response: IResponse) -> None:
        self.previousResponse = response

    def deliverBody(self, protocol: IProtocol) -> None:
        if self._protocol is not None:
            raise RuntimeError("the body is being delivered already")
        self._protocol = protocol
        protocol.makeConnection(self)  # type: ignore[arg-type]
        pieces, self._pieces = self._pieces, []
        for data in pieces:
            protocol.dataReceived(data)
        if self._end is not None:
            protocol.connectionLost(self._end)
        else:
            self.resumeProducing()

    def write(self, data: bytes) -> None:
        """
        Take a piece of the body.
        """
        if not data:
            return
        if self._protocol is None:
            self._pieces.append(data)
        else:
            self._protocol.dataReceived(data)

    def end(self, why: Failure) -> None:
        """
        Take the end of the body.
        """
        self._end = why
        if self._protocol is not None:
            self._protocol.connectionLost(why)

    def pauseProducing(self) -> None:
        if self._side.exchange is not None:
            self._side.exchange.client_blocked()

    def resumeProducing(self) -> None:
        if self._side.exchange is not None:
            self._side.exchange.client_unblocked()

    def stopProducing(self) -> None:
        self._side.leave()

    def loseConnection(self) -> None:
        """
        Want no more of the body.
        """
        self._side.leave()

    abortConnection = loseConnection
