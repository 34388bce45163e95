"""
Sections C{[hctemplate:NAME]}: options of health checks under a name (APACHE C3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.config.options import MEMBER_OPTIONS, parse, unknown
from txbalancer.config.scope import check_name
from txbalancer.config.suggest import choose_from
from txbalancer.core.registry import Registry

KIND = "hctemplate"
"""The word for such sections, and for the key by which members refer to one."""

_OPTIONS = {key: known for key, known in MEMBER_OPTIONS.items() if key.startswith("hc")}

Templates = Mapping[str, Mapping[str, Any]]
"""Attribute -> value of a member's spec, by the name of the template."""


def read_templates(
    sections: Iterable[Section], findings: Findings, registry: Registry
) -> dict[str, dict[str, Any]]:
    """
    Read all templates of a file; faults are noted.
    """
    return {
        check_name(section, findings): _read(section, findings, registry) for section in sections
    }


def _read(section: Section, findings: Findings, registry: Registry) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not section.entries:
        findings.warn(section.line, section.title, "", "is empty: give hcmethod, hcuri …")
    for key, entry in section.entries.items():
        try:
            if key not in _OPTIONS:
                raise ValueError(unknown(key, KIND, _OPTIONS))
            attribute, option = _OPTIONS[key]
            found[attribute] = parse(option, entry.value, registry)
        except ValueError as error:
            findings.error(entry.line, section.title, key, str(error))
    return found


def find_template(name: str, templates: Templates) -> Mapping[str, Any]:
    """
    Return the options of a template.

    @raise ValueError: when there is none of this name.
    """
    found = templates.get(name.lower())
    if found is None:
        raise ValueError(f"no [{KIND}:{name}]{choose_from(name, templates)}")
    return found
