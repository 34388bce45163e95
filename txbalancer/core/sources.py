"""
Which member a client's address was last with, for as long as that counts.
"""

from __future__ import annotations


class Sources:
    """
    A table with an end: addresses that were not seen for too long go, and the longest unseen
    one goes where there are too many.

    @ivar lasting: seconds for which an address counts after it was last seen.
    @ivar most: addresses that are kept.
    """

    __slots__ = ("_seen", "lasting", "most")

    def __init__(self, lasting: float, most: int) -> None:
        self.lasting, self.most = lasting, most
        # The longest unseen one first.
        self._seen: dict[str, tuple[str, float]] = {}

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
        seen = self._seen
        seen.pop(client, None)
        seen[client] = member, now
        if len(seen) > self.most:
            del seen[next(iter(seen))]

    def seen(self, now: float) -> list[tuple[str, str, float]]:
        """
        Return every address with its member and how many seconds ago it was last seen, the
        longest unseen one first.
        """
        return [(client, member, now - since) for client, (member, since) in self._seen.items()]

    def count(self, now: float) -> int:
        """
        Return how many addresses count now; those that do not are forgotten.
        """
        seen = self._seen
        gone = []
        for client, (_, since) in seen.items():
            if since + self.lasting > now:
                break
            gone.append(client)
        for client in gone:
            del seen[client]
        while len(seen) > self.most:
            del seen[next(iter(seen))]
        return len(seen)
