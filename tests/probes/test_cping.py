"""
CPING as a health check.
"""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.ajp.container import CPING, CPONG, OK
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.probes.cping import CPINGProbe


def probed(*said: bytes) -> tuple[ProbeResult, bytes]:
    """
    Ask a member that says these things; returns the result and what it was asked.
    """
    reactor = MemoryReactorClock()
    probing = CPINGProbe().probe(reactor, MemberSpec("x", "ajp", "192.0.2.1", 8009))
    protocol = reactor.tcpClients[0][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 8009))
    protocol.makeConnection(transport := StringTransport())
    reactor.advance(0.25)
    for each in said:
        protocol.dataReceived(each)
    protocol.connectionLost(Failure(ConnectionDone()))
    return probing.result, transport.value()


@pytest.mark.parametrize("said", [(CPONG,), (CPONG[:2], CPONG[2:])])
def test_a_container_that_is_there(said: tuple[bytes, ...]) -> None:
    """
    Its answer passes, however it is cut.
    """
    result, asked = probed(*said)
    assert asked == CPING
    assert result.passed
    assert result.text == "CPING: answered in 250 ms"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "CPING: the answer is no CPONG"),
        ((OK,), "CPING: the answer is no CPONG"),
        ((CPONG[:3],), "CPING: closed without a complete answer"),
        ((), "CPING: closed without a complete answer"),
    ],
)
def test_other_answers_do_not_pass(said: tuple[bytes, ...], text: str) -> None:
    """
    A server of another protocol is no container, nor is one that hangs up.
    """
    result, _ = probed(*said)
    assert not result.passed
    assert result.text == text
