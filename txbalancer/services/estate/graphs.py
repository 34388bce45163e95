"""
The graphs of the last quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from txbalancer.control.telemetry import Telemetry
from txbalancer.core.history import History
from txbalancer.core.values import counted

MOST = 1000
"""Members of whom they are told: about 5 KB each."""


class Graphs:
    """
    What members with any traffic did, step by step; those with most of it, if there are many.
    """

    name, version = "graphs", 1

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def tell(self) -> dict[str, Any]:
        """
        Return the histories.
        """
        known = self._telemetry.histories
        busy = [place for place, history in known.items() if any(history.requests)]
        busy.sort(key=lambda place: sum(known[place].requests), reverse=True)
        rows = [[*place, known[place].as_json()] for place in busy[:MOST]]
        return {"members": rows, "left_out": max(0, len(busy) - MOST)}

    def take(self, data: Any) -> Iterator[str]:
        """
        Go on with them.
        """
        left_out = int(data["left_out"])
        found = {(str(row[0]), str(row[1])): History.of_json(row[2]) for row in data["members"]}
        self._telemetry.histories.update(found)
        if left_out:
            yield f"those of {counted(left_out, 'member')} with less traffic begin anew"
