"""
Which sections may concern a rule, found without looking at all of them for each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from txbalancer.config.httpd.expand import ancestors
from txbalancer.config.httpd.locations import Location
from txbalancer.config.httpd.patterns import Pattern


class Nearby:
    """
    The sections of a server by their prefixes.
    """

    __slots__ = ("_below", "_by_prefix", "_locations", "_loose")

    def __init__(self, locations: Sequence[Location]) -> None:
        """
        @param locations: in file order.
        """
        self._locations = locations
        self._loose: list[int] = []
        self._by_prefix: dict[Pattern, list[int]] = {}
        for place, location in enumerate(locations):
            if location.pattern.kind == "prefix":
                self._by_prefix.setdefault(location.pattern, []).append(place)
            else:
                self._loose.append(place)
        # With its slash, a prefix sorts right before all that is below it.
        self._below = sorted(
            (f"{pattern.text.rstrip('/')}/", place)
            for pattern, places in self._by_prefix.items()
            for place in places
        )

    def of(self, pattern: Pattern) -> tuple[Location, ...]:
        """
        Return the sections that may have some of a pattern's paths, in file order.
        """
        if pattern.kind != "prefix":
            return tuple(self._locations)
        found = set(self._loose)
        for above in ancestors(pattern.text):
            found.update(self._by_prefix.get(above, ()))
        start = f"{pattern.text.rstrip('/')}/"
        place = bisect_left(self._below, (start,))
        while place < len(self._below) and self._below[place][0].startswith(start):
            found.add(self._below[place][1])
            place += 1
        return tuple(self._locations[place] for place in sorted(found))
