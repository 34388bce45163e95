"""
Accepting connections with as few steps as it takes.
"""

from __future__ import annotations

import os
import socket as sockets
import sys
from socket import AF_INET6, IPPROTO_TCP, SOCK_STREAM, socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from txbalancer.net.turnstile import EXHAUSTED, Turnstile

_MOST = 64
"""Connections accepted in one turn, at most; what waits elsewhere gets its turn in between."""

INHERITED = sys.platform == "linux"
"""Whether accepted sockets have the options of the listening one."""

_UNSENT = getattr(sockets, "TCP_NOTSENT_LOWAT", None) if INHERITED else None

Option = tuple[int, int]
"""Level and name of an option of a socket."""


class Acceptor:
    """
    Accepts in place of a port of Twisted's, which prepares for each turn what only errors need.

    @ivar inherited: options of sockets that accepted ones have from the start.
    @ivar turnstile: who says what to do when there is no room; C{None}: Twisted.
    @ivar ceiling: the first descriptor that is not for clients of this port.
    """

    log = Logger()

    __slots__ = ("_learned", "_most", "_port", "ceiling", "inherited", "turnstile")

    def __init__(self, port: Any) -> None:
        """
        @param port: a L{tcp.Port<twisted.internet.tcp.Port>}.
        """
        self._port = port
        self._most = 1
        self.turnstile: Turnstile | None = None
        self.ceiling = sys.maxsize
        self._learned: dict[Option, int] = {}
        self.inherited: dict[Option, int] = {}

    def learn(self, option: Option, value: int) -> None:
        """
        Have accepted sockets inherit an option that one of them was given.

        Those that wait to be accepted were made before, so it counts once none is left.
        """
        if INHERITED and self._port.connected:
            self._port.socket.setsockopt(*option, value)
            self._learned = {**self._learned, option: value}
            self.inherited = {}

    def accept(self) -> Any:
        """
        Accept what waits; in place of C{doRead}.

        To learn that no more are there takes an error, which costs more than a turn of the
        loop: so no more are asked for than there were last time, unless these all came.
        """
        port = self._port
        listening, family, most = port.socket, port.addressFamily, self._most
        for count in range(most):
            try:
                # The public method turns the kinds of the socket into enums, and back.
                fd, address = listening._accept()
            except BlockingIOError:
                self._most = count or 1
                self.inherited = self._learned
                return None
            except OSError as error:
                if error.errno in EXHAUSTED and self.turnstile is not None:
                    self.turnstile.no_room(port)
                    return None
                # It knows what to do about all other causes, and alone about this one.
                return type(port).doRead(port)
            if fd >= self.ceiling:
                self._turn_away(fd)
                return None
            self.begin(socket(family, SOCK_STREAM, 0, fd), address)
            if port.disconnecting:
                return None
        self._most = min(2 * most, _MOST)
        return None

    def _turn_away(self, fd: int) -> None:
        """
        Close a connection whose descriptor is kept for others.
        """
        assert self.turnstile is not None, "it says where the ceiling is"
        os.close(fd)
        self.turnstile.no_room(self._port)

    def begin(self, accepted: socket, address: Any) -> None:
        """
        Serve a connection that was accepted.

        @param address: of its client, as the system gives it.
        """
        port = self._port
        if port.addressFamily == AF_INET6 and address[3]:
            address = tcp._getrealname(address)
        peer = port._buildAddr(address)
        protocol: Any = None
        try:
            protocol = port.factory.buildProtocol(peer)
        except Exception:
            # One connection must not end the port for all others.
            self.log.failure("a connection could not be begun")
        if protocol is None:
            accepted.close()
            return
        number = port.sessionno
        port.sessionno = number + 1
        transport = port.transport(accepted, protocol, address, port, number, port.reactor)
        transport.peer, transport.acceptor, transport.inherited = peer, self, self.inherited
        try:
            protocol.makeConnection(transport)
        except Exception:
            self.log.failure("a connection could not be begun")
            transport.abortConnection()


def hold_unsent(port: IListeningPort, most: int) -> None:
    """
    Let the system hold no more than so many bytes that it has not sent, for each client that
    comes by a port from now on.

    Its own limit follows what may be on the way, and so is megabytes for a client that reads
    nothing, too.

    @param most: 0 = the system's own limit alone.
    """
    if _UNSENT is not None and isinstance(port, tcp.Port) and not isinstance(port, unix.Port):
        port.socket.setsockopt(IPPROTO_TCP, _UNSENT, most)
