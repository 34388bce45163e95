"""
Open endpoints, which can outlive the listeners behind them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet import unix
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.internet.tcp import Port
from twisted.python.failure import Failure

from txbalancer.errors import StartError
from txbalancer.net.eager import make_eager

if TYPE_CHECKING:
    from txbalancer.services.ports import ListenerService

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer."""


class Given(NamedTuple):
    """
    A listening socket from another process.

    @ivar family: of its addresses.
    @ivar number: of its file, of which a copy is taken.
    @ivar share: called with the port that is made of it and the key of its endpoint.
    """

    family: int
    number: int
    share: Callable[[Any, int], object]


class Offered(NamedTuple):
    """
    Sockets that another process may have.

    @ivar endpoint: its Twisted server endpoint string.
    @ivar listener: whose it is.
    @ivar numbers: of their files.
    """

    endpoint: str
    listener: str
    numbers: list[int]


class Socket(ServerFactory):
    """
    An open endpoint; it may outlive the listener behind it, which a reload can replace.

    @ivar endpoint: its Twisted server endpoint string.
    @ivar port: the open port.
    @ivar listener: who serves its connections; C{None} before anybody does.
    """

    noisy = False
    _given_away = False

    def __init__(self, reactor: Any, endpoint: str) -> None:
        self.endpoint = endpoint
        self.listener: ListenerService | None = None
        self.port: IListeningPort = self._listen(reactor)

    def _listen(self, reactor: Any) -> IListeningPort:
        outcome: list[Any] = []
        endpoint = serverFromString(reactor, _with_backlog(self.endpoint))
        listening = maybeDeferred(endpoint.listen, self)
        listening.addBoth(outcome.append)
        if not outcome:
            raise StartError("the endpoint does not listen at once")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        found: IListeningPort = outcome[0]
        make_eager(found)
        return found

    def logPrefix(self) -> str:
        """
        Name the endpoint where Twisted tells that it listens.
        """
        return f"endpoint {self.endpoint}"

    def buildProtocol(self, addr: Any) -> Any:
        """
        Ask the listener as it is now.
        """
        return self.listener.build_protocol(addr) if self.listener is not None else None

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        return succeed(None) if self._given_away else maybeDeferred(self.port.stopListening)

    def own(self) -> None:
        """
        Nothing to do: it is.
        """

    @property
    def numbers(self) -> list[int]:
        """
        The file numbers of its sockets.
        """
        port: Any = self.port
        return [port.fileno()]

    def give_away(self) -> None:
        """
        Accept no more connections, and leave the endpoint to another process that has it, too.
        """
        self._given_away = True
        abandon(self.port)


def abandon(port: Any) -> None:
    """
    Close this process' copy of a listening socket.

    C{stopListening} would shut the socket down for all who have it, and remove a unix socket.
    """
    port.stopReading()
    port.connected = False
    port.socket.close()


class AdoptedSocket(Socket):
    """
    An endpoint that another process has opened.

    @ivar key: its number, the same in all processes.
    """

    def __init__(self, reactor: Any, key: int, endpoint: str, given: Given) -> None:
        """
        @param given: one of its sockets; more can be L{add}ed.
        """
        self.key = key
        self._given = given
        self._others: list[Any] = []
        super().__init__(reactor, endpoint)

    def add(self, reactor: Any, given: Given) -> None:
        """
        Accept from another socket, too.
        """
        self._others.append(self._adopt(reactor, given))

    def _listen(self, reactor: Any) -> IListeningPort:
        return self._adopt(reactor, self._given)

    def _adopt(self, reactor: Any, given: Given) -> IListeningPort:
        made = adopt(reactor, self, given.family, given.number)
        make_eager(made)
        given.share(made, self.key)
        return made

    def give_away(self) -> None:
        """
        Do as L{close}, which leaves the endpoint to others anyway.
        """
        self.close()

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        closed = [maybeDeferred(each.stopListening) for each in self._others]
        self._others = []
        return gatherResults([super().close(), *closed])


class AdoptedUNIXPort(unix.Port):
    """
    A listening unix socket that another process has opened, with its rights as they are:
    C{adoptStreamPort} gives it to everybody, and its end removes it.

    @ivar owned: whether the end of this one removes it.
    """

    owned = False

    def __init__(self, made: socket.socket, factory: Any, reactor: Any) -> None:
        super().__init__(made.getsockname(), factory, reactor=reactor)
        self._made = made
        self._started: Any = factory

    def startListening(self) -> None:
        """
        Accept connections from now on.
        """
        self._started.doStart()
        self.connected = True
        self.socket = self._made
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Any) -> None:
        """
        Close, and remove the socket's file if it is ours.
        """
        (unix.Port if self.owned else Port).connectionLost(self, reason)


class InheritedSocket(Socket):
    """
    An endpoint of a process whose place this one takes.
    """

    def __init__(self, reactor: Any, endpoint: str, family: int, numbers: list[int]) -> None:
        """
        @param numbers: of the files of its sockets, of which copies are taken: several where
            workers shared the clients.
        """
        self._family, self._first = family, numbers[0]
        super().__init__(reactor, endpoint)
        self._others = [adopt(reactor, self, family, each) for each in numbers[1:]]
        for each in self._others:
            make_eager(each)

    def _listen(self, reactor: Any) -> IListeningPort:
        return adopt(reactor, self, self._family, self._first)

    @property
    def numbers(self) -> list[int]:
        """
        The file numbers of its sockets.
        """
        others: list[Any] = self._others
        return [*super().numbers, *[each.fileno() for each in others]]

    def own(self) -> None:
        """
        Remove a unix socket at the end; the other process will not.
        """
        if self.endpoint.startswith("unix:"):
            port: Any = self.port
            port.owned = True

    def give_away(self) -> None:
        """
        Accept no more connections, and leave the endpoint to another process that has it, too.
        """
        super().give_away()
        for each in self._others:
            abandon(each)
        self._others = []

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        closed = [maybeDeferred(each.stopListening) for each in self._others]
        self._others = []
        return gatherResults([super().close(), *closed])


def adopt(reactor: Any, factory: Any, family: int, number: int) -> Any:
    """
    Listen with a copy of another process' socket.
    """
    if family == socket.AF_UNIX:
        return adopt_unix(reactor, factory, number)
    return reactor.adoptStreamPort(number, family, factory)


def adopt_unix(reactor: Any, factory: Any, number: int) -> AdoptedUNIXPort:
    """
    Listen with a copy of a unix socket.
    """
    made = socket.socket(fileno=os.dup(number))
    made.setblocking(False)
    port = AdoptedUNIXPort(made, factory, reactor)
    port.startListening()
    return port


def _with_backlog(endpoint: str) -> str:
    """
    Add a backlog to an endpoint that may have one and has none.

    Twisted's 50 is full within three milliseconds of a burst, and whoever is dropped then
    tries again only after a second.
    """
    kind = endpoint.partition(":")[0]
    if kind not in ("tcp", "tcp6", "unix") or ":backlog=" in endpoint:
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"


def cause(error: Exception) -> str:
    """
    Put the reason of a failed listen in a few words.
    """
    if isinstance(error, LookupError):
        # From Twisted's table of inherited sockets, by index or by name.
        return "systemd has handed over no such socket"
    inner = getattr(error, "socketError", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
