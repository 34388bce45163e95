"""
What the page shows of limits.
"""

from __future__ import annotations

from txbalancer.control.limitviews import LimitView
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.words import short_size

HEADINGS = ("Of", "Option", "Used", "Most", "Waiting", "Refused")


def limit_rows(board: Board) -> list[list[str]]:
    """
    Return the texts of each limit that is set, in the order of L{HEADINGS}.
    """
    return [_row(each) for each in board.facts.limits()]


def _row(limit: LimitView) -> list[str]:
    amounts = [str(limit.used), str(limit.most)]
    option = limit.option
    if option == "memory-limit":
        amounts = [short_size(each).strip() for each in (limit.used, limit.most)]
    elif option == "rate":
        option, amounts = f"rate {limit.rate}", [str(limit.spent), str(limit.burst)]
    refused = f"{limit.refused} (dry run)" if limit.dry_run else str(limit.refused)
    return [limit.of, option, *amounts, str(limit.waiting), refused]
