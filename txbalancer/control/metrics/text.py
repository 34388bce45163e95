"""
The text formats of Prometheus and OpenMetrics.

prometheus-client writes them, too, twenty times slower: that would be half a second of the
reactor's time for a thousand members. It reads what this writes in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any

from txbalancer.control.metrics.families import COUNTER, HISTOGRAM, SUMMARY, Family
from txbalancer.core.meters import BOUNDS, COARSE, Histogram

_EDGES = tuple((index, f'le="{round(BOUNDS[index], 9)}"}} ') for index in COARSE)


@lru_cache(maxsize=1024)
def label(name: str, value: str) -> str:
    r"""
    Write a label, with C{\}, C{"} and ends of lines escaped.
    """
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'


def header(family: Family, openmetrics: bool) -> str:
    """
    Write what stands before the samples of a family.
    """
    name = family.name
    if family.kind == COUNTER and not openmetrics:
        name += "_total"
    lines = [f"# HELP {name} {family.help}.", f"# TYPE {name} {family.kind}"]
    if openmetrics and family.unit:
        lines.insert(1, f"# UNIT {name} {family.unit}")
    return "\n".join(lines) + "\n"


def samples(family: Family, labels: str, reading: Any) -> Iterable[str]:
    """
    Write the samples of one thing.

    @param labels: those that say which one it is, as L{label} writes them, with commas.
    @param reading: what C{family.read} returned.
    """
    if family.kind == HISTOGRAM:
        return _histogram(family.name, labels, reading)
    if family.kind == SUMMARY:
        total, count = reading
        braced = f"{{{labels}}}" if labels else ""
        return (
            f"{family.name}_sum{braced} {total}\n",
            f"{family.name}_count{braced} {count}\n",
        )
    name = f"{family.name}_total" if family.kind == COUNTER else family.name
    if family.by:
        start = f"{name}{{{labels}," if labels else f"{name}{{"
        return [
            f"{start}{label(family.by, value)}}} {number}\n" for value, number in reading.items()
        ]
    return (f"{name}{{{labels}}} {reading}\n" if labels else f"{name} {reading}\n",)


def _histogram(name: str, labels: str, histogram: Histogram) -> Iterable[str]:
    so_far = list(accumulate(histogram.counts))
    braced, start = f"{{{labels}}}", f"{name}_bucket{{{labels},"
    lines = [f"{start}{edge}{so_far[index]}\n" for index, edge in _EDGES]
    total = so_far[-1]
    lines.append(f'{start}le="+Inf"}} {total}\n')
    lines.append(f"{name}_count{braced} {total}\n")
    lines.append(f"{name}_sum{braced} {histogram.seconds}\n")
    return lines
