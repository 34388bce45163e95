"""
The series of one thing, written anew only where they say something else than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from txbalancer.control.metrics.families import Group
from txbalancer.control.metrics.text import label, samples
from txbalancer.core.meters import Histogram


class Series:
    """
    What every family of a group says of one thing.
    """

    __slots__ = ("_families", "_labels", "_readings", "_texts")

    def __init__(self, group: Group, values: tuple[str, ...]) -> None:
        """
        @param values: of the group's labels.
        """
        self._families = group.families
        self._labels = ",".join(map(label, group.labels, values))
        self._readings: list[Any] = [_NOTHING] * len(group.families)
        self._texts = [""] * len(group.families)

    def read(self, view: Any) -> Sequence[str]:
        """
        Return the samples of each family.

        @param view: of the thing, for the families.
        """
        readings, texts = self._readings, self._texts
        for place, family in enumerate(self._families):
            reading = family.read(view)
            if type(reading) is Histogram:
                known: Any = (reading.seconds, reading.total)
            else:
                known = reading
            if known != readings[place]:
                # What was read may be of the thing itself, which goes on to change it.
                readings[place] = dict(known) if isinstance(known, Mapping) else known
                texts[place] = "".join(samples(family, self._labels, reading))
        return texts


_NOTHING = object()
