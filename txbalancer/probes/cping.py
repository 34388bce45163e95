"""
hcmethod=cping: the servlet container answers AJP's own question whether it is there.

It says nothing of applications, as in Apache; no C{secret} is asked for.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txbalancer.ajp import codes
from txbalancer.ajp.answers import PacketReader
from txbalancer.ajp.requests import CPING
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import BadResponse
from txbalancer.interfaces import IProbe
from txbalancer.probes.line import Line
from txbalancer.probes.talk import Talk, talking

_CPONG = [(codes.CPONG, b"")]


@implementer(IProbe)
class CPINGProbe:
    """
    Sends CPING and waits for CPONG.

    @cvar schemes: of members that can be asked so.
    """

    name = "cping"
    schemes = frozenset({"ajp"})

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        """
        Ask once. Cancelling it closes the connection.
        """
        line = Line(reactor, member, tls=False)

        def answered(said: bytes) -> ProbeResult:
            if _packets(said) == _CPONG:
                return line.result(True, f"CPING: answered in {line.seconds * 1000:.0f} ms")
            return line.result(False, "CPING: the answer is no CPONG")

        asking = talking(line, Talk(line, False, CPING, lambda said: _packets(said) != []))
        return asking.addCallbacks(answered, lambda failure: line.failed(failure, "CPING"))


def _packets(said: bytes) -> list[tuple[int, bytes]] | None:
    """
    Return the packets in what a member said; C{None} for what is no AJP.
    """
    try:
        return PacketReader().feed(said)
    except BadResponse:
        return None


factory = CPINGProbe()
