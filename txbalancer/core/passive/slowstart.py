"""
The share of its load factor that a member has while it starts slowly.
"""

from __future__ import annotations

LEAST = 10
"""Percent of its factor that a member begins with."""

FULL = 100
_STEP = 5


def share(elapsed: float, window: float, aggression: float) -> int:
    """
    Return the share in percent, C{LEAST} to C{FULL}, in steps: each of them has all elections
    worked out anew.

    Source: PEERS 2.3, after Envoy: C{max(10 %, (t / window) ** (1 / aggression))}.

    @param elapsed: seconds since the start.
    @param aggression: 1 for a straight line; above that most comes early, below it late.
    """
    if elapsed >= window:
        return FULL
    part = (max(elapsed, 0.0) / window) ** (1.0 / aggression)
    return max(LEAST, int(part * FULL) // _STEP * _STEP)
