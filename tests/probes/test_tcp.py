"""
The check by connection alone, in what the other probes' tests do not see.
"""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, globalLogPublisher

from txbalancer.core.specs import MemberSpec
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
