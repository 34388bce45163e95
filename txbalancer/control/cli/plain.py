"""
Texts and numbers as people read them in a terminal.
"""

from __future__ import annotations

from txbalancer.core.values import counted, span

_SIZES = ("B", "K", "M", "G", "T", "P")


def plain(text: object) -> str:
    """
    Write a text so that it cannot steer the terminal: clients choose paths and names.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(text)
    )


def moment(seconds: float | None) -> str:
    """
    Write a short time with three figures: C{0.8ms}, C{12ms}, C{1.20s}; C{-} for none.
    """
    if seconds is None:
        return "-"
    for limit, form, factor in (
        (0.00995, "{:.1f}ms", 1000),
        (0.9995, "{:.0f}ms", 1000),
        (9.995, "{:.2f}s", 1),
        (99.95, "{:.1f}s", 1),
    ):
        if seconds < limit:
            return form.format(seconds * factor)
    return f"{seconds:.0f}s"


def size(count: float) -> str:
    """
    Write bytes with three figures: C{805B}, C{3.3K}, C{47M}.
    """
    for unit in _SIZES:
        if count < 999.5 or unit == _SIZES[-1]:
            break
        count /= 1024
    return f"{count:.1f}{unit}" if count < 9.95 and unit != "B" else f"{count:.0f}{unit}"


def rate(per_second: float) -> str:
    """
    Write something per second: C{0}, C{0.02}, C{3.4}, C{210}.
    """
    if not per_second:
        return "0"
    for limit, form in ((0.995, "{:.2f}"), (9.95, "{:.1f}")):
        if per_second < limit:
            return form.format(per_second)
    return f"{per_second:.0f}"


def share(part: float, whole: float) -> str:
    """
    Write a part in per cent, so that few are not none: C{0 %}, C{<0.1 %}, C{2.5 %}, C{40 %}.
    """
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1 %"
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:.0f} %"


__all__ = ["counted", "moment", "plain", "rate", "share", "size", "span"]
