"""
Connecting to members: eager transports where the reactor has sockets, its own elsewhere.
"""

from __future__ import annotations

import os
import socket
import sys
from errno import EMFILE
from typing import Any

from twisted.internet.error import ConnectBindError
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

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
    ceiling: int = sys.maxsize,
) -> None:
    """
    Open a TCP connection to an address (no name).

    @param factory: makes the protocol, perhaps before this returns, or is told that there is
        no connection, always later.
    @param receive_buffer: bytes of the socket's receive buffer (C{SO_RCVBUF}); 0 = the system's.
    @param read_size: most bytes read at once; 0 = 64 KiB. Other reactors have their own.
    @param ceiling: the first descriptor that it may not have; other reactors know none.
    """
    if not isinstance(reactor, PosixReactorBase):
        reactor.connectTCP(address, port, factory, timeout=timeout)
        return
    client = EagerClient(reactor, address, port, factory)
    if read_size:
        client.bufferSize = read_size
    client.connect(timeout, receive_buffer, ceiling)


def connect_unix(
    reactor: Any,
    path: str,
    factory: ClientFactory,
    timeout: float,
    read_size: int = 0,
    ceiling: int = sys.maxsize,
) -> None:
    """
    Open a connection to a unix socket; the arguments are as of L{connect_tcp}.
    """
    if not isinstance(reactor, PosixReactorBase):
        reactor.connectUNIX(path, factory, timeout=timeout)
        return
    connector = EagerUNIXConnector(path, factory, timeout, reactor, 0)
    try:
        connector.made = _unix_socket(ceiling)
    except OSError as problem:
        cause = Failure(ConnectBindError(problem.errno, problem.strerror))
        reactor.callLater(0, factory.clientConnectionFailed, connector, cause)
        return
    connector.read_size = read_size
    connector.connect()


def _unix_socket(ceiling: int) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if made.fileno() >= ceiling:
        made.close()
        raise OSError(EMFILE, os.strerror(EMFILE))
    made.setblocking(False)
    return made
