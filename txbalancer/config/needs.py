"""
What options need to have an effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from txbalancer.core.specs import BalancerSpec


@dataclass(frozen=True, slots=True)
class Need:
    """
    What some options need to have an effect.

    @ivar keys: the options.
    @ivar met: whether a spec has what they need.
    @ivar fault: what to say of an option when it has not.
    @ivar always: whether that is told of the default, too: for what is hardly written without
        something in mind.
    """

    keys: frozenset[str]
    met: Callable[[Any], bool]
    fault: str
    always: bool = False


def needing(keys: str, met: Callable[[Any], bool], without: str, always: bool = False) -> Need:
    """
    Say what options need, and what they have no effect without.

    @param keys: the options, with spaces between.
    """
    return Need(frozenset(keys.split()), met, f"has no effect without {without}", always)


def starting(table: dict[str, Any], start: str) -> str:
    """
    Return the keys of a table that start so, with spaces between.
    """
    return " ".join(key for key in table if key.startswith(start))


def is_sticky(spec: BalancerSpec) -> bool:
    """
    Tell whether a balancer ties sessions to members.
    """
    return bool(spec.stickysession or spec.stickycookie or spec.stickyscheme or spec.stickysource)
