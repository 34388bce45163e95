"""
Connecting to members: eager transports where the reactor has sockets, its own elsewhere.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory

from txbalancer.net.eager import EagerConnector, EagerUNIXConnector


def connect_tcp(
    reactor: Any, address: str, port: int, factory: ClientFactory, timeout: float
) -> Any:
    """
    Open a TCP connection to an address (no name).

    @return: an L{IConnector<twisted.internet.interfaces.IConnector>}.
    """
    if not isinstance(reactor, PosixReactorBase):
        return reactor.connectTCP(address, port, factory, timeout=timeout)
    connector = EagerConnector(address, port, factory, timeout, None, reactor)
    connector.connect()
    return connector


def connect_unix(reactor: Any, path: str, factory: ClientFactory, timeout: float) -> Any:
    """
    Open a connection to a unix socket.

    @return: an L{IConnector<twisted.internet.interfaces.IConnector>}.
    """
    if not isinstance(reactor, PosixReactorBase):
        return reactor.connectUNIX(path, factory, timeout=timeout)
    connector = EagerUNIXConnector(path, factory, timeout, reactor, 0)
    connector.connect()
    return connector
