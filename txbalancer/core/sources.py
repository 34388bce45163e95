"""
Which member a client's address was last with, for as long as that counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

_PARTS = 8
"""Others are told of an address that stays where it is once in this part of its time."""


class Binding(NamedTuple):
    """
    That an address belongs to a member.

    @ivar told: when that was last told to others, or by them; where two say it differently, the
        later one counts.
    """

    client: str
    member: str
    told: float


class Sources:
    """
    A table with an end: addresses that were not seen for too long go, and the longest unseen
    one goes where there are too many.

    @ivar lasting: seconds for which an address counts after it was last seen.
    @ivar most: addresses that are kept.
    @ivar tell: called with what others who have the same clients should know; C{None} where
        there are none.
    """

    __slots__ = ("_seen", "lasting", "most", "tell")

    def __init__(
        self, lasting: float, most: int, tell: Callable[[Binding], object] | None = None
    ) -> None:
        self.lasting, self.most, self.tell = lasting, most, tell
        # Member, when last seen and when told by client, the longest unseen one first.
        self._seen: dict[str, tuple[str, float, float]] = {}

    def find(self, client: str, now: float) -> str | None:
        """
        Return the name of a client's member, C{None} when there is none or no longer.
        """
        found = self._seen.get(client)
        if found is None or found[1] + self.lasting <= now:
            return None
        return found[0]

    def note(self, client: str, member: str, now: float) -> None:
        """
        Note that a client is with a member. A client without an address, as of a unix socket,
        is nobody in particular.
        """
        if not client:
            return
        before = self._seen.pop(client, None)
        told = now
        if self.tell is not None:
            if before is None or before[0] != member or now - before[2] > self.lasting / _PARTS:
                self.tell(Binding(client, member, now))
            else:
                told = before[2]
        self._keep(client, (member, now, told))

    def learn(self, binding: Binding) -> bool:
        """
        Note what others have found.

        @return: whether it counts; not if something later is known.
        """
        client, member, told = binding
        before = self._seen.get(client)
        seen = told
        if before is not None:
            if (before[2], before[0]) > (told, member):
                return False
            seen = max(seen, before[1])
            del self._seen[client]
        self._keep(client, (member, seen, told))
        return True

    def all(self) -> list[Binding]:
        """
        Return what is known, for others.
        """
        return [Binding(client, each[0], each[2]) for client, each in self._seen.items()]

    def _keep(self, client: str, found: tuple[str, float, float]) -> None:
        seen = self._seen
        seen[client] = found
        if len(seen) > self.most:
            del seen[next(iter(seen))]

    def count(self, now: float) -> int:
        """
        Return how many addresses count now; those that do not are forgotten.
        """
        seen = self._seen
        gone = []
        for client, (_, since, _) in seen.items():
            if since + self.lasting > now:
                break
            gone.append(client)
        for client in gone:
            del seen[client]
        while len(seen) > self.most:
            del seen[next(iter(seen))]
        return len(seen)
