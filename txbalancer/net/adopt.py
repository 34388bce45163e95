"""
Listening sockets that other processes listen with, too.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IListeningPort


class SharedUNIXPort(unix.Port):
    """
    A unix socket that belongs to somebody else.

    Twisted's own takes it for its own: it changes the mode and the backlog, and at its end has
    nobody listen any more and removes the path.

    @ivar owned: whether the end of this one removes the path after all: the others are gone.
    """

    _shouldShutdown = False
    owned = False

    def startListening(self: Any) -> None:
        """
        Accept connections.
        """
        self.factory.doStart()
        self.socket, self._preexistingSocket = self._preexistingSocket, None
        self.fileno = self.socket.fileno
        self.connected, self.numberAccepts = True, 100
        self.startReading()

    def connectionLost(self, reason: Any) -> None:
        """
        Accept none any more; others do.
        """
        (unix if self.owned else tcp).Port.connectionLost(self, reason)


def adopt_port(reactor: Any, number: int, family: int, factory: Any) -> IListeningPort:
    """
    Accept from a socket that another process has opened and listens with.

    @param number: of its file, of which a copy is taken.
    """
    if family != socket.AF_UNIX:
        found: IListeningPort = reactor.adoptStreamPort(number, family, factory)
        return found
    made = SharedUNIXPort._fromListeningDescriptor(reactor, number, factory)
    made.startListening()
    return made
