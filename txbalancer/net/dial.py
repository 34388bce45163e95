"""
TCP connections to members, made in as few steps as it takes.
"""

from __future__ import annotations

import os
import socket
from errno import EALREADY, EINPROGRESS, EISCONN, EWOULDBLOCK
from functools import lru_cache
from typing import Any

from twisted.internet import error, tcp
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from txbalancer.net.eager import EagerTCP

_AT_ONCE = getattr(socket, "SOCK_NONBLOCK", 0)
"""What makes a socket that never blocks from the start, where the system can."""

_THERE = frozenset((0, EISCONN))
_UNDER_WAY = frozenset((EINPROGRESS, EALREADY, EWOULDBLOCK))


class EagerClient(EagerTCP, tcp.Connection):
    """
    A TCP connection to a member.

    Twisted makes one in two turns of the loop, with a Deferred and two delayed calls; here
    it is begun at once and, where the member is on this machine, it is there at once.
    """

    log = Logger()
    reactor: Any
    _timeout: Any = None

    def __init__(self, reactor: Any, address: str, port: int, factory: ClientFactory) -> None:
        """
        @param address: of the member; no name.
        @param factory: makes the protocol, perhaps before L{connect} returns, or is told that
            there is no connection, always later.
        """
        self.reactor = reactor
        self._tempDataBuffer: list[bytes] = []
        self._tempDataLen = 0
        self._address, self._port, self._factory = address, port, factory

    def connect(self, timeout: float, receive_buffer: int) -> None:
        """
        Open the connection.

        @param timeout: seconds that it may take.
        @param receive_buffer: bytes of the socket's receive buffer; 0 = the system's.
        """
        six = ":" in self._address
        try:
            far: Any = (self._address, self._port)
            if six:
                far = tcp._resolveIPv6(*far)
            made = socket.socket(
                socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM | _AT_ONCE
            )
        except OSError as problem:
            self._fail_later(error.ConnectBindError(problem.args[0], problem.args[1]))
            return
        self.socket, self.fileno = made, made.fileno
        if not _AT_ONCE:
            made.setblocking(False)
        if receive_buffer:
            # Before it connects, for the window's scale is agreed on then.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._begin(far, timeout)

    def _begin(self, far: Any, timeout: float) -> None:
        code = self.socket.connect_ex(far)
        if code == EINPROGRESS:
            # What stays on this machine is done by now, but only this tells.
            code = self.socket.connect_ex(far)
        if code in _THERE:
            self._done()
        elif code in _UNDER_WAY:
            self._far = far
            self._timeout = self.reactor.callLater(timeout, self._late)
            self.doWrite = self._writable  # type: ignore[method-assign]
            self.startWriting()
        else:
            self._fail_later(_cause(code))

    # -- what comes of it

    def _writable(self) -> None:
        """
        See what came of it; in place of C{doWrite}.
        """
        code = self.socket.connect_ex(self._far)
        if code in _THERE:
            self._settle()
            self._done()
        elif code not in _UNDER_WAY:
            self._fail(_cause(code))

    def _late(self) -> None:
        """
        Give up, unless the connection is there: a loop that was busy may not have seen it yet.
        """
        self._writable()
        if self._timeout is not None:
            self._fail(error.TimeoutError())

    def connectionLost(self, reason: Failure) -> None:
        """
        Tell the factory or the protocol, whichever is in charge.
        """
        if self._timeout is None:
            super().connectionLost(reason)
            return
        code = self.socket.connect_ex(self._far)
        self._fail(reason.value if code in _THERE or code in _UNDER_WAY else _cause(code))

    def _settle(self) -> None:
        """
        Wait no more.
        """
        timeout, self._timeout = self._timeout, None
        if timeout is not None:
            del self.doWrite
            self.stopWriting()
            if timeout.active():
                timeout.cancel()

    def _done(self) -> None:
        try:
            protocol: Any = self._factory.buildProtocol(self.getPeer())
        except Exception as problem:
            # Whoever waits for the connection must not wait for ever.
            self.log.failure("a connection to a member could not be begun")
            self._fail_later(problem)
            return
        self.connected, self.protocol = 1, protocol
        self.startReading()
        protocol.makeConnection(self)

    def _fail_later(self, cause: Exception) -> None:
        self.reactor.callLater(0, self._fail, cause)

    def _fail(self, cause: BaseException | None) -> None:
        self._settle()
        made, self.disconnected = getattr(self, "socket", None), 1
        if made is not None:
            del self.socket, self.fileno
            made.close()
        connector: Any = self
        self._factory.clientConnectionFailed(connector, Failure(cause))

    # -- who is there

    def getPeer(self) -> Any:
        """
        Return the member's address.
        """
        return _address(self._address, self._port)

    def getHost(self) -> Any:
        """
        Return the own address of the connection.
        """
        return _address(*tcp._getsockname(self.socket)[:2])

    def logPrefix(self) -> str:
        """
        Name the connection for logs.
        """
        return f"{type(self).__name__} to {self._address}:{self._port}"


@lru_cache(1024)
def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


def _cause(code: int) -> Exception:
    made: Exception = error.getConnectError((code, os.strerror(code)))
    return made
