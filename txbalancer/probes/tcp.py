"""
hcmethod=tcp: a connection is enough.

A process that hangs still accepts connections, so this tells less than the others
(APACHE C6 and X19). TLS is not spoken.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.interfaces import IProbe
from txbalancer.probes.line import Line


class _Connections(Factory):
    """
    Does not log each connection, of which a check makes a new one.
    """

    noisy = False
    protocol = Protocol


@implementer(IProbe)
class TCPProbe:
    """
    Connects and closes.
    """

    name = "tcp"

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        """
        Connect once. Cancelling it gives up.
        """
        line = Line(reactor, member, tls=False)

        def connected(_: object) -> ProbeResult:
            line.hang_up()
            return line.result(True, f"connect: done in {line.seconds * 1000:.0f} ms")

        connecting: Deferred[Any] = line.connect(_Connections())
        return connecting.addCallbacks(connected, lambda failure: line.failed(failure, "connect"))


factory = TCPProbe()
