"""
Probes that ask over HTTP, with treq; each method is one file beside this one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

from txbalancer import __version__
from txbalancer.core.hcexpr import MOST_BODY, Answer
from txbalancer.core.health import ProbeResult
from txbalancer.core.schemes import SCHEMES, has_streams, is_secure
from txbalancer.core.specs import MemberSpec
from txbalancer.interfaces import IProbe
from txbalancer.probes.agent import headers_of, make_client
from txbalancer.probes.line import Line
from txbalancer.probes.streams import ask

_SAFE = "/%:@!$&'()*+,;=~-._?[]"


@implementer(IProbe)
class HTTPProbe:
    """
    Asks for C{hcuri} on a new connection; passes for status 200 to 399.

    Redirects are not followed. Of a body the first L{MOST_BODY} bytes are read; it need not be
    complete beyond them. Apache differs: it joins path and C{hcuri} with any number of slashes,
    and sends neither User-Agent nor Connection (APACHE C5 and X19).

    @cvar schemes: of members that can be asked so.
    """

    schemes = frozenset(SCHEMES) - {"ajp", "fcgi", "udp"}

    def __init__(
        self,
        name: str,
        method: str,
        *,
        version: str = "1.0",
        reads: bool = False,
        asterisk: bool = False,
    ) -> None:
        """
        @param name: the word for C{hcmethod}.
        @param version: of HTTP, C{1.0} or C{1.1}.
        @param reads: whether the body must come, too.
        @param asterisk: whether C{*} is asked for when there is no C{hcuri}.
        """
        self.name = name
        self._method = method
        self._version = version
        self._reads = reads
        self._asterisk = asterisk

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        """
        Ask once. Cancelling it closes the connection.

        @raise StartError: the member's trusted authorities cannot be read.
        """
        target = "*" if self._asterisk and not member.hcuri else target_of(member)
        asked = f"{self._method} {target}"
        line = Line(reactor, member, tls=is_secure(member.scheme))
        if has_streams(member.scheme):
            return self._ask_by_http2(line, member, target, asked)
        client = make_client(reactor, line, target.encode("ascii"), self._version)
        headers = Headers(
            {"Host": [host_of(member)], "User-Agent": [f"txbalancer-check/{__version__}"]}
        )
        # The URL is for treq only: the client sends target and Host as they are.
        asking: Deferred[Any] = client.request(
            self._method,
            "http://member/",
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=reactor,
        )

        def answered(response: IResponse) -> ProbeResult | Deferred[ProbeResult]:
            if not self._reads:
                return judge(b"", response)
            body = _Body()
            response.deliverBody(body)
            return body.done.addCallback(judge, response)

        def judge(body: bytes, response: IResponse) -> ProbeResult:
            passed = 200 <= response.code <= 399
            text = f"{asked}: status {response.code} in {line.seconds * 1000:.0f} ms"
            answer = Answer(response.code, tuple(headers_of(response, line.protocol)), body)
            line.note("complete" if self._reads else "the head is enough")
            return line.result(passed, text, answer)

        def close(result: Any) -> Any:
            line.hang_up()
            return result

        asking.addCallback(answered)
        asking.addErrback(lambda failure: line.failed(failure, asked))
        return asking.addBoth(close)

    def _ask_by_http2(
        self, line: Line, member: MemberSpec, target: str, asked: str
    ) -> Deferred[ProbeResult]:
        secure = is_secure(member.scheme)
        head = (
            f":method: {self._method}",
            f":scheme: {'https' if secure else 'http'}",
            f":authority: {host_of(member)}",
            f":path: {target}",
            f"user-agent: txbalancer-check/{__version__}",
        )
        asking: Deferred[Any] = ask(
            line, secure, [each.encode("ascii") for each in head], self._reads
        )

        def judge(answer: Answer) -> ProbeResult:
            line.note("complete" if self._reads else "the head is enough")
            text = f"{asked}: status {answer.status} in {line.seconds * 1000:.0f} ms"
            return line.result(200 <= answer.status <= 399, text, answer)

        return asking.addCallbacks(judge, lambda failure: line.failed(failure, asked))


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
    standard = 443 if is_secure(member.scheme) else 80
    return host if member.port == standard else f"{host}:{member.port}"


class _Body(Protocol):
    """
    Reads a body until its end or its bound.

    @ivar done: fires then with the bytes, or fails when the body breaks off before.
    """

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []
        self._left = MOST_BODY

    def dataReceived(self, data: bytes) -> None:
        """
        Keep; the rest of a long body is of no interest.
        """
        if self._left <= 0:
            return
        self._parts.append(data[: self._left])
        self._left -= len(data)
        if self._left <= 0:
            self._finish()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell a complete body from a broken one.
        """
        if self.done.called:
            return
        # PotentialDataLoss: the end of the connection is the end of the body, as announced.
        if reason.check(ResponseDone, PotentialDataLoss):
            self._finish()
        else:
            self.done.errback(reason)

    def _finish(self) -> None:
        self.done.callback(b"".join(self._parts))
