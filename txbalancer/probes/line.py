"""
The connection of one probe: opened anew, closed whatever happens.
"""

from __future__ import annotations

import os
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    ConnectionDone,
)
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from zope.interface import implementer

from txbalancer.core.hcexpr import Answer
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.core.transcript import Transcript
from txbalancer.errors import BadResponse, StartError
from txbalancer.net.introduction import BUILDS, IntroducedFactory
from txbalancer.net.proxyprotocol import LOCAL
from txbalancer.tls.causes import cause_of
from txbalancer.tls.members import client_options

EXPECTED = (
    BadResponse,
    ConnectError,
    ConnectionClosed,
    ResponseFailed,
    OSError,
    SSL.Error,
    StartError,
)
"""What going wrong on the way to a member looks like; anything else is a fault of ours."""


class GaveUp(CancelledError):
    """
    A probe was cancelled.

    @ivar transcript: what was said until then.
    """

    def __init__(self, transcript: str) -> None:
        super().__init__()
        self.transcript = transcript


@implementer(IStreamClientEndpoint)
class Line:
    """
    A member's endpoint that remembers its connection, so that none is left open, and what was
    said over it.

    @ivar protocol: what speaks over it; C{None} before there is one.
    @ivar began: when the probe did, in seconds of the reactor.
    """

    def __init__(self, reactor: Any, member: MemberSpec, tls: bool) -> None:
        """
        @param tls: whether to speak TLS, verified as the member's exchanges are.
        @raise StartError: the member's trusted authorities cannot be read.
        """
        self._seconds = reactor.seconds
        self.began: float = reactor.seconds()
        self._transcript = Transcript(self.began)
        plain = _endpoint(reactor, member)
        introduce = BUILDS[member.sendproxy]
        if introduce is not None:
            plain = _Introduced(plain, introduce(LOCAL))
        self._endpoint = wrapClientTLS(client_options(member), plain) if tls else plain
        self.protocol: Any = None

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, for as long as whoever waits for it does.
        """
        connecting: Deferred[IProtocol] = self._endpoint.connect(factory)
        return connecting.addCallback(self._connected)

    def _connected(self, protocol: IProtocol) -> IProtocol:
        self.protocol = protocol
        peer: Any = protocol.transport.getPeer()  # type: ignore[attr-defined]
        self.note(f"connected to {_address(peer)}")
        return protocol

    def note(self, words: str) -> None:
        """
        Note something in the transcript.
        """
        self._transcript.note(words, self._seconds())

    def sent(self, data: bytes) -> None:
        """
        Note what was said to the member.
        """
        self._transcript.sent(data, self._seconds())

    def received(self, data: bytes) -> None:
        """
        Note what the member said.
        """
        self._transcript.received(data, self._seconds())

    def secured(self, transport: Any) -> None:
        """
        Note what TLS was agreed on, and with whom.
        """
        handle = transport.getHandle()
        self.note(f"{handle.get_protocol_version_name()}, {handle.get_cipher_name()}")
        certificate = transport.getPeerCertificate()
        if certificate is not None:
            self.note(f"certificate of {_subject(certificate)}")

    @property
    def seconds(self) -> float:
        """
        How long the probe has lasted.
        """
        return float(self._seconds()) - self.began

    def result(self, passed: bool, text: str, answer: Answer | None = None) -> ProbeResult:
        """
        Return what the probe found, now that it is over.

        @param text: for people, in a few words.
        """
        return ProbeResult(passed, text, self.seconds, answer, self._transcript.text())

    def failed(self, failure: Failure, asked: str) -> ProbeResult:
        """
        Turn what went wrong on the way into a result; other failures are raised again.

        @param asked: what the probe did, for the text.
        @raise GaveUp: the probe was cancelled.
        """
        failure.trap(CancelledError, ConnectingCancelledError, *EXPECTED)
        root = _root(failure)
        if root.check(CancelledError, ConnectingCancelledError):
            raise GaveUp(self._transcript.text())
        why = cause(root)
        self.note(why)
        return self.result(False, f"{asked}: {why}")

    def hang_up(self) -> None:
        """
        Close the connection now, whatever state it is in.
        """
        transport = getattr(self.protocol, "transport", None)
        if transport is not None:
            transport.abortConnection()


@implementer(IStreamClientEndpoint)
class _Introduced:
    """
    An endpoint whose connections begin with a PROXY header: nobody's but ours.
    """

    def __init__(self, endpoint: Any, header: bytes) -> None:
        self._endpoint, self._header = endpoint, header

    def connect(self, factory: IProtocolFactory) -> Any:
        """
        Connect; the header goes before what the factory's protocol says.
        """
        connecting = self._endpoint.connect(IntroducedFactory(factory, self._header))
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)


def _endpoint(reactor: Any, member: MemberSpec) -> Any:
    if member.socket:
        return UNIXClientEndpoint(reactor, member.socket)
    # An address needs no look-up, which would take a thread.
    if isIPAddress(member.host):
        return TCP4ClientEndpoint(reactor, member.host, member.port)
    if isIPv6Address(member.host):
        return TCP6ClientEndpoint(reactor, member.host, member.port)
    return HostnameEndpoint(reactor, member.host, member.port)


def _address(peer: Any) -> str:
    if isinstance(peer, UNIXAddress):
        return os.fsdecode(peer.name or b"a unix socket")
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return f"{host}:{peer.port}"


def _subject(certificate: X509) -> str:
    found = certificate.to_cryptography()
    name = found.subject.rfc4514_string() or "(no name)"
    return f"{name}, valid until {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"


def _root(failure: Failure) -> Failure:
    error = failure.value
    if isinstance(error, ResponseFailed) and error.reasons:
        return _root(error.reasons[0])
    return failure


def cause(failure: Failure) -> str:
    """
    Say in a few words why a member could not be asked.
    """
    error = failure.value
    if isinstance(error, SSL.Error):
        return f"TLS: {cause_of(failure)}"
    if isinstance(error, ConnectionDone):
        return "closed without a complete answer"
    if isinstance(error, ConnectError) and error.osError is not None:
        number = getattr(error.osError, "errno", error.osError)
        return os.strerror(number) if isinstance(number, int) else str(number)
    return str(error).rstrip(".") or type(error).__name__
