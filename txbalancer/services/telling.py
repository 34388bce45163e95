"""
What is told of changes at run time, and to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import Logger

from txbalancer.control.journal import Journal
from txbalancer.core.commands import Change, subject
from txbalancer.core.events import Event

OnChange = Callable[[Change], object]


class Telling:
    """
    Tells the log, the journal and whoever listens.

    @ivar on_change: each is called with every change that was made.
    """

    log = Logger()

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.on_change: list[OnChange] = []

    def told(
        self, change: Change, who: str, what: str = "", more: Mapping[str, Any] | None = None
    ) -> Event:
        """
        Tell everybody about a change.

        @param who: who made it; empty for the service itself.
        @param what: what kind of change it was, as a beginning of its text.
        @param more: further details for programs.
        """
        command, about = change.command, subject(change.command)
        changes = ", ".join(
            f"{key} {_shown(change.before[key])} -> {_shown(change.after[key])}"
            for key in change.before
        )
        self.log.info(
            "{who} changed {balancer}{member}: {what}{changes}",
            who=who or "the service",
            balancer=command.balancer,
            member=f" {about}" if about else "",
            what=what,
            changes=changes,
            before=change.before,
            after=change.after,
            audit=True,
        )
        event = self._journal.note(
            "change",
            what + changes,
            balancer=command.balancer,
            member=about,
            who=who,
            details={"before": change.before, "after": change.after, **(more or {})},
        )
        self.pass_on(change, who)
        return event

    def pass_on(self, change: Change, who: str) -> None:
        """
        Tell only those who listen, and what the change brought about that nobody wants.
        """
        for each in self.on_change:
            each(change)
        if change.warning:
            name = change.command.balancer
            self.log.warn("{warning}", warning=change.warning)
            self._journal.note("warning", change.warning, balancer=name, who=who)


def _shown(text: str | None) -> str:
    return "(none)" if text is None else text or "(empty)"
