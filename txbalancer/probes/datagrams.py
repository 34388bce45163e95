"""
Asking a member by datagram: something is said, and it has to say something.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from txbalancer.core.dialog import matcher, unescape
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.net.datagrams import ConnectedDatagrams
from txbalancer.net.introduction import BUILDS
from txbalancer.net.proxyprotocol import ProxyHeader
from txbalancer.net.resolve import Addresses
from txbalancer.probes.line import Line


class Question(ConnectedDatagrams):
    """
    One datagram to a member, and the wait for what it has to say.

    @ivar done: fires with the result.
    """

    __slots__ = ("_line", "_waits_for", "done")

    def __init__(self, reactor: Any, address: str, member: MemberSpec, line: Line) -> None:
        """
        @raise OSError: when there is no way to the member.
        """
        super().__init__(reactor, address, member.port)
        self._line = line
        self._waits_for = matcher(member.hcexpect)
        self.done: Deferred[ProbeResult] = Deferred(lambda _: self.close())
        says = unescape(member.hcsend)
        line.note(f"to {address}:{member.port} by UDP")
        line.sent(says)
        introduce = BUILDS[member.sendproxy]
        # Nobody's datagram but ours, as HAProxy says it of its checks.
        header = introduce(ProxyHeader(local=True)) if introduce is not None else b""
        self.send(header + says)

    def received(self, data: bytes) -> None:
        """
        Look whether that was it; another answer may still come.
        """
        self._line.received(data)
        if self._waits_for(data):
            self._end(True, f"expect: found in {self._line.seconds * 1000:.0f} ms")

    def failed(self, why: str) -> None:
        """
        Nobody is there.
        """
        self._line.note(why)
        self._end(False, f"expect: {why}")

    def _end(self, passed: bool, text: str) -> None:
        self.close()
        self.done.callback(self._line.result(passed, text))


def ask(reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
    """
    Ask once. Cancelling it gives up.
    """
    line = Line(reactor, member, tls=False)
    resolving: Deferred[list[str]] = Deferred()
    Addresses(reactor, member.host, 0.0, reactor.seconds).find(resolving.callback)
    asking = resolving.addCallback(lambda found: _begin(reactor, member, line, found))
    return asking.addErrback(line.failed, "expect")


def _begin(
    reactor: Any, member: MemberSpec, line: Line, addresses: list[str]
) -> Deferred[ProbeResult] | ProbeResult:
    if not member.hcsend:
        return line.result(False, "expect: hcsend is empty, so there is nothing to ask")
    why = "the name does not resolve"
    for address in addresses:
        try:
            return Question(reactor, address, member, line).done
        except OSError as error:
            why = error.strerror or str(error)
            line.note(f"{address}: {why}")
    return line.result(False, f"expect: {why}")
