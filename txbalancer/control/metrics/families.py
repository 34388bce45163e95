"""
What a family of metrics is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from txbalancer.core.counters import Counters

COUNTER, GAUGE, HISTOGRAM, SUMMARY = "counter", "gauge", "histogram", "summary"

UNITS = ("seconds", "bytes")


@dataclass(frozen=True, slots=True)
class Family:
    """
    @ivar name: with its unit at the end, but without C{_total}.
    @ivar kind: L{COUNTER}, L{GAUGE}, L{HISTOGRAM} or L{SUMMARY}.
    @ivar help: one line for people, without a full stop.
    @ivar read: given what it is of, returns a number; with C{by} numbers by the value of that
        label; for a histogram or summary what its kind says.
    @ivar by: a label of its own, beside those of what it is of.
    """

    name: str
    kind: str
    help: str
    read: Callable[[Any], Any]
    by: str = ""

    @property
    def unit(self) -> str:
        """
        What it is measured in; empty for plain numbers.
        """
        unit = self.name.rpartition("_")[2]
        return unit if unit in UNITS else ""


@dataclass(frozen=True, slots=True)
class Group:
    """
    Families of one sort of things.

    @ivar what: the sort, for people.
    @ivar labels: which one it is.
    """

    what: str
    labels: tuple[str, ...]
    families: tuple[Family, ...]


CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
"""Values of the label C{code}: classes of statuses; C{none} where no answer was sent."""


def by_class(counters: Counters) -> dict[str, int]:
    """
    Return how many exchanges there were of each class.
    """
    return dict(zip(CLASSES, counters.classes, strict=False))
