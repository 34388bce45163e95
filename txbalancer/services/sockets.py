"""
Open endpoints, which can outlive the listeners behind them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure

from txbalancer.errors import StartError
from txbalancer.net.eager import make_eager
from txbalancer.net.turnstile import Turnstile

if TYPE_CHECKING:
    from txbalancer.services.ports import ListenerService

_BACKLOG = 1024
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
        self._turnstile: Turnstile | None = None
        outcome: list[Any] = []
        listening = maybeDeferred(serverFromString(reactor, _with_backlog(endpoint)).listen, self)
        listening.addBoth(outcome.append)
        if not outcome:
            raise StartError("the endpoint does not listen at once")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        self._acceptor = make_eager(outcome[0])
        self.port: IListeningPort = outcome[0]

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

    def keep(self, turnstile: Turnstile, reserved: bool) -> None:
        """
        Accept only as far as a turnstile lets it, or as long as there are descriptors at all.
        """
        self._turnstile = turnstile
        (turnstile.discard if reserved else turnstile.add)(self.port)
        if self._acceptor is not None:
            self._acceptor.turnstile = turnstile
            self._acceptor.ceiling = sys.maxsize if reserved else turnstile.clients

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections.
        """
        if self._turnstile is not None:
            self._turnstile.forget(self.port)
        return maybeDeferred(self.port.stopListening)


def _with_backlog(endpoint: str) -> str:
    """
    Add a backlog to an endpoint that may have one and has none.

    Twisted's 50 is full within three milliseconds of a burst, and whoever is dropped then
    tries again only after a second.
    """
    kind = endpoint.partition(":")[0]
    if kind not in ("tcp", "tcp6", "unix") or ":backlog=" in endpoint:
        return endpoint
    return f"{endpoint}:backlog={_BACKLOG}"


def cause(error: Exception) -> str:
    """
    Put the reason of a failed listen in a few words.
    """
    if isinstance(error, LookupError):
        # From Twisted's table of inherited sockets, by index or by name.
        return "systemd has handed over no such socket"
    inner = getattr(error, "socketError", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
