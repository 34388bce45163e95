"""
What is shown of a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    @ivar rate: how often each key of a rate limit may come, such as C{10/s}; empty for others.
    @ivar burst: how often at once; C{spent}: how much of that is used by the key that came most.
    """

    of: str
    option: str
    used: int
    most: int
    waiting: int = 0
    passed: int = 0
    refused: int = 0
    dry_run: bool = False
    rate: str = ""
    burst: int = 0
    spent: int = 0

    def as_json(self) -> dict[str, Any]:
        """
        Return it in the form of the API.
        """
        return self._asdict()


_DIVIDED = "memory-limit"
"""What each process has a part of."""

_SEEN_BY_ALL = frozenset(
    ("connections-per-client", "requests-per-client", "sessions-per-client", "rate")
)
"""What each process tells for all of them, as far as it sees it: who sees most is right."""


def together(views: Sequence[LimitView]) -> LimitView:
    """
    Return the same limit in several processes as one.

    @param views: at least one.
    """
    first = views[0]
    used = [each.used for each in views]
    most = [each.most for each in views]
    return first._replace(
        used=max(used) if first.option in _SEEN_BY_ALL else sum(used),
        most=sum(most) if first.option == _DIVIDED else max(most),
        waiting=sum(each.waiting for each in views),
        passed=sum(each.passed for each in views),
        refused=sum(each.refused for each in views),
        spent=max(each.spent for each in views),
    )
