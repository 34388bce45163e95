"""
Connecting: eager transports on real reactors, the reactor's own elsewhere.
"""

from __future__ import annotations

import sys
from errno import EMFILE
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from txbalancer.net.connect import connect_tcp, connect_unix


class Real(PosixReactorBase):
    """
    A reactor with sockets of its own, and time that is made.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.callLater = self.clock.callLater  # type: ignore[assignment]


def test_other_reactors_connect_as_they_do() -> None:
    """
    A reactor without sockets of its own gets the plain calls, with the timeout.
    """
    reactor, factory = MemoryReactorClock(), ClientFactory()
    connect_tcp(reactor, "192.0.2.1", 80, factory, 3)
    connect_unix(reactor, "/run/a.sock", factory, 4)
    assert reactor.tcpClients == [("192.0.2.1", 80, factory, 3, None)]
    assert reactor.unixClients == [("/run/a.sock", factory, 4, 0)]


@pytest.mark.parametrize("ceiling", [0, sys.maxsize])
def test_without_a_descriptor_for_a_unix_socket(
    ceiling: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Those that are kept for others are not taken, and none at all is a failure like others: later,
    with its cause, and never raised to the one who asks.
    """

    def none(*arguments: object) -> None:
        raise OSError(EMFILE, "Too many open files")

    if ceiling:
        module = SimpleNamespace(socket=none, AF_UNIX=1, SOCK_STREAM=1)
        monkeypatch.setattr("txbalancer.net.connect.socket", module)
    causes: list[Any] = []
    factory, reactor = ClientFactory(), Real()
    factory.clientConnectionFailed = (  # type: ignore[method-assign]
        lambda connector, reason: causes.append(reason.value)
    )
    connect_unix(reactor, "/run/a.sock", factory, 4, 0, ceiling)
    assert causes == []
    reactor.clock.advance(0)
    assert [each.osError for each in causes] == [EMFILE]
