"""
What the readers of single sections share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.core.registry import Registry

T = TypeVar("T")
_NAME = re.compile(r"[a-z0-9._-]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scope:
    """
    Where findings go, and the names that a section may refer to.
    """

    findings: Findings
    registry: Registry
    listeners: frozenset[str] = frozenset()
    balancers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """
    A spec with the section that it came from.

    @ivar lines: of a balancer, the line of each member.
    """

    spec: T
    section: Section
    lines: tuple[int, ...] = ()


def check_name(section: Section, findings: Findings) -> str:
    """
    Return the label of a section as a name, in lower case; a bad one is noted.
    """
    name = section.label.lower()
    if not _NAME.fullmatch(name):
        what = f"{section.label!r} is no name" if name else "the name is missing"
        findings.error(
            section.line,
            section.title,
            "",
            f"{what}: [{section.kind}:NAME] takes 1 to 63 letters, digits, '.', '_' and '-'",
        )
    return name
