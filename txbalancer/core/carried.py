"""
Counters on their way to another process: as values of JSON's types, and back.
"""

from __future__ import annotations

from typing import Any

from txbalancer.core.forms import count, counts
from txbalancer.core.meters import Histogram, Meter

_PLAIN = ("retries", "bytes_in", "bytes_out", "seconds", "sticky")
_BY_REASON = ("failures", "failed")
_SPANS = ("total", "first_byte", "connect", "queue")


def pack(meter: Meter) -> dict[str, Any]:
    """
    Write a meter down.
    """
    return {
        "classes": list(meter.classes),
        **{name: getattr(meter, name) for name in _PLAIN},
        **{name: dict(getattr(meter, name)) for name in _BY_REASON},
        **{name: _pack_span(getattr(meter, name)) for name in _SPANS},
    }


def unpack(data: Any) -> Meter:
    """
    Read what L{pack} wrote, or a L{difference} of two.

    @raise ValueError: when it is something else.
    """
    meter = Meter()
    try:
        meter.classes = _counts(data["classes"], len(meter.classes))
        for name in _PLAIN:
            setattr(meter, name, count(data[name]))
        for name in _BY_REASON:
            setattr(meter, name, counts(data[name]))
        for name in _SPANS:
            _unpack_span(getattr(meter, name), data[name])
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"no counters: {error!r}") from error
    return meter


def difference(new: Any, old: Any) -> Any:
    """
    Return by how much counters have grown, in the same form.

    @param new: numbers, in lists and mappings as deep as may be; C{old}: the same before.
        What that has not is 0.
    @return: what is no number is as in C{new}.
    """
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        return {key: difference(each, before.get(key)) for key, each in new.items()}
    if isinstance(new, list):
        row = old if isinstance(old, list) and len(old) == len(new) else [None] * len(new)
        return [difference(each, its) for each, its in zip(new, row, strict=True)]
    if type(new) in (int, float) and type(old) in (int, float):
        # A counter that was lost on the way must not take from what there is.
        return max(0, new - old)
    return new


def _pack_span(histogram: Histogram) -> dict[str, Any]:
    # Most classes of most are empty.
    found = {str(index): number for index, number in enumerate(histogram.counts) if number}
    return {"counts": found, "seconds": histogram.seconds}


def _unpack_span(histogram: Histogram, data: Any) -> None:
    for index, number in data["counts"].items():
        place = int(index)
        if place < 0:
            raise IndexError(place)
        histogram.counts[place] = count(number)
    histogram.seconds = count(data["seconds"])


def _counts(data: Any, length: int) -> list[int]:
    if len(data) != length:
        raise IndexError(len(data))
    return [count(each) for each in data]
