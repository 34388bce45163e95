"""
When the end of a connection in memory is told.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.testing import MemoryTransport


@implementer(IHalfCloseableProtocol)
class Told(Protocol):
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []

    def readConnectionLost(self) -> None:
        """
        Hear of the far end's last byte.
        """

    def writeConnectionLost(self) -> None:
        """
        Hear that its own direction is over.
        """
        self.heard.append("half")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Hear of the end.
        """
        self.heard.append("end")


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("call", "heard"), [("loseConnection", "end"), ("loseWriteConnection", "half")]
)
def test_an_end_is_told_at_once_or_in_the_next_turn(
    monkeypatch: pytest.MonkeyPatch, at_once: bool, call: str, heard: str
) -> None:
    """
    At once only where nothing is left to send; it is told once either way.
    """
    monkeypatch.setattr(MemoryTransport, "at_once", at_once)
    for room in (1000, 0):
        clock, protocol = Clock(), Told()
        transport: Any = MemoryTransport(clock, protocol, None)
        transport.room = room
        transport.write(b"last words")
        getattr(transport, call)()
        assert protocol.heard == ([heard] if at_once and room else [])
        transport.take(1000)
        clock.advance(0)
        getattr(transport, call)()
        clock.advance(0)
        assert protocol.heard == [heard]
        assert transport.taken() == b"last words"
