"""
Gates before members: of a client, of a listener, of a balancer.

Whoever goes in gets a ticket, which the end of its exchange gives back, whatever ended it.
Pages of the service itself have no gates before them, so that they are there when all is full.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from txbalancer.core.gates import Gate
from txbalancer.core.mounts import Mount
from txbalancer.http1.heads import RequestHead
from txbalancer.proxy.refusals import FULL, LATE, Refusal
from txbalancer.proxy.waiting import Waiting

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.site import Site


class Gated:
    """
    Stands before a mount's balancer.
    """

    __slots__ = ("_gate", "_name", "_target", "high")

    def __init__(self, target: Any, gate: Gate | None, name: str, high: bool) -> None:
        """
        @param gate: the balancer's, if it has one; C{name}: the balancer's.
        @param high: whether requests of the mount go before others.
        """
        self._target, self._gate, self._name, self.high = target, gate, name, high

    def begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Take a request at the end of its head.
        """
        head.ticket = None
        crowd, gate = site.crowd, site.gate
        if crowd is not None:
            # Written out, for this is on the way of every request.
            own = crowd.gate(head.peer.client)
            if own is not None:
                if not own.take():
                    left = [own, gate, self._gate]
                    Queued(self, left, site, channel, head, mount, path).wait()
                    return
                head.ticket = own, None
        for each in (gate, self._gate):
            if each is not None:
                if not each.take():
                    left = [each] if each is self._gate else [each, self._gate]
                    Queued(self, left, site, channel, head, mount, path).wait()
                    return
                head.ticket = each, head.ticket
        self._target.begin(site, channel, head, mount, path)

    def balancer_of(self, gate: Gate) -> str:
        """
        Return the balancer's name if a gate is its own, else nothing.
        """
        return self._name if gate is self._gate else ""

    def admit(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Go on with a request that has been let in everywhere.
        """
        self._target.begin(site, channel, head, mount, path)


def give_back(head: Any) -> None:
    """
    Give back all places that a request has, which has some.
    """
    ticket, head.ticket = head.ticket, None
    while ticket is not None:
        gate, ticket = ticket
        gate.leave()


class Queued(Waiting):
    """
    A request before a gate.
    """

    __slots__ = ("_gated", "_gates", "_path", "_since")

    def __init__(
        self,
        gated: Gated,
        gates: Iterable[Gate | None],
        site: Site,
        channel: ClientChannel,
        head: RequestHead,
        mount: Mount,
        path: bytes,
    ) -> None:
        """
        @param gates: those that it has still to go through, the one before it first.
        """
        super().__init__(site, channel, head, mount, 0.0)
        self._gated, self._path = gated, path
        self._gates = [each for each in gates if each is not None]
        self._since = self.started

    def wait(self) -> None:
        """
        Wait before the next gate, if there is room to wait.
        """
        gate = self._gates[0]
        if gate.wait(self, self._gated.high):
            self.deadline = self.runtime.now() + gate.spec.timeout
        else:
            self._refuse(gate, FULL)

    def admitted(self, gate: Gate) -> None:
        """
        Go in, and on to the next gate.
        """
        while True:
            self.head.ticket = gate, self.head.ticket
            self._gates = self._gates[1:]
            if not self._gates:
                self._hand_over(self._admit)
                return
            gate = self._gates[0]
            if not gate.take():
                self.wait()
                return

    def _admit(self) -> None:
        self._gated.admit(self._site, self.channel, self.head, self._mount, self._path)
        other = self._other()
        if other is not None:
            other.queued(self.runtime.now() - self._since)

    def _refuse(self, gate: Gate, reason: str) -> None:
        waited = self.runtime.now() - self._since
        refusal = Refusal(503, reason, 1.0, self._gated.balancer_of(gate), waited)
        self._hand_over(lambda: self._site.turn_away(self.channel, self.head, self._mount, refusal))

    def _leave(self) -> None:
        super()._leave()
        if self._gates:
            self._gates[0].line.discard(self)

    def expired(self, now: float) -> None:
        """
        Give up: no place came free in time.
        """
        gate = self._gates[0]
        gate.refuse()
        self._refuse(gate, LATE)
