"""
UDP sockets in the reactor: one that clients send to, and connected ones to members.

Each turn of the reactor takes a batch of datagrams from a socket, so that a busy one keeps
nobody else waiting. Nothing is queued for sending: what the system has no room for is
lost, as on any network.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_BATCH = 32
"""Datagrams that are taken from a socket in one turn of the reactor."""

_MOST = 65535
"""Bytes of the largest datagram."""

_OF_ONE = frozenset((errno.EAGAIN, errno.EINTR, errno.EMSGSIZE, errno.ENOBUFS, errno.ENOMEM))
"""Errors about one datagram, or the moment, which say nothing of who it was for."""

_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
_PKTINFO4 = struct.Struct("=I4s4s")
_PKTINFO6 = struct.Struct("=16sI")
_WILD = ("", "0.0.0.0", "::")
_ANCILLARY = socket.CMSG_SPACE(_PKTINFO6.size)

Client = Any
"""A client's address as the system has it."""

Received = Callable[["DatagramPort", Client, bytes, bytes], None]


def make_socket(family: socket.AddressFamily) -> Any:
    """
    Make a UDP socket that does not block.
    """
    # Without the methods in Python around it, which cost as much as the system's part.
    return socket.SocketType(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def make_port_socket(interface: str, port: int, shared: bool = False) -> Any:
    """
    Make a UDP socket that clients can send to.

    @param interface: the address to bind; empty for all of IPv4.
    @param port: 0 for any that is free.
    @param shared: whether others of the same user may bind it, too, and share the clients.
    @raise OSError: when it cannot be bound.
    """
    version = ip_address(interface or "0.0.0.0").version
    made = make_socket(socket.AF_INET if version == 4 else socket.AF_INET6)
    try:
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if interface in _WILD and version == 4:
            made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        elif interface in _WILD:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        made.bind((interface, port))
    except OSError:
        made.close()
        raise
    return made


class _Descriptor:
    """
    What the reactor needs of a socket.

    @ivar dropped: datagrams that could not be sent.
    """

    __slots__ = ("_reactor", "_socket", "dropped")

    def __init__(self, reactor: Any, made: Any) -> None:
        self._reactor, self._socket = reactor, made
        self.dropped = 0

    def fileno(self) -> int:
        """
        Return the number of the socket.
        """
        number: int = self._socket.fileno()
        return number

    def logPrefix(self) -> str:
        """
        Name it in Twisted's own messages.
        """
        return type(self).__name__

    def close(self) -> None:
        """
        Close the socket.
        """
        if self.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()


@implementer(IReadDescriptor)
class DatagramPort(_Descriptor):
    """
    A socket that clients send to.

    Bound to every address of the machine, it answers from the one that the client has sent
    to: a client takes no answers from others.

    @ivar sessions: by client and local address, who is given its datagrams; those of others
        go to C{received}.
    """

    __slots__ = ("_closing", "_pack", "_received", "_users", "_wild", "sessions")

    log = Logger()

    def __init__(
        self, reactor: Any, interface: str, port: int, received: Received, made: Any = None
    ) -> None:
        """
        @param interface: the address to bind; empty for all of IPv4.
        @param port: 0 for any that is free.
        @param received: called with this port, the client, the local address as L{send} takes
            it, and the datagram.
        @param made: the socket, where L{make_port_socket} has made it already.
        @raise OSError: when it cannot be bound.
        """
        super().__init__(reactor, made or make_port_socket(interface, port))
        self.sessions: dict[tuple[Client, bytes], Any] = {}
        self._received = received
        self._users = 0
        self._closing = False
        self._wild = interface in _WILD
        self._pack: tuple[int, int] = (socket.IPPROTO_IP, _IP_PKTINFO)
        if self._wild and self._socket.family == socket.AF_INET6:
            self._pack = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
        reactor.addReader(self)

    def use(self) -> None:
        """
        Note that somebody will still L{send}.
        """
        self._users += 1

    def leave(self) -> None:
        """
        Note that somebody will not L{send} any more.
        """
        self._users -= 1
        if self._closing and not self._users:
            self.close()

    def retire(self) -> None:
        """
        Close, once nobody uses it any more.
        """
        self._closing = True
        if not self._users:
            self.close()

    def hand_over(self) -> None:
        """
        Leave what comes from now on to another process that has the same socket.
        """
        if self.fileno() >= 0:
            self._reactor.removeReader(self)

    def take_back(self) -> None:
        """
        Take what comes after all: nobody else does.
        """
        if self.fileno() >= 0:
            self._reactor.addReader(self)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Return the address that it is bound to.
        """
        return twisted_address(self._socket.getsockname())

    def doRead(self) -> None:
        """
        Take some of the datagrams that are there.
        """
        sessions = self.sessions
        for _ in range(_BATCH):
            local = b""
            try:
                if self._wild:
                    data, ancillary, _, client = self._socket.recvmsg(_MOST, _ANCILLARY)
                    local = self._answer_from(ancillary)
                else:
                    data, client = self._socket.recvfrom(_MOST)
            except OSError:
                # Nothing more is there, or nothing that a datagram could be read from.
                return
            try:
                session = sessions.get((client, local))
                if session is not None:
                    session.from_client(data)
                else:
                    self._received(self, client, local, data)
            except Exception:
                # One client's datagram must not close the port for all others.
                self.log.failure("a datagram could not be served")

    def _answer_from(self, ancillary: list[tuple[int, int, bytes]]) -> bytes:
        """
        Make what lets an answer come from the address that a datagram was for.
        """
        for level, kind, data in ancillary:
            if (level, kind) == self._pack:
                if level == socket.IPPROTO_IP:
                    return _PKTINFO4.pack(0, _PKTINFO4.unpack(data)[2], bytes(4))
                address, interface = _PKTINFO6.unpack(data)
                # The interface matters for addresses of one link only.
                return _PKTINFO6.pack(address, interface if address[0] == 0xFE else 0)
        return b""

    def send(self, data: bytes, client: Client, local: bytes) -> None:
        """
        Send a datagram to a client.

        @param local: as it came with the client's own.
        """
        try:
            if local:
                self._socket.sendmsg([data], [(*self._pack, local)], 0, client)
            else:
                self._socket.sendto(data, client)
        except OSError:
            self.dropped += 1

    def local_address(self, local: bytes) -> IPv4Address | IPv6Address:
        """
        Return the address that a client has sent to.
        """
        host = self.getHost()
        if not local:
            return host
        if len(local) == _PKTINFO4.size:
            text = socket.inet_ntop(socket.AF_INET, _PKTINFO4.unpack(local)[1])
        else:
            text = socket.inet_ntop(socket.AF_INET6, local[:16])
        return twisted_address((text, host.port))

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor gives it up.
        """
        self.log.failure("a UDP port is lost", reason)
        self._socket.close()


def twisted_address(address: Client) -> IPv4Address | IPv6Address:
    """
    Return an address of the system's in Twisted's form.
    """
    # A socket for both kinds of addresses gives those of IPv4 in the form of IPv6.
    host, port = address[0].removeprefix("::ffff:"), address[1]
    return (IPv6Address if ":" in host else IPv4Address)("UDP", host, port)


@implementer(IReadDescriptor)
class ConnectedDatagrams(_Descriptor):
    """
    A socket for datagrams to one address and from it; the base of those that do something
    with them.
    """

    __slots__ = ()

    def __init__(self, reactor: Any, address: str, port: int) -> None:
        """
        @param address: an address, no name.
        @raise OSError: when there is no way there, or no socket to be had.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__(reactor, make_socket(family))
        try:
            self._socket.connect((address, port))
        except OSError:
            self._socket.close()
            raise
        reactor.addReader(self)

    def received(self, data: bytes) -> None:
        """
        Take a datagram.
        """
        raise NotImplementedError

    def failed(self, why: str) -> None:
        """
        Take note that nobody takes datagrams there.

        @param why: in the system's words.
        """
        raise NotImplementedError

    def doRead(self) -> None:
        """
        Take some of the datagrams that are there.
        """
        for _ in range(_BATCH):
            try:
                data = self._socket.recv(_MOST)
            except OSError as error:
                if error.errno not in _OF_ONE:
                    self.failed(error.strerror or str(error))
                return
            self.received(data)
            if self.fileno() < 0:
                return

    def send(self, data: bytes) -> None:
        """
        Send a datagram; that an earlier one found nobody may be heard now.
        """
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno in _OF_ONE:
                self.dropped += 1
            else:
                self.failed(error.strerror or str(error))

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor heard of an error, which is the network's answer to a datagram.
        """
        if self.fileno() >= 0:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.failed(os.strerror(number) if number else reason.getErrorMessage())
