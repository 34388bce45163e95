"""
Expressions of health checks: that they can be read, and that members name some that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.config.scope import Placed
from txbalancer.config.suggest import choose_from
from txbalancer.core.hcexpr import Expression, parse
from txbalancer.core.specs import BalancerSpec, MemberSpec, named_text

KEY = "hcexpr"
WITHOUT_BODY = ("head", "head11", "options", "options11")
"""Health checks that read no body."""


def check_expressions(
    sections: Sequence[Section], balancers: Sequence[Placed[BalancerSpec]], findings: Findings
) -> None:
    """
    Note expressions that cannot be read, each at its line, and names of members that are none.

    @param sections: those that may declare expressions.
    """
    known: dict[str, Expression | None] = {}
    for section in sections:
        _read(section, known, findings)
    for placed in balancers:
        # A fault of an option that all members share is told once.
        for line, key, text, fatal in dict.fromkeys(_faults(placed, known)):
            note = findings.error if fatal else findings.warn
            note(line, placed.section.title, key, text)


def _read(section: Section, known: dict[str, Expression | None], findings: Findings) -> None:
    entry = section.entries.get(KEY)
    for line, written in entry.lines if entry is not None else ():
        try:
            named = named_text(written)
        except ValueError:
            continue  # told by who reads the options
        if named.name in known:
            findings.error(line, section.title, KEY, f"{named.name} is there already")
        known[named.name] = None
        try:
            known[named.name] = expression = parse(named.text)
        except ValueError as error:
            findings.error(line, section.title, KEY, f"{named.name}: {error}")
            continue
        for warning in expression.warnings:
            findings.warn(line, section.title, KEY, f"{named.name}: {warning}")


def _faults(
    placed: Placed[BalancerSpec], known: Mapping[str, Expression | None]
) -> Iterator[tuple[int, str, str, bool]]:
    """
    Yield (line, key, what is wrong, whether it is an error).
    """
    written = dict(placed.section.entries["members"].lines) if placed.lines else {}
    for line, member in zip(placed.lines, placed.spec.members, strict=True):
        fault, fatal = _fault(member, known)
        if not fault:
            continue
        key = next((each for each in (KEY, f"member.{KEY}") if each in placed.section.entries), "")
        if f"{KEY}=" in written[line].lower() or not key:
            yield line, "members", f"{member.url}: {fault}", fatal
        else:
            yield placed.section.line_of(key), key, fault, fatal
    for line, source in zip(placed.source_lines, placed.spec.discover, strict=True):
        fault, fatal = _fault(source.member, known)
        if fault:
            yield line, "discover", f"{source.place}: {fault}", fatal


def _fault(member: MemberSpec, known: Mapping[str, Expression | None]) -> tuple[str, bool]:
    name = member.hcexpr
    if not name:
        return "", False
    if name not in known:
        hint = choose_from(name, known) if known else "; give one in hcexpr of [txbalancer]"
        return f"no expression is called {name!r}{hint}", True
    expression = known[name]
    if expression is not None and expression.reads_body and member.hcmethod in WITHOUT_BODY:
        return f"{name} asks for the body, of which hcmethod={member.hcmethod} reads none", False
    return "", False
