"""
Reports of load by UDP and HTTP, as Apache's mod_heartmonitor and mod_heartbeat have them.

Source: APACHE items A18 to A24.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.web.http import BAD_REQUEST, FORBIDDEN, NOT_ALLOWED, SERVICE_UNAVAILABLE, Request
from twisted.web.resource import Resource
from zope.interface import implementer

from txbalancer.core.loads import Reports, address_of, parse_report, write_report
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError
from txbalancer.interfaces import IMemberLoad
from txbalancer.proxy.throttle import Throttle

Load = Callable[[], tuple[int, int]]
"""Returns what this service can take in addition, and what it has."""


@implementer(IMemberLoad)
class HeartbeatLoad:
    """
    What senders of heartbeats said last.
    """

    name = "heartbeat"

    def __init__(self, most: int) -> None:
        """
        @param most: senders that are kept in memory.
        """
        self.reports = Reports(most)

    def room(self, member: MemberSpec, now: float) -> int | None:
        """
        Return the open slots of the sender with the member's address.
        """
        return self.reports.room(member.host, now)


def adopt_datagrams(reactor: Any, number: int, protocol: DatagramProtocol) -> Any:
    """
    Receive datagrams with a socket that another process has opened.

    @param number: of its file, which is closed here.
    """
    with socket.socket(fileno=number) as found:
        return reactor.adoptDatagramPort(found.fileno(), found.family, protocol)


class Monitor(DatagramProtocol):
    """
    Listens for heartbeats.
    """

    log = Logger()

    def __init__(self, load: HeartbeatLoad, address: str, now: Callable[[], float]) -> None:
        self._load = load
        self._address = address
        self._now = now
        self._throttle = Throttle()

    def listen(self, reactor: Any, number: int = -1) -> Any:
        """
        Open the port; a group is joined, and its own senders are heard, too.

        @param number: of a file where another process has opened it; -1 for none.
        @raise StartError: when it cannot be had.
        """
        host, port = split_address(self._address)
        group = _is_group(host)
        try:
            if not group and number >= 0:
                return adopt_datagrams(reactor, number, self)
            if not group:
                return reactor.listenUDP(port, self, interface=host)
            opened = reactor.listenMulticast(port, self, listenMultiple=True)
            opened.setLoopbackMode(True)
            joined = opened.joinGroup(host)
            joined.addErrback(lambda failure: self._not_joined(failure.value))
            return opened
        except (CannotListenError, OSError) as error:
            cause = getattr(error, "socketError", None) or error
            raise StartError(f"heartbeat-listen {self._address}: {cause}") from error

    def _not_joined(self, error: Exception) -> None:
        self.log.error(
            "heartbeat-listen {address}: the group cannot be joined: {error}",
            address=self._address,
            error=str(error),
        )

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """
        Keep a report, or say what is wrong with it.
        """
        host, port = addr[:2]
        now = self._now()
        try:
            if self._load.reports.take(address_of(host), parse_report(datagram, now)):
                return
            fault = "too many senders: raise heartbeat-maxservers"
        except ValueError as error:
            fault = f"malformed message: {error}"
        more = self._throttle.permit(now)
        if more is not None:
            self.log.warn(
                "heartbeat from {host}:{port}: {fault}{more}",
                host=host,
                port=port,
                fault=fault,
                more=more,
            )


class Sender(DatagramProtocol):
    """
    Reports this service's own load.
    """

    def __init__(self, address: str, load: Load) -> None:
        self._address = split_address(address)
        self._load = load

    def listen(self, reactor: Any) -> Any:
        """
        Open a port to send from.

        @raise StartError: when there is none.
        """
        host, port = self._address
        interface = "::" if ":" in host else ""
        try:
            if not _is_group(host):
                return reactor.listenUDP(0, self, interface=interface)
            opened = reactor.listenMulticast(0, self, interface=interface)
            opened.setLoopbackMode(True)
            return opened
        except (CannotListenError, OSError) as error:
            cause = getattr(error, "socketError", None) or error
            raise StartError(f"heartbeat-address {host}:{port}: {cause}") from error

    def send(self) -> None:
        """
        Send one report; a network that is away is no news every second.
        """
        transport: Any = self.transport
        with suppress(OSError):
            transport.write(write_report(*self._load()), self._address)


class HeartbeatResource(Resource):
    """
    Takes reports by POST: C{to = heartbeat:} (A24).
    """

    isLeaf = True

    def __init__(self, load: HeartbeatLoad, now: Callable[[], float]) -> None:
        super().__init__()
        self._load = load
        self._now = now

    def render(self, request: Request) -> bytes:
        """
        Keep the report of whoever sends it.
        """
        if request.method != b"POST":
            request.setResponseCode(NOT_ALLOWED)
            request.setHeader(b"allow", b"POST")
            return b""
        assert request.content is not None
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        try:
            report = parse_report(request.content.read(), self._now(), versioned=False)
        except ValueError as error:
            request.setResponseCode(BAD_REQUEST)
            return f"{error}\n".encode()
        client = getattr(request.getClientAddress(), "host", "")
        if not client:
            request.setResponseCode(FORBIDDEN)
            return b"a report comes from an address, not over a unix socket\n"
        if not self._load.reports.take(address_of(client), report):
            request.setResponseCode(SERVICE_UNAVAILABLE)
            return b"too many senders\n"
        return b"OK"


def split_address(text: str) -> tuple[str, int]:
    """
    Split C{ADDRESS:PORT}; brackets around an IPv6 address go.
    """
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _is_group(host: str) -> bool:
    return ip_address(host).is_multicast
