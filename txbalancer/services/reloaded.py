"""
What is told of a reload.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from txbalancer.control.journal import Journal
from txbalancer.errors import BalancerError

_FEW = 3

log = Logger()


def tell_fault(journal: Journal, error: BalancerError, who: str) -> None:
    """
    Note that a configuration cannot be used.
    """
    first, *others = str(error).splitlines() or [type(error).__name__]
    more = f" (and {len(others)} more)" if others else ""
    journal.note(
        "warning",
        f"not read again, the former configuration stays: {first}{more}",
        who=who,
        details={"errors": [first, *others]},
    )


def tell_reload(journal: Journal, lines: Sequence[str], who: str) -> None:
    """
    Note that another configuration is in force, or the same.

    @param lines: what changed.
    @param who: who asked for it; empty for a signal.
    """
    more = f" and {len(lines) - _FEW} more" if len(lines) > _FEW else ""
    told = ("; ".join(lines[:_FEW]) or "nothing is other") + more
    text = f"configuration read again: {told}"
    journal.note("reload", text, who=who, details={"changes": list(lines)})
    if who:
        log.info(
            "{who} had the configuration read again: {changes}",
            who=who,
            changes="; ".join(lines) or "nothing is other",
            audit=True,
        )
