"""
A bound on how often something is logged, for what can happen with every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from txbalancer.core.networks import household


class Throttle:
    """
    Lets one message a period through, and counts the others.
    """

    __slots__ = ("_next", "_period", "_withheld")

    def __init__(self, period: float = 1.0) -> None:
        """
        @param period: seconds between two messages.
        """
        self._period = period
        self._next = 0.0
        self._withheld = 0

    def permit(self, now: float) -> str | None:
        """
        Tell whether to log now.

        @param now: monotonic seconds.
        @return: C{None} for no, else what to say of those withheld since the last message.
        """
        if now < self._next:
            self._withheld += 1
            return None
        self._next = now + self._period
        withheld, self._withheld = self._withheld, 0
        return f" (and {withheld} more like it)" if withheld else ""


Owing = tuple[str, float, bytes]
"""A client, for how many seconds it has wrong guesses against it, and the last one."""


class Guesses:
    """
    How many secrets each client has guessed wrong lately.

    A client may be wrong C{most} times at once, and then once each C{period}.

    Clients are told apart by L{household}.

    @ivar on_wrong: called with the client and the guess for each that L{wrong} has counted.
    """

    __slots__ = ("_due", "_last", "_most", "_period", "on_wrong")

    def __init__(self, most: int = 10, period: float = 6.0) -> None:
        """
        @param period: seconds.
        """
        self._most, self._period = most, period
        # When a client will have no wrong guess left against it; the oldest entry first.
        self._due: dict[str, float] = {}
        self._last: dict[str, bytes] = {}
        self.on_wrong: Callable[[str, bytes], object] = lambda client, guess: None

    def wait(self, client: str, now: float) -> float:
        """
        Return for how many seconds a client may not guess; 0 when it may.

        @param now: monotonic seconds.
        """
        ahead = self._due.get(household(client), now) - now
        return max(0.0, ahead - (self._most - 1) * self._period)

    def wrong(self, client: str, guess: bytes, now: float) -> None:
        """
        Count a wrong guess; the same one again is no other.

        @param guess: something that tells guesses apart, such as a digest.
        """
        if self.learn(client, guess, now):
            self.on_wrong(client, guess)

    def learn(self, client: str, guess: bytes, now: float) -> bool:
        """
        Count a wrong guess that another process has seen.

        @return: whether it is another one.
        """
        key = household(client)
        if self._last.get(key) == guess:
            return False
        due = max(now, self._due.pop(key, now)) + self._period
        if len(self._due) >= _CLIENTS:
            oldest = next(iter(self._due))
            del self._due[oldest], self._last[oldest]
        self._due[key], self._last[key] = due, guess
        return True

    def owing(self, now: float) -> list[Owing]:
        """
        Return who has wrong guesses against it, for how many seconds, and the last one.
        """
        known = [(client, due - now) for client, due in self._due.items() if due > now]
        return [(client, ahead, self._last[client]) for client, ahead in known]

    def owe(self, rows: Iterable[Owing], now: float) -> None:
        """
        Let clients have as much against them as L{owing} has told, at least.
        """
        for client, ahead, guess in sorted(rows, key=lambda row: row[1])[-_CLIENTS:]:
            self._due[client] = max(self._due.pop(client, 0.0), now + ahead)
            self._last[client] = guess
        while len(self._due) > _CLIENTS:
            oldest = next(iter(self._due))
            del self._due[oldest], self._last[oldest]


_CLIENTS = 4096
"""Clients that are remembered."""
