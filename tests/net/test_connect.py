"""
Connecting: eager transports on real reactors, the reactor's own elsewhere.
"""

from __future__ import annotations

from twisted.internet.protocol import ClientFactory
from twisted.internet.testing import MemoryReactorClock

from txbalancer.net.connect import connect_tcp, connect_unix


def test_other_reactors_connect_as_they_do() -> None:
    """
    A reactor without sockets of its own gets the plain calls, with the timeout.
    """
    reactor, factory = MemoryReactorClock(), ClientFactory()
    connect_tcp(reactor, "192.0.2.1", 80, factory, 3)
    connect_unix(reactor, "/run/a.sock", factory, 4)
    assert reactor.tcpClients == [("192.0.2.1", 80, factory, 3, None)]
    assert reactor.unixClients == [("/run/a.sock", factory, 4, 0)]
