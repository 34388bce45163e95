"""
hcmethod=tcp: a connection is enough.

A process that hangs still accepts connections, so this tells less than the others
(APACHE C6 and X19). TLS is not spoken, but to members of C{tls://}, which speak nothing else.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from txbalancer.core.health import ProbeResult
from txbalancer.core.schemes import SCHEMES
from txbalancer.core.specs import MemberSpec
from txbalancer.interfaces import IProbe
from txbalancer.probes.line import Line
from txbalancer.probes.talk import Talk, talking


@implementer(IProbe)
class TCPProbe:
    """
    Connects and closes.

    @cvar schemes: of members that can be asked so.
    """

    name = "tcp"
    schemes = frozenset(SCHEMES) - {"udp"}

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        """
        Connect once. Cancelling it gives up.
        """
        secure = member.scheme == "tls"
        line = Line(reactor, member, tls=secure)
        if member.scheme not in self.schemes:
            return succeed(line.result(False, "connect: UDP has no connections: use expect"))

        def connected(_: bytes) -> ProbeResult:
            return line.result(True, f"connect: done in {line.seconds * 1000:.0f} ms")

        connecting = talking(line, Talk(line, secure, b"", None))
        return connecting.addCallbacks(connected, lambda failure: line.failed(failure, "connect"))


factory = TCPProbe()
