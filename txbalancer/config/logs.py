"""
Sections C{[log:NAME]} to specs.
"""

from __future__ import annotations

import re

from txbalancer.config.conditions import KINDS, NAMED, read_conditions
from txbalancer.config.ini import Section
from txbalancer.config.options import SECTIONS, split_entries
from txbalancer.config.scope import Placed, Scope, check_name
from txbalancer.core.specs import LogSpec

_FILE = re.compile(r'(?:"([^"]+)"|([^ \t"]+))(?:[ \t]+(.+))?', re.DOTALL)
_FORM = "WHERE FORMAT, such as /var/log/shop.log combined"


def read_log(section: Section, scope: Scope) -> Placed[LogSpec]:
    """
    Make the spec of access logs; faults are noted.
    """
    own = SECTIONS["log"][1]
    name = check_name(section, scope.findings)
    _, rest = split_entries(section, {*own, *KINDS}, NAMED, scope.findings)
    conditions = read_conditions(section, [each for each in rest if each.key not in own], scope)
    return Placed(LogSpec(name, _files(section, scope), conditions), section)


def _files(section: Section, scope: Scope) -> tuple[tuple[str, str], ...]:
    entry = section.entries.get("to")
    found = []
    if entry is None or not entry.lines:
        scope.findings.error(
            section.line_of("to"),
            section.title,
            "to",
            f"is missing: give one log per line, {_FORM}",
        )
        return ()
    for line, text in entry.lines:
        match = _FILE.fullmatch(text)
        if match is None:
            scope.findings.error(line, section.title, "to", f"{text!r} is not of the form {_FORM}")
        else:
            found.append((match[1] or match[2], match[3] or "combined"))
    return tuple(found)


def show_file(file: tuple[str, str]) -> str:
    """
    Write one log in the form that L{read_log} reads.
    """
    where, log_format = file
    quoted = f'"{where}"' if re.search(r"[ \t]", where) else where
    return f"{quoted} {log_format}"
