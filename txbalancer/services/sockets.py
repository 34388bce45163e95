"""
Open endpoints, which can outlive the listeners behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from txbalancer.errors import StartError
from txbalancer.net.adopt import adopt_port
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


class Socket(ServerFactory):
    """
    An open endpoint; it may outlive the listener behind it, which a reload can replace.

    @ivar endpoint: its Twisted server endpoint string.
    @ivar port: the open port.
    @ivar listener: who serves its connections; C{None} before anybody does.
    """

    noisy = False

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
        return maybeDeferred(self.port.stopListening)


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
            make_eager(made)
            each.share(made, self.key)
            self._open[index] = made

    def keep(self, wanted: Container[int]) -> None:
        """
        Leave sockets to other processes, all but those with these indices, at least one.
        """
        for index in [each for each in self._open if each not in wanted]:
            self._open.pop(index).stopListening()
        self.port = next(iter(self._open.values()))

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        opened, self._open = self._open, {}
        return gatherResults([maybeDeferred(each.stopListening) for each in opened.values()])


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
