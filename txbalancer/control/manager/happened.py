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
