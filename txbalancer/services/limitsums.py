"""
The limits of several workers as one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from txbalancer.control.limitviews import LimitView, together

Key = tuple[str, str]
"""What is limited, and by which option."""

Room = tuple[int, bool]
"""How often no descriptor was left for clients; whether memory is short."""


class LimitSums:
    """
    Keeps what each worker told last, and what those had counted that are no more.
    """

    def __init__(self) -> None:
        self._limits: dict[Any, dict[Key, LimitView]] = {}
        self._rooms: dict[Any, Room] = {}
        self._left: dict[Key, LimitView] = {}
        self._full = 0

    def take(self, worker: Any, limits: Iterable[LimitView], room: Room) -> None:
        """
        Take what a worker tells, with totals since it began.
        """
        self._limits[worker] = {(each.of, each.option): each for each in limits}
        self._rooms[worker] = room

    def settle(self, worker: Any) -> None:
        """
        Forget what a worker had in use; what it had counted stays.
        """
        for key, view in self._limits.pop(worker, {}).items():
            left = view._replace(used=0, most=0, waiting=0, spent=0)
            before = self._left.get(key)
            self._left[key] = left if before is None else together((before, left))
        self._full += self._rooms.pop(worker, (0, False))[0]

    def views(self, own: Iterable[LimitView] = ()) -> list[LimitView]:
        """
        Return the sums of each limit that any worker has, in the order in which workers have them.

        @param own: those of this process, which count as well.
        """
        found: dict[Key, list[LimitView]] = {}
        for views in self._limits.values():
            for key, view in views.items():
                found.setdefault(key, []).append(view)
        for each in own:
            found.setdefault((each.of, each.option), []).insert(0, each)
        for key, left in self._left.items():
            if key in found:
                found[key].append(left)
        return [together(views) for views in found.values()]

    def room(self) -> Room:
        """
        Return how often a worker had no descriptor left, and whether memory is short in one.
        """
        rooms = self._rooms.values()
        return self._full + sum(full for full, _ in rooms), any(short for _, short in rooms)
