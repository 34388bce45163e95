"""
The check by connection alone, in what the other probes' tests do not see.
"""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogEvent, globalLogPublisher

from txbalancer.core.specs import MemberSpec
from txbalancer.net.proxyprotocol import LOCAL, UNKNOWN, parse
from txbalancer.probes.tcp import TCPProbe


def test_checks_are_not_logged_each() -> None:
    """
    A check every few seconds leaves no lines of its connections in the log.
    """
    reactor = MemoryReactorClock()
    probing = TCPProbe().probe(reactor, MemberSpec("x", host="192.0.2.1", port=80))
    probing.addErrback(lambda _: None)
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        reactor.tcpClients[0][2].doStart()
        reactor.tcpClients[0][2].doStop()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert not events


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_check_is_nobodys_connection(version: str) -> None:
    """
    With sendproxy a check begins with the header that says so.
    """
    reactor = MemoryReactorClock()
    member = MemberSpec("x", host="192.0.2.1", port=80, sendproxy=version)
    probing = TCPProbe().probe(reactor, member)
    protocol = reactor.tcpClients[0][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 80))
    protocol.makeConnection(transport := StringTransport())
    header, size = parse(transport.value())
    assert header == (LOCAL if version == "v2" else UNKNOWN)
    assert size == len(transport.value())
    assert probing.result.passed
