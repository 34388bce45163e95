"""
The last events, and who wants to hear of new ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from twisted.logger import Logger

from txbalancer.core.events import KINDS, Event

KEPT = 1000
"""Events that can be looked at afterwards."""

Listener = Callable[[Event], object]


class Journal:
    """
    Takes notes of what happens.

    @ivar events: the last L{KEPT}, the oldest first.
    @ivar counts: how many there were of each kind.
    """

    log = Logger()

    def __init__(self, wall: Callable[[], float]) -> None:
        """
        @param wall: returns seconds since the epoch.
        """
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.counts = dict.fromkeys(KINDS, 0)
        self._wall = wall
        self._number = 0
        self._listeners: list[Listener] = []
        self._kept: list[Callable[[], object]] | None = None

    def note(
        self,
        kind: str,
        text: str,
        *,
        balancer: str = "",
        member: str = "",
        who: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> Event:
        """
        Note an event now; see L{Event} for the meaning of everything.
        """
        self._number += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1
        event = Event(self._number, self._wall(), kind, balancer, member, text, who, details or {})
        self.events.append(event)
        for each in list(self._listeners):
            try:
                each(event)
            except Exception:
                # One listener's fault is not the others', nor that of what happened.
                self.log.failure("an event was not passed on")
        return event

    def follow(self, kind: str, text: str, **more: Any) -> None:
        """
        Note an event, as L{note} does, after that which causes it: see L{consequences}.
        """
        note = partial(self.note, kind, text, **more)
        if self._kept is None:
            note()
        else:
            self._kept.append(note)

    @contextmanager
    def consequences(self) -> Iterator[None]:
        """
        Keep what L{follow}s back until the end: meanwhile its cause is brought about, and noted.
        """
        if self._kept is not None:
            yield
            return
        kept: list[Callable[[], object]] = []
        self._kept = kept
        try:
            yield
        finally:
            self._kept = None
            for each in kept:
                each()

    def resume(self, last: int, counts: Mapping[str, int], events: Iterable[Event]) -> None:
        """
        Go on after the events of a former process; those of this one come after them.

        @param last: the number of the last of them; C{counts}: as of C{counts} here.
        """
        own, self._number = list(self.events), last + len(self.events)
        self.events.clear()
        self.events.extend(events)
        self.events.extend(
            each._replace(number=last + place) for place, each in enumerate(own, start=1)
        )
        for kind, count in counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count

    def since(self, number: int) -> list[Event]:
        """
        Return the kept events after that number, the oldest first.
        """
        return [each for each in self.events if each.number > number]

    @property
    def last(self) -> int:
        """
        The number of the last event; 0 before the first.
        """
        return self._number

    def listen(self, listener: Listener) -> Callable[[], None]:
        """
        Have C{listener} called with every event from now on.

        @return: ends it; may be called more than once.
        """
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end
