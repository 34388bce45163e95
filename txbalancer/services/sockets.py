"""
Open endpoints, which can outlive the listeners behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from txbalancer.errors import StartError
from txbalancer.net.eager import make_eager

if TYPE_CHECKING:
    from txbalancer.services.ports import ListenerService

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer."""


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
        made = self._listen(reactor)
        make_eager(made)
        self.port: IListeningPort = made

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
    An endpoint that another process has opened.
    """

    def __init__(self, reactor: Any, endpoint: str, family: int, number: int) -> None:
        """
        @param number: the socket's file number, of which a copy is taken.
        """
        self._family, self._number = family, number
        super().__init__(reactor, endpoint)

    def _listen(self, reactor: Any) -> IListeningPort:
        made: IListeningPort = reactor.adoptStreamPort(self._number, self._family, self)
        return made


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
