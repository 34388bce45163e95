"""
Open endpoints, which can outlive the listeners behind them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from txbalancer.errors import StartError, why
from txbalancer.net.accept import Acceptor, hold_unsent
from txbalancer.net.adopt import adopt_port
from txbalancer.net.eager import make_eager
from txbalancer.net.turnstile import Turnstile

if TYPE_CHECKING:
    from txbalancer.services.ports import ListenerService

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer."""


class Given(NamedTuple):
    """
    A listening socket from another process.

    @ivar family: of its addresses.
    @ivar number: of its file, of which a copy is taken.
    @ivar share: called with the port that is made of it and the key of its endpoint; returns
        what accepts in its place then, if anything does.
    """

    family: int
    number: int
    share: Callable[[Any, int], Acceptor | None]


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
    _unsent = 0

    def __init__(self, reactor: Any, endpoint: str) -> None:
        self.endpoint = endpoint
        self.listener: ListenerService | None = None
        self._turnstile: Turnstile | None = None
        self._reserved = False
        self._acceptors: dict[IListeningPort, Acceptor | None] = {}
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
        self._take(found, make_eager(found))
        return found

    def _take(self, port: IListeningPort, acceptor: Acceptor | None) -> None:
        """
        Accept from a port.

        @param acceptor: what accepts in its place, if anything does.
        """
        self._acceptors[port] = acceptor
        hold_unsent(port, self._unsent)
        if self._turnstile is not None:
            self._restrain(self._turnstile, port, acceptor)

    def _leave(self, port: IListeningPort) -> None:
        """
        Have nothing to do with a port any more.
        """
        del self._acceptors[port]
        if self._turnstile is not None:
            self._turnstile.forget(port)

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

    def obey(self, turnstile: Turnstile, reserved: bool) -> None:
        """
        Accept only as far as a turnstile lets it, or as long as there are descriptors at all.
        """
        self._turnstile, self._reserved = turnstile, reserved
        for port, acceptor in self._acceptors.items():
            self._restrain(turnstile, port, acceptor)

    def _restrain(
        self, turnstile: Turnstile, port: IListeningPort, acceptor: Acceptor | None
    ) -> None:
        (turnstile.discard if self._reserved else turnstile.add)(port)
        if acceptor is not None:
            acceptor.turnstile = turnstile
            acceptor.ceiling = sys.maxsize if self._reserved else turnstile.clients

    def hold_unsent(self, most: int) -> None:
        """
        Have the system hold no more than so many bytes that are not sent, for each client that
        comes from now on.
        """
        self._unsent = most
        for port in self._acceptors:
            hold_unsent(port, most)

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        for port in list(self._acceptors):
            self._leave(port)
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
        for port in list(self._acceptors):
            self._leave(port)
            abandon(port)


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
    An endpoint that another process has opened, with one socket or several.

    @ivar key: its number, the same in all processes.
    """

    def __init__(self, reactor: Any, key: int, endpoint: str, given: Mapping[int, Given]) -> None:
        """
        @param given: its sockets by their index, at least one.
        """
        self.key = key
        self._given = given
        self._open: dict[int, IListeningPort] = {}
        super().__init__(reactor, endpoint)

    def _listen(self, reactor: Any) -> IListeningPort:
        self.add(reactor, self._given)
        return next(iter(self._open.values()))

    def add(self, reactor: Any, given: Mapping[int, Given]) -> None:
        """
        Accept from more sockets.
        """
        for index, each in given.items():
            made = adopt_port(reactor, each.number, each.family, self)
            acceptor = make_eager(made)
            self._take(made, each.share(made, self.key) or acceptor)
            self._open[index] = made

    def keep(self, wanted: Container[int]) -> None:
        """
        Leave sockets to other processes, all but those with these indices, at least one.
        """
        for index in [each for each in self._open if each not in wanted]:
            port = self._open.pop(index)
            self._leave(port)
            port.stopListening()
        self.port = next(iter(self._open.values()))

    def give_away(self) -> None:
        """
        Do as L{close}, which leaves the endpoint to others anyway.
        """
        self.close()

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        opened, self._open = self._open, {}
        for port in opened.values():
            self._leave(port)
        return gatherResults([maybeDeferred(each.stopListening) for each in opened.values()])


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
        self._others = [adopt_port(reactor, each, family, self) for each in numbers[1:]]
        for each in self._others:
            self._take(each, make_eager(each))

    def _listen(self, reactor: Any) -> IListeningPort:
        made = adopt_port(reactor, self._first, self._family, self)
        self._take(made, make_eager(made))
        return made

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
        self._others = []

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        closed = [maybeDeferred(each.stopListening) for each in self._others]
        self._others = []
        return gatherResults([super().close(), *closed])


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
    return why(inner)
