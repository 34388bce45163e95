"""
What the readers of single sections share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.core.registry import Registry
from txbalancer.core.specs import apache_defaults

T = TypeVar("T")
_NAME = re.compile(r"[a-z0-9._-]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scope:
    """
    Where findings go, and the names that a section may refer to.

    @ivar streams: names of the listeners whose mode is not http.
    @ivar templates: options of health checks, by the name of their C{[hctemplate:NAME]}.
    @ivar apache: whether options that are not given have Apache's defaults.
    """

    findings: Findings
    registry: Registry
    listeners: frozenset[str] = frozenset()
    balancers: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    apache: bool = False
    templates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def defaults(self, spec: type) -> dict[str, Any]:
        """
        Return attribute -> value for the options of a spec class, if not the class's own.
        """
        return apache_defaults(spec) if self.apache else {}


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """
    A spec with the section that it came from.

    @ivar lines: of a balancer, the line of each member; C{source_lines}: that of each source.
    @ivar written: how people know the section, if not by its title.
    """

    spec: T
    section: Section
    lines: tuple[int, ...] = ()
    written: str = ""
    source_lines: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """
        The section as messages about others refer to it.
        """
        return self.written or f"[{self.section.title}]"


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
