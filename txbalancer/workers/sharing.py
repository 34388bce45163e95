"""
Ports of a worker that accepts connections for others, too.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Container
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet import tcp, unix

from txbalancer.net.accept import Acceptor
from txbalancer.net.eager import EagerServer, EagerUNIXServer
from txbalancer.workers.handover import Inbox, Sender
from txbalancer.workers.spread import Spread

_DIVERTED = 8
"""Connections that are accepted for others in one turn: about as many as a box has room for."""


class Counted:
    """
    Mix-in for transports of clients, which are counted until they end.

    @ivar spread: what counts them; C{None} once they have ended.
    """

    spread: Spread | None = None

    def connectionLost(self, reason: Any) -> None:
        """
        Count no more.
        """
        spread, self.spread = self.spread, None
        if spread is not None:
            spread.ended()
        super().connectionLost(reason)  # type: ignore[misc]


class CountedServer(Counted, EagerServer):
    """
    A client's TCP connection.
    """


class CountedUNIXServer(Counted, EagerUNIXServer):
    """
    A client's connection through a unix socket.
    """


class SharedAcceptor(Acceptor):
    """
    Accepts connections and passes those on that others should have, before a byte is read.
    """

    __slots__ = ("_key", "_kind", "_sharing")

    def __init__(self, port: Any, key: int, sharing: Sharing) -> None:
        """
        @param key: of the port's endpoint, the same in all processes.
        """
        super().__init__(port)
        self._key, self._sharing = key, sharing
        self._kind = CountedUNIXServer if isinstance(port, unix.Port) else CountedServer
        port.transport = self._make

    def begin(self, accepted: socket.socket, address: Any) -> None:
        """
        Serve a connection, or let another worker do so.
        """
        if self._sharing.pass_on(self._key, accepted):
            accepted.close()
        else:
            super().begin(accepted, address)

    def divert(self) -> None:
        """
        Accept for others, while nothing is accepted for this worker itself; in place of C{accept}.
        """
        port, turnstile = self._port, self.turnstile
        if turnstile is None or not turnstile.closed:
            port.doRead = self.accept
            self.accept()
            return
        for _ in range(_DIVERTED):
            if not self._sharing.has_refuge():
                turnstile.rest(port)
                return
            try:
                accepted, address = port.socket.accept()
            except BlockingIOError:
                return
            except OSError:
                turnstile.rest(port)
                return
            if self._sharing.divert(self._key, accepted):
                accepted.close()
                continue
            # Nobody's box has room for it at the moment.
            super().begin(accepted, address)
            turnstile.rest(port)
            return

    def take(self, number: int) -> None:
        """
        Serve a connection that another worker has accepted.

        @param number: of its file.
        """
        if number >= self.ceiling:
            self._turn_away(number)
            return
        found = socket.socket(fileno=number)
        try:
            address = found.getpeername()
        except OSError:
            # Its client has gone on the way.
            found.close()
            return
        super().begin(found, address)

    def _make(self, *arguments: Any) -> Any:
        made = self._kind(*arguments)
        made.spread = self._sharing.spread
        made.spread.began()
        return made


class Sharing:
    """
    A worker's part in dividing the connections among all.

    @ivar spread: how they are divided.
    @ivar folder: where the boxes of all are.
    """

    def __init__(self, reactor: Any, spread: Spread, folder: str, box: socket.socket) -> None:
        """
        @param box: the own one of those in C{folder}.
        """
        self.spread, self.folder = spread, folder
        self._reactor = reactor
        self._sender = Sender(folder)
        self._acceptors: dict[int, SharedAcceptor] = {}
        self._ports: WeakKeyDictionary[Any, SharedAcceptor] = WeakKeyDictionary()
        self._inbox = self._open(box)

    def _open(self, box: socket.socket) -> Inbox:
        inbox = Inbox(box, self._take)
        self._reactor.addReader(inbox)
        return inbox

    def take_box(self, box: socket.socket) -> None:
        """
        Have another box of one's own, once the one there was is empty.
        """
        self._reactor.removeReader(self._inbox)
        self._inbox.close()
        self._inbox = self._open(box)

    def share(self, port: Any, key: int) -> Acceptor | None:
        """
        Have a listening port share its connections; one of another reactor's kind does not.

        @return: what accepts its connections, if it does.
        """
        if not isinstance(port, tcp.Port):
            return None
        acceptor = self._acceptors[key] = self._ports[port] = SharedAcceptor(port, key, self)
        port.doRead = acceptor.accept  # type: ignore[method-assign]
        return acceptor

    def serve(self, edition: int, keys: Container[int]) -> None:
        """
        Have others know by what this worker serves, once what has arrived is taken.

        @param edition: of the configuration; 0 to be passed nothing more.
        @param keys: of its endpoints.
        """
        self._inbox.doRead()
        self._acceptors = {key: each for key, each in self._acceptors.items() if key in keys}
        self.spread.serve(edition)

    def diverts(self, port: Any) -> bool:
        """
        Have others serve what comes to a port, if it is one that shares its connections.
        """
        acceptor = self._ports.get(port)
        if acceptor is None:
            return False
        port.doRead = acceptor.divert
        return True

    def has_refuge(self) -> bool:
        """
        Tell whether there is anybody to L{divert} to.
        """
        return bool(self.spread.refuge())

    def divert(self, key: int, accepted: socket.socket) -> bool:
        """
        Give a connection away that cannot be served here, if anybody takes it.
        """
        return self._send(self.spread.refuge(), key, accepted)

    def pass_on(self, key: int, accepted: socket.socket) -> bool:
        """
        Give a connection away, if another worker should have it and takes it.
        """
        return self._send(self.spread.receiver(), key, accepted)

    def _send(self, to: int, key: int, accepted: socket.socket) -> bool:
        if not to:
            return False
        self.spread.sent(to)
        if self._sender.send(to, key, accepted.fileno()):
            return True
        self.spread.not_sent(to)
        return False

    def _take(self, key: int, number: int) -> None:
        self.spread.taken()
        acceptor = self._acceptors.get(key)
        if acceptor is not None and number >= 0:
            acceptor.take(number)
        elif number >= 0:
            # Its endpoint is none of this configuration's.
            os.close(number)

    def close(self) -> None:
        """
        Neither send nor take any more.
        """
        self._reactor.removeReader(self._inbox)
        self._sender.close()
