"""
hcmethod=expect: something is said to the member, and it has to say something.

For members that do not speak HTTP: C{hcsend="PING\\r\\n" hcexpect=+PONG} asks Redis.
C{udp://} members are asked by a datagram.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.core.dialog import matcher, unescape
from txbalancer.core.health import ProbeResult
from txbalancer.core.schemes import is_secure
from txbalancer.core.specs import MemberSpec
from txbalancer.interfaces import IProbe
from txbalancer.probes import datagrams
from txbalancer.probes.line import Line
from txbalancer.probes.talk import MOST_BYTES, Talk, TooMuch, talking


@implementer(IProbe)
class ExpectProbe:
    """
    Connects, sends C{hcsend}, and passes as soon as C{hcexpect} has come.
    """

    name = "expect"

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        """
        Ask once. Cancelling it closes the connection.

        @raise StartError: the member's trusted authorities cannot be read.
        """
        if member.scheme == "udp":
            return datagrams.ask(reactor, member)
        secure = is_secure(member.scheme)
        line = Line(reactor, member, secure)
        talk = Talk(line, secure, unescape(member.hcsend), matcher(member.hcexpect))

        def passed(_: bytes) -> ProbeResult:
            return line.result(True, f"expect: found in {line.seconds * 1000:.0f} ms")

        def failed(failure: Failure) -> ProbeResult:
            if failure.check(TooMuch):
                return line.result(False, f"expect: not within {MOST_BYTES} bytes")
            if failure.check(ConnectionDone):
                return line.result(False, "expect: closed without it")
            return line.failed(failure, "expect")

        return talking(line, talk).addCallbacks(passed, failed)


factory = ExpectProbe()
