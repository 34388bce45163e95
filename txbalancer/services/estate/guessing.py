"""
Who has guessed passwords wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from txbalancer.core.state import of_type, seconds
from txbalancer.services.guards import Guards


class Guessing:
    """
    The wrong guesses of all files of passwords.
    """

    name, version = "passwords", 1

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def tell(self) -> dict[str, Any]:
        """
        Return them by the path of the file.
        """
        return {
            path: [[client, ahead, guess.hex()] for client, ahead, guess in rows]
            for path, rows in self._guards.owing().items()
        }

    def take(self, data: Any) -> Iterable[str]:
        """
        Have them wait for as long as they had to.
        """
        self._guards.owe(
            {
                path: [
                    (of_type(str, client), seconds(ahead) or 0.0, bytes.fromhex(guess))
                    for client, ahead, guess in rows
                ]
                for path, rows in data.items()
            }
        )
        return ()
