"""
Gates that count those inside, and those who wait, of all workers.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import nlargest
from math import inf
from operator import attrgetter
from typing import Protocol

from txbalancer.core import lines
from txbalancer.core.gates import Crowd, Gate, GateSpec, Visitor, Wake
from txbalancer.workers.guests import Guest, Guests
from txbalancer.workers.shares import Line

_TURNS = 2
"""Looks that are left to others after a place was left, where there are fewer than workers."""

_FULLEST = 10
"""Clients with most here of whom it is told what they have in all workers."""


class Share(Protocol):
    """
    A worker's part of what a gate counts.
    """

    def take(self, most: int) -> bool: ...

    def give(self) -> None: ...

    def may_wait(self, most: int, high: bool) -> bool: ...

    def waits(self, number: int, high: int = 0) -> None: ...

    def is_scarce(self, most: int) -> bool: ...


Look = Callable[["SharedGate"], object]
"""Has L{SharedGate.look} called soon, until L{SharedGate.pending} is over."""


class SharedGate(Gate):
    """
    One worker's side of a gate.

    Others do not say when they leave room, so that it has to be looked for while somebody waits.
    """

    __slots__ = ("_look", "_most", "_rests", "_share")

    def __init__(self, spec: GateSpec, wake: Wake, share: Share, look: Look) -> None:
        super().__init__(spec, wake)
        self._share, self._look = share, look
        self._rests = 0
        self._most = _whole(spec)
        self.line = Line(share, lines.Line[Visitor]())

    def configure(self, spec: GateSpec) -> None:
        """
        Take another limit; those inside stay, and those who wait.
        """
        self._most = _whole(spec)
        super().configure(spec)

    def take(self) -> bool:
        """
        Go in, if there is a place that nobody waits for here.
        """
        if self.line.size or self._rests or not self._share.take(self._most):
            return False
        self.busy += 1
        return True

    def wait(self, visitor: Visitor, high: bool) -> bool:
        """
        Wait for a place, if there is room to wait.
        """
        if not self._share.may_wait(self.spec.queue, high):
            self.refuse()
            return False
        self.line.add(visitor, high)
        self._look(self)
        return True

    def leave(self) -> None:
        """
        Give a place back.
        """
        self.busy -= 1
        self._share.give()
        if self._share.is_scarce(self._most):
            # Whoever is here all the time would have it again before others look.
            self._rests = _TURNS
            self._look(self)
        else:
            self._rouse()

    @property
    def pending(self) -> bool:
        """
        Whether it has to be looked for room.
        """
        return bool(self.line.size or self._rests)

    def look(self) -> None:
        """
        Let in who waits, if others have left room.
        """
        if self._rests:
            self._rests -= 1
        self._serve()

    def _serve(self) -> None:
        self._woken = False
        while self.line.size and not self._rests and self._share.take(self._most):
            self.busy += 1
            self.line.take().admitted(self)


def _whole(spec: GateSpec) -> int:
    # An open gate still counts, for others have not opened theirs yet, or close it again.
    return 0 if spec.most == inf else int(spec.most)


class SharedClientGate(SharedGate):
    """
    The same of one client.

    @ivar guest: what counts it.
    """

    __slots__ = ("_crowd", "guest")

    def __init__(self, crowd: SharedCrowd, wake: Wake, guest: Guest, look: Look) -> None:
        super().__init__(crowd.spec, wake, guest, look)
        self._crowd, self.guest = crowd, guest

    def refuse(self) -> None:
        """
        Count one that had to go, of all clients.
        """
        self._crowd.refused += 1


class SharedCrowd(Crowd):
    """
    A gate for each client, with what it has in all workers.
    """

    def __init__(self, spec: GateSpec, wake: Wake, guests: Guests, look: Look) -> None:
        self._guests, self._look = guests, look
        super().__init__(spec, wake)

    def _make(self, key: str) -> Gate:
        guest = self._guests.guest(self.spec.name, key)
        return SharedClientGate(self, self._wake, guest, self._look)

    def busiest(self) -> int:
        """
        Return how many the client has inside that has most, in all workers; whoever has is among
        those with most in one of them.
        """
        fullest = nlargest(_FULLEST, self.gates.values(), key=attrgetter("busy"))
        totals = [each.guest.total() for each in fullest if isinstance(each, SharedClientGate)]
        return max(totals, default=0)
