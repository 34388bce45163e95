"""
How sources of members do, for people and programs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from txbalancer.core.values import counted, span


class SourceView(NamedTuple):
    """
    A source as it is now.

    @ivar balancer: whose members it knows; C{place}: where it is.
    @ivar members: how many of them are there because of it.
    @ivar fault: what is wrong with it, in one line; empty while it answers.
    @ivar since: when that began; C{last}: when it last answered; both since the epoch, C{None}
        for never.
    @ivar note: what else people should know, such as that it has too many members.
    @ivar looks: how often it was asked; C{failures}: how often in vain.
    """

    balancer: str
    place: str
    members: int
    fault: str
    since: float | None
    last: float | None
    note: str
    looks: int
    failures: int

    def as_json(self) -> dict[str, Any]:
        """
        Return it in the form of the API.
        """
        return {
            "source": self.place,
            "members": self.members,
            "fine": not self.fault,
            "fault": self.fault,
            "failing_since": self.since,
            "last": self.last,
            "note": self.note,
            "looks": self.looks,
            "failures": self.failures,
        }

    def words(self, wall: float) -> str:
        """
        Say how it does.

        @param wall: now, in seconds since the epoch.
        """
        return in_words(self.as_json(), wall)


def in_words(found: dict[str, Any], wall: float) -> str:
    """
    Say how a source does.

    @param found: in the form of the API.
    @param wall: now, in seconds since the epoch.
    """
    last = found["last"]
    answered = "never answered yet" if last is None else f"answered {span(wall - last)} ago"
    there = counted(found["members"], "member")
    if found["fine"]:
        text = f"{there}, {answered}"
    else:
        failing = span(wall - found["failing_since"])
        stay = "" if not found["members"] else f"; {there} of before stay"
        text = f"fails for {failing}: {found['fault']} ({answered}{stay})"
    note = f"; {found['note']}" if found["note"] else ""
    return f"{found['source']}: {text}{note}"
