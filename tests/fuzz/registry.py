"""
Targets by name.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from tests.fuzz import targets

LONGEST = 2048
"""Bytes of a case that is made up, by default."""

One = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """
    What is fuzzed.

    @ivar one: tries a case; raises when something is wrong.
    @ivar ours: the part of it that is the code under test alone, whose time counts.
    @ivar seeds: cases to begin from.
    @ivar words: pieces that mean something.
    """

    name: str
    one: One
    ours: One
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]


def names() -> list[str]:
    """
    Return the names of all targets.
    """
    return sorted(each.name for each in pkgutil.iter_modules(targets.__path__))


def target(name: str) -> Target:
    """
    Load a target.
    """
    module = import_module(f"{targets.__name__}.{name}")
    ours = getattr(module, "ours", module.one)
    return Target(name, module.one, ours, tuple(module.SEEDS), tuple(module.WORDS))
