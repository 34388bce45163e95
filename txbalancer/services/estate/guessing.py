"""
Who has guessed passwords wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txbalancer.core.state import of_type, seconds
from txbalancer.services.guards import Guards


class Guessing:
    """
    The wrong guesses of all files of passwords. Of several processes that counted by themselves,
    a client has what it had in the one in which that was most.
    """

    name, version = "passwords", 1

    def __init__(self, guards: Guards, now: Callable[[], float]) -> None:
        self._guards, self._now = guards, now

    def tell(self) -> dict[str, Any]:
        """
        Return them by the path of the file.
        """
        now = self._now()
        return {
            path: [[client, ahead, guess.hex()] for client, ahead, guess in each.guesses.owing(now)]
            for path, each in self._guards.files.items()
        }

    def join(self, own: Any, others: Iterable[Any]) -> Any:
        """
        Add what other processes of the service have told.
        """
        found: dict[str, dict[str, Any]] = {}
        for told in (own, *others):
            for path, rows in told.items():
                worst = found.setdefault(path, {})
                for row in rows:
                    if row[1] > worst.get(row[0], (row[0], 0.0))[1]:
                        worst[row[0]] = row
        return {path: list(worst.values()) for path, worst in found.items()}

    def take(self, data: Any) -> Iterable[str]:
        """
        Have them wait for as long as they had to.
        """
        now, files = self._now(), self._guards.files
        found = {
            path: [
                (of_type(str, client), seconds(ahead) or 0.0, bytes.fromhex(guess))
                for client, ahead, guess in rows
            ]
            for path, rows in data.items()
        }
        for path, rows in found.items():
            if path in files:
                files[path].guesses.owe(rows, now)
        return ()
