"""
What was changed lately and how to take it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from txbalancer.core.commands import Command, SetMember
from txbalancer.core.events import Event

KEPT = 100
"""Changes that can be undone."""


class Done(NamedTuple):
    """
    A change that can be undone.

    @ivar event: as it stands in the journal.
    @ivar undo: what takes it back.
    """

    event: Event
    undo: Command


class Past:
    """
    The last changes, to be undone from the last one on.

    @ivar changes: those that were not undone, the oldest first.
    """

    def __init__(self) -> None:
        self.changes: deque[Done] = deque(maxlen=KEPT)

    def add(self, event: Event, undo: Command) -> None:
        """
        Note a change.
        """
        self.changes.append(Done(event, undo))

    def last(self, balancer: str = "") -> Done:
        """
        Return the last change of a balancer, or of all.

        @raise ValueError: when there is none.
        """
        for each in list(self.changes)[::-1]:
            if balancer in ("", each.event.balancer):
                return each
        where = f" of {balancer}" if balancer else ""
        raise ValueError(
            f"nothing{where} is left to undo: no change since the start or the last reload\n"
            "(what is not as configured comes back by `txbalancer member revert`, `balancer\n"
            'revert`, or "Back to the configuration" on the page)'
        )

    def forget(self, done: Done) -> None:
        """
        Note that a change was undone.
        """
        self.changes.remove(done)

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """
        Forget the changes of all balancers but those that C{wanted} holds for.
        """
        self._sift(lambda each: wanted(each.event.balancer))

    def expired(self, balancer: str, member: str) -> None:
        """
        Forget that somebody set a factor for some time, which is over by itself.
        """
        self._sift(
            lambda each: (
                each.event.balancer != balancer
                or each.event.member != member
                or not _was_for_some_time(each)
            )
        )

    def gone(self, balancer: str, member: str) -> None:
        """
        Forget what was changed about a member that is not there any more, nobody having
        removed it.
        """
        self._sift(lambda each: (each.event.balancer, each.event.member) != (balancer, member))

    def _sift(self, wanted: Callable[[Done], bool]) -> None:
        self.changes = deque(filter(wanted, self.changes), maxlen=KEPT)


def _was_for_some_time(done: Done) -> bool:
    """
    Tell whether a change was of a factor for some time, and of nothing else.
    """
    command, after = done.undo, done.event.details["after"]
    if not isinstance(command, SetMember) or command != SetMember(
        command.balancer,
        command.member,
        loadfactor=command.loadfactor,
        temporary=command.temporary,
    ):
        return False
    # Where one such factor followed another with the same time, only the factor is told.
    return bool(after.get("lasting", command.temporary))
