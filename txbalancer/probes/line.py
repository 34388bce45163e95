"""
The connection of one probe: opened anew, closed whatever happens.
"""

from __future__ import annotations

import os
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectError, ConnectionClosed, ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from zope.interface import implementer

from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError
from txbalancer.tls.members import client_options

EXPECTED = (
    ConnectError,
    ConnectionClosed,
    ResponseFailed,
    OSError,
    SSL.Error,
    VerificationError,
    StartError,
)
"""What going wrong on the way to a member looks like; anything else is a fault of ours."""


@implementer(IStreamClientEndpoint)
class Line:
    """
    A member's endpoint that remembers its connection, so that none is left open.

    @ivar protocol: what speaks over it; C{None} before there is one.
    """

    def __init__(self, reactor: Any, member: MemberSpec, tls: bool) -> None:
        """
        @param tls: whether to speak TLS, verified as the member's exchanges are.
        @raise StartError: the member's trusted authorities cannot be read.
        """
        plain = _endpoint(reactor, member)
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
        return protocol

    def hang_up(self) -> None:
        """
        Close the connection now, whatever state it is in.
        """
        transport = getattr(self.protocol, "transport", None)
        if transport is not None:
            transport.abortConnection()


def _endpoint(reactor: Any, member: MemberSpec) -> Any:
    if member.socket:
        return UNIXClientEndpoint(reactor, member.socket)
    # An address needs no look-up, which would take a thread.
    if isIPAddress(member.host):
        return TCP4ClientEndpoint(reactor, member.host, member.port)
    if isIPv6Address(member.host):
        return TCP6ClientEndpoint(reactor, member.host, member.port)
    return HostnameEndpoint(reactor, member.host, member.port)


def failed(failure: Failure, asked: str, seconds: float) -> ProbeResult:
    """
    Turn what went wrong on the way into a result; other failures are raised again.

    @param asked: what the probe did, for the text.
    """
    failure.trap(*EXPECTED)
    root = _root(failure)
    if root.check(CancelledError):
        root.raiseException()
    return ProbeResult(False, f"{asked}: {cause(root)}", seconds)


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
    if isinstance(error, VerificationError):
        return "the certificate does not name the host"
    if isinstance(error, SSL.Error):
        reasons = [entry[-1] for entry in (error.args[0] if error.args else ()) if entry]
        return f"TLS: {reasons[0] if reasons else 'failed'}"
    if isinstance(error, ConnectionDone):
        return "closed without a complete answer"
    if isinstance(error, ConnectError) and error.osError is not None:
        number = getattr(error.osError, "errno", error.osError)
        return os.strerror(number) if isinstance(number, int) else str(number)
    return str(error).rstrip(".") or type(error).__name__
