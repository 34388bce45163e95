"""
Members from a document in JSON that is fetched by HTTP; each scheme is one file beside this one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, _HTTP11ClientFactory
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from txbalancer import __version__
from txbalancer.config import words
from txbalancer.config.members import parse_url
from txbalancer.core.discovery import Answer
from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.interfaces import IMemberSource, IMemberSourceFactory
from txbalancer.tls.members import MemberTLS, client_options

MOST_BYTES = 4 * 1024**2
_MOST_TOKEN = 16 * 1024
_FORM = 'an object {"members": […]} is expected'

MakeAgent = Callable[[SourceSpec, Any], IAgent]


class WebFault(Exception):
    """
    What is wrong with an answer, in words for people.
    """


# Twisted's agent has no other way to say how connections are made.
class _Quiet(_HTTP11ClientFactory):
    noisy = False


@implementer(IPolicyForHTTPS)
class _Policy:
    """
    Verifies the source's certificate as one of a member is.
    """

    def __init__(self, authorities: str) -> None:
        self._authorities = authorities

    def creatorForNetloc(self, hostname: bytes, port: int) -> MemberTLS:
        """
        Read the CAs again for each connection, for there may be others now.
        """
        host = hostname.decode("ascii")
        return client_options(
            MemberSpec("", "https", host, port, sslproxycacertificatefile=self._authorities)
        )


def make_agent(spec: SourceSpec, reactor: Any) -> IAgent:
    """
    Make a client that has a new connection for each request, and follows no redirects: they
    would lead a token elsewhere.
    """
    pool = HTTPConnectionPool(reactor, persistent=False)
    pool._factory = _Quiet
    agent: IAgent = Agent(reactor, _Policy(spec.ca_file), connectTimeout=spec.timeout, pool=pool)
    return agent


class _Body(Protocol):
    """
    Collects a body within bounds.

    @ivar done: fires with it.
    """

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._abort())
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it, or give up.
        """
        self._size += len(data)
        if self._size <= MOST_BYTES:
            self._parts.append(data)
        elif not self.done.called:
            self.done.errback(WebFault(f"the answer is larger than {MOST_BYTES >> 20} MiB"))
            self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell a complete body from a broken one.
        """
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(WebFault("the answer broke off"))


@implementer(IMemberSource)
class WebSource:
    """
    Asks for the document, with the C{ETag} that it has.
    """

    def __init__(self, spec: SourceSpec, agent: IAgent) -> None:
        self._url, self._agent = spec.place.encode("ascii"), agent
        self._token_file = spec.token_file
        self._tag: bytes | None = None

    def find(self) -> Deferred[Answer | None]:
        """
        Ask once.
        """
        headers = {
            b"User-Agent": [f"txbalancer-discovery/{__version__}".encode()],
            b"Accept": [b"application/json"],
        }
        if self._tag is not None:
            headers[b"If-None-Match"] = [self._tag]
        if self._token_file:
            headers[b"Authorization"] = [b"Bearer " + _token(self._token_file)]
        asked: Deferred[Any] = self._agent.request(b"GET", self._url, Headers(headers))
        return asked.addCallbacks(self._answered, _unwrapped)

    def _answered(self, response: IResponse) -> Deferred[Answer | None]:
        body = _Body()
        response.deliverBody(body)
        return body.done.addCallback(self._read, response)

    def _read(self, body: bytes, response: IResponse) -> Answer | None:
        if response.code == 304 and self._tag is not None:
            return None
        if 300 <= response.code < 400:
            raise WebFault(f"status {response.code}: redirects are not followed, name the target")
        if response.code != 200:
            hint = {401: ": see token-file", 403: ": see token-file"}.get(response.code, "")
            raise WebFault(f"status {response.code}{hint}")
        lines = tuple(read_members(body))
        (self._tag,) = response.headers.getRawHeaders(b"ETag", [None])[-1:]
        return Answer(lines)

    def close(self) -> None:
        """
        Part of the interface; nothing to do.
        """


def _unwrapped(reason: Failure) -> Any:
    """
    Fail with what went wrong, which Twisted's agent puts into a list.
    """
    inner = getattr(reason.value, "reasons", None)
    return inner[0] if inner else reason


def _token(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            token = file.read(_MOST_TOKEN).strip()
    except OSError as error:
        raise WebFault(f"token-file {path}: {error.strerror or error}") from error
    if not token or not token.isascii() or any(byte <= 32 for byte in token):
        raise WebFault(f"token-file {path}: one token without blanks is expected in it")
    return token


def read_members(body: bytes) -> Iterator[str]:
    """
    Read the document: C{{"members": […]}} with a text for each member, as in a line of
    C{members}, or an object with its C{url} and options. Other keys beside C{members} are passed
    over.

    @raise WebFault: saying what is wrong with it.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WebFault(f"the answer is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("members"), list):
        raise WebFault(_FORM)
    for number, each in enumerate(document["members"], 1):
        yield _line(each, number)


def _line(found: Any, number: int) -> str:
    if isinstance(found, str) and found.strip() and "\n" not in found:
        return found
    if not isinstance(found, dict) or not isinstance(found.get("url"), str):
        raise WebFault(f'member {number}: a text "http://HOST:PORT key=value …" or {{"url": …}}')
    parts = [words.quote(found["url"])]
    for key, value in found.items():
        if key == "url":
            continue
        if not isinstance(value, str | int | float):
            raise WebFault(f"member {number}: {key}: a text, a number, true or false is expected")
        shown = ("off", "on")[value] if isinstance(value, bool) else value
        parts.append(words.quote(f"{key}={shown}"))
    return " ".join(parts)


@implementer(IMemberSourceFactory)
class WebFactory:
    """
    For C{http://…} or C{https://…}.
    """

    interval = 10.0

    def __init__(self, name: str, make_agent: MakeAgent = make_agent) -> None:
        self.name = name
        secure = {"ca-file"} if name == "https" else set()
        self.takes = frozenset({"token-file", *secure})
        self._make_agent = make_agent

    def check(self, place: str) -> str:
        """
        Read the URL.
        """
        if "#" in place or not place.isascii() or any(char <= " " for char in place):
            raise ValueError(f"{place!r} must be a URL in ASCII without blanks and without #")
        parse_url(place.partition("?")[0])
        return ""

    def __call__(self, spec: SourceSpec, reactor: Any) -> WebSource:
        """
        Make the source.
        """
        return WebSource(spec, self._make_agent(spec, reactor))
