"""
Connecting to members: eager transports where the reactor has sockets, its own elsewhere.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory

from txbalancer.net.dial import EagerClient
from txbalancer.net.eager import EagerUNIXConnector


def connect_tcp(
    reactor: Any,
    address: str,
    port: int,
    factory: ClientFactory,
    timeout: float,
    receive_buffer: int = 0,
    read_size: int = 0,
) -> None:
    """
    Open a TCP connection to an address (no name).

    @param factory: makes the protocol, perhaps before this returns, or is told that there is
        no connection, always later.
    @param receive_buffer: bytes of the socket's receive buffer (C{SO_RCVBUF}); 0 = the system's.
    @param read_size: most bytes read at once; 0 = 64 KiB. Other reactors have their own.
    """
    if not isinstance(reactor, PosixReactorBase):
        reactor.connectTCP(address, port, factory, timeout=timeout)
        return
    client = EagerClient(reactor, address, port, factory)
    if read_size:
        client.bufferSize = read_size
    client.connect(timeout, receive_buffer)


def connect_unix(
    reactor: Any, path: str, factory: ClientFactory, timeout: float, read_size: int = 0
) -> Any:
    """
    Open a connection to a unix socket.

    @param read_size: as of L{connect_tcp}.
    @return: an L{IConnector<twisted.internet.interfaces.IConnector>}.
    """
    if not isinstance(reactor, PosixReactorBase):
        return reactor.connectUNIX(path, factory, timeout=timeout)
    connector = EagerUNIXConnector(path, factory, timeout, reactor, 0)
    connector.read_size = read_size
    connector.connect()
    return connector
