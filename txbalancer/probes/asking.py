"""
Probes that ask over HTTP, with treq; each method is one file beside this one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    HTTPConnectionPool,
    ProxyAgent,
    ResponseDone,
    _HTTP11ClientFactory,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txbalancer import __version__
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.interfaces import IProbe
from txbalancer.probes.line import Line, failed

MOST_BODY = 64 * 1024
"""Bytes of an answer's body that are read; it need not be complete beyond them."""

_SAFE = "/%:@!$&'()*+,;=~-._?[]"


@implementer(IProbe)
class HTTPProbe:
    """
    Asks for C{hcuri} on a new connection; passes for status 200 to 399.

    Redirects are not followed. Apache differs: it joins path and C{hcuri} with any
    number of slashes, and sends no User-Agent (APACHE C5 and X19).
    """

    def __init__(self, name: str, *, reads: bool = False, asterisk: bool = False) -> None:
        """
        @param name: the word for C{hcmethod} and, in capitals, the method.
        @param reads: whether the body must come, too, up to L{MOST_BODY}.
        @param asterisk: whether C{*} is asked for when there is no C{hcuri}.
        """
        self.name = name
        self._reads = reads
        self._asterisk = asterisk

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        """
        Ask once. Cancelling it closes the connection.

        @raise StartError: the member's trusted authorities cannot be read.
        """
        began = reactor.seconds()
        method = self.name.upper()
        target = "*" if self._asterisk and not member.hcuri else target_of(member)
        asked = f"{method} {target}"
        line = Line(reactor, member, tls=member.scheme == "https")
        agent = ProxyAgent(line, reactor, pool=_pool(reactor))
        client = HTTPClient(_Fixed(agent, target.encode("ascii")))
        headers = Headers(
            {"Host": [host_of(member)], "User-Agent": [f"txbalancer-check/{__version__}"]}
        )
        # The URL is for treq only: _Fixed sends target and Host as they are.
        asking: Deferred[Any] = client.request(
            method,
            "http://member/",
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=reactor,
        )

        def answered(response: IResponse) -> ProbeResult | Deferred[ProbeResult]:
            if not self._reads:
                return judge(response)
            body = _Body()
            response.deliverBody(body)
            return body.done.addCallback(lambda _: judge(response))

        def judge(response: IResponse) -> ProbeResult:
            seconds = reactor.seconds() - began
            passed = 200 <= response.code <= 399
            text = f"{asked}: status {response.code} in {seconds * 1000:.0f} ms"
            return ProbeResult(passed, text, seconds)

        def close(result: Any) -> Any:
            line.hang_up()
            return result

        asking.addCallback(answered)
        asking.addErrback(lambda failure: failed(failure, asked, reactor.seconds() - began))
        return asking.addBoth(close)


def target_of(member: MemberSpec) -> str:
    """
    Join the member's path and C{hcuri} with exactly one slash; C{/} when both are empty.
    """
    if not member.hcuri:
        return quote(member.path, safe=_SAFE) or "/"
    return quote(f"{member.path.rstrip('/')}/{member.hcuri.lstrip('/')}", safe=_SAFE)


def host_of(member: MemberSpec) -> str:
    """
    Return the Host header's value; the port is left out where it is the scheme's own.
    """
    host = f"[{member.host}]" if ":" in member.host else member.host or "localhost"
    standard = 443 if member.scheme == "https" else 80
    return host if member.port == standard else f"{host}:{member.port}"


class _Quiet(_HTTP11ClientFactory):
    """
    Does not log each connection, of which a probe makes a new one.
    """

    noisy = False


def _pool(reactor: Any) -> HTTPConnectionPool:
    pool = HTTPConnectionPool(reactor, persistent=False)
    pool._factory = _Quiet
    return pool


@implementer(IAgent)
class _Fixed:
    """
    Asks one agent for one target, whatever URL it is called with.

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


class _Body(Protocol):
    """
    Reads a body until its end or its bound.

    @ivar done: fires then, or fails when the body breaks off before.
    """

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()
        self._left = MOST_BODY

    def dataReceived(self, data: bytes) -> None:
        """
        Count; the rest of a long body is of no interest.
        """
        self._left -= len(data)
        if self._left <= 0 and not self.done.called:
            self.done.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell a complete body from a broken one.
        """
        if self.done.called:
            return
        # PotentialDataLoss: the end of the connection is the end of the body, as announced.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(None)
        else:
            self.done.errback(reason)
