"""
Gates: so many may be inside at once, others wait before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from txbalancer.core.lines import Line
from txbalancer.core.networks import household

MAX_REQUESTS = "max-requests"


def limit_name(of: str, option: str = MAX_REQUESTS) -> str:
    """
    Return what people know a limit by.

    @param of: what it limits, such as C{listener web}.
    """
    return f"{of}: {option}"


@dataclass(frozen=True, slots=True)
class GateSpec:
    """
    @ivar name: as L{limit_name} gives it.
    @ivar most: how many may be inside.
    @ivar queue: how many of each rank may wait; C{timeout}: for how many seconds.
    """

    name: str
    most: float
    queue: int
    timeout: float


class Visitor(Protocol):
    """
    Somebody who waits.
    """

    def admitted(self, gate: Gate) -> None:
        """
        Take the place inside that it has from now on.
        """


_FEW = 1000
"""Gates of clients that may be kept, whether or not the clients are there."""

Wake = Callable[[Callable[[], None]], Any]
"""Has something done soon, but not at once."""


class Gate:
    """
    One limit: the only place where those inside are counted.

    @ivar busy: how many are inside.
    @ivar line: who waits.
    @ivar refused: how many had to go.
    """

    __slots__ = ("_wake", "_woken", "busy", "line", "refused", "spec")

    def __init__(self, spec: GateSpec, wake: Wake) -> None:
        self.spec = spec
        self._wake = wake
        self._woken = False
        self.busy = self.refused = 0
        self.line: Line[Visitor] = Line()

    def configure(self, spec: GateSpec) -> None:
        """
        Take another limit; those inside stay, and those who wait.
        """
        self.spec = spec
        self._rouse()

    def take(self) -> bool:
        """
        Go in, if there is a place that nobody waits for.
        """
        if self.busy < self.spec.most and not self.line.size:
            self.busy += 1
            return True
        return False

    def wait(self, visitor: Visitor, high: bool) -> bool:
        """
        Wait for a place, if there is room to wait.
        """
        if self.line.length(high) >= self.spec.queue:
            self.refuse()
            return False
        self.line.add(visitor, high)
        return True

    def refuse(self) -> None:
        """
        Count one that had to go, for the line was full or moved too slowly.
        """
        self.refused += 1

    def leave(self) -> None:
        """
        Give a place back.
        """
        self.busy -= 1
        self._rouse()

    def _rouse(self) -> None:
        # Not at once: whoever leaves has still to clear up, and may be one of many.
        if self.line.size and not self._woken:
            self._woken = True
            self._wake(self._serve)

    def _serve(self) -> None:
        self._woken = False
        while self.line.size and self.busy < self.spec.most:
            self.busy += 1
            self.line.take().admitted(self)


class ClientGate(Gate):
    """
    The gate of one client.
    """

    __slots__ = ("_crowd",)

    def __init__(self, crowd: Crowd, wake: Wake) -> None:
        super().__init__(crowd.spec, wake)
        self._crowd = crowd

    def refuse(self) -> None:
        """
        Count one that had to go, of all clients.
        """
        self._crowd.refused += 1


class Crowd:
    """
    A gate for each client, told apart by L{household}.

    @ivar spec: of each.
    @ivar gates: of the clients that are there, and of some that were.
    @ivar refused: how many had to go, of all.
    """

    __slots__ = ("_exempt", "_most", "_wake", "gates", "refused", "spec")

    def __init__(
        self, spec: GateSpec, wake: Wake, exempt: Callable[[str], bool] | None = None
    ) -> None:
        """
        @param exempt: tells by address who has no gate; C{None} for nobody.
        """
        self._wake = wake
        self.gates: dict[str, Gate] = {}
        self._most = _FEW
        self.refused = 0
        self.configure(spec, exempt)

    def configure(self, spec: GateSpec, exempt: Callable[[str], bool] | None) -> None:
        """
        Take another limit, and another rule for whom.
        """
        self.spec, self._exempt = spec, exempt
        for gate in self.gates.values():
            gate.configure(spec)

    @property
    def waiting(self) -> int:
        """
        How many wait, of all clients.
        """
        return sum(len(each.line) for each in self.gates.values())

    def busiest(self) -> int:
        """
        Return how many the client has inside that has most.
        """
        return max((each.busy for each in self.gates.values()), default=0)

    def gate(self, client: str) -> Gate | None:
        """
        Return a client's gate; C{None} for one that has none.
        """
        if not client or (self._exempt is not None and self._exempt(client)):
            return None
        key = household(client)
        found = self.gates.get(key)
        if found is None:
            if len(self.gates) >= self._most:
                self._forget()
            found = self.gates[key] = self._make(key)
        return found

    def _make(self, key: str) -> Gate:
        return ClientGate(self, self._wake)

    def _forget(self) -> None:
        """
        Drop the gates of clients that are not there. To do so when the last one leaves would cost
        each request more than all else here.
        """
        self.gates = {key: gate for key, gate in self.gates.items() if gate.busy or gate.line.size}
        self._most = max(_FEW, 2 * len(self.gates))


def opened(spec: GateSpec) -> GateSpec:
    """
    Return the spec of a gate that stands open, for those who are still inside or before it.
    """
    return GateSpec(spec.name, inf, spec.queue, spec.timeout)


def adjusted(
    gate: Gate | None,
    spec: GateSpec,
    wake: Wake,
    make: Callable[[GateSpec, Wake], Gate] = Gate,
) -> Gate | None:
    """
    Return the gate for a limit, the one that is there if possible; C{None} for no limit.

    @param spec: with C{most} 0 for no limit.
    @param make: makes it.
    """
    if not spec.most:
        if gate is not None:
            gate.configure(opened(spec))
        return None
    if gate is None:
        return make(spec, wake)
    gate.configure(spec)
    return gate
