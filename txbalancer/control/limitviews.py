"""
What is shown of a limit.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class LimitView(NamedTuple):
    """
    @ivar of: what it limits: C{service}, C{listener web}, C{balancer shop}, C{limit api}.
    @ivar option: by which it is set, such as C{max-requests}.
    @ivar used: how much of it is used: of limits per client, by the one that uses most; of rate
        limits, the keys that are remembered.
    @ivar most: how much may be.
    @ivar waiting: how many wait for room.
    @ivar passed: how many a rate limit let through; C{refused}: how many it, or any other limit,
        did not.
    @ivar dry_run: whether it only counts.
    """

    of: str
    option: str
    used: int
    most: int
    waiting: int = 0
    passed: int = 0
    refused: int = 0
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """
        Return it in the form of the API.
        """
        return self._asdict()
