"""
What the page shows of worker processes.
"""

from __future__ import annotations

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.words import short_size, span


def worker_rows(board: Board) -> list[dict[str, str]]:
    """
    Return heading -> text for each worker; nothing where one process does everything.
    """
    now = board.wall()
    return [
        {
            "Worker": str(each.number),
            "Process": str(each.pid),
            "Up": span(now - each.started),
            "CPU": span(each.user + each.system),
            "Memory": short_size(each.memory).strip(),
            "Connections": str(each.connections),
            "Busy": str(each.busy),
            "Requests": str(each.requests),
        }
        for each in board.facts.workers()
    ]
