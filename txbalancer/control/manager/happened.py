"""
The last events, as the page lists them.
"""

from __future__ import annotations

from typing import Any

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import clock
from txbalancer.core.events import Event

SHOWN = 20
"""Events on the page."""


class RecentEvents:
    """
    The last events for somebody who looks again and again, and finds the same mostly.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._of: tuple[Event | None, tuple[str, ...]] | None = None
        self._found: list[dict[str, Any]] = []

    def look(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """
        Return what L{recent_events} does.
        """
        events = self._board.journal.events
        of = (events[-1] if events else None, names)
        if of != self._of:
            self._of, self._found = of, recent_events(self._board, names)
        return self._found


def recent_events(board: Board, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """
    Return the last events of these balancers and of the service, the newest first.
    """
    found: list[dict[str, Any]] = []
    for event in reversed(board.journal.events):
        if not event.balancer or event.balancer in names:
            found.append(_row(event))
            if len(found) == SHOWN:
                break
    return found


def _row(event: Event) -> dict[str, Any]:
    return {
        "number": event.number,
        "time": clock(event.time),
        "kind": event.kind,
        "who": f"by {event.who}" if event.who else "",
        "about": f"{event.balancer} {event.member}".strip() or "the service",
        "text": event.text,
    }
