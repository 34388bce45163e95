"""
Rates, shares and times as people read them.
"""

from __future__ import annotations


def spans(seconds: tuple[float | None, ...]) -> str:
    """
    Write spans of one kind in one unit: C{12 / 40 / 90 ms}; empty where any is not known.
    """
    known = [each for each in seconds if each is not None]
    if not known or len(known) < len(seconds):
        return ""
    unit, worth = ("s", 1.0) if max(known) >= 1.0 else ("ms", 1000.0)
    return f"{' / '.join(f'{each * worth:.3g}' for each in known)} {unit}"


def rate(value: float) -> str:
    """
    Write how often something is a second.
    """
    return f"{value:.0f}/s" if value >= 10 or value == 0 else f"{value:.1f}/s"


def share(part: int, whole: int) -> str:
    """
    Write a part of something in percent; what is little is not nothing.
    """
    if not part or not whole:
        return "0 %"
    percent = part / whole * 100
    return f"{percent:.0f} %" if percent >= 10 else f"{max(percent, 0.1):.1f} %"
