"""
Sections C{[balancer:NAME]} to specs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from txbalancer.config import hctemplates
from txbalancer.config.discover import KEY, read_sources
from txbalancer.config.ini import Entry, Section
from txbalancer.config.members import make_member, parse_options, parse_url, split_line
from txbalancer.config.options import (
    MEMBER_OPTIONS,
    SECTIONS,
    TABLES,
    parse,
    read_options,
    split_entries,
    unknown,
)
from txbalancer.config.scope import Placed, Scope, check_name
from txbalancer.core.schemes import check_probe
from txbalancer.core.specs import BalancerSpec, MemberSpec

PREFIX = "member."
"""Before the name of a member's option in a balancer's section, where both have that name."""

BARE = frozenset(MEMBER_OPTIONS) - frozenset(TABLES["balancer"])
"""Options of members that a balancer's section may give without the prefix."""

PLAIN_PROBES = ("none", "tcp", "cping", "expect", "options", "options11")
"""Health checks that ask for no path."""


def read_balancer(section: Section, scope: Scope) -> Placed[BalancerSpec]:
    """
    Make the spec of a balancer and its members; faults are noted.
    """
    findings = scope.findings
    name = check_name(section, findings)
    others = {*SECTIONS["balancer"][1], *BARE, hctemplates.KIND}
    mine, rest = split_entries(section, others, (PREFIX,), findings)
    options = scope.defaults(BalancerSpec)
    options |= read_options(section, mine, scope.registry, findings)
    of_members = [entry for entry in rest if entry.key not in ("members", KEY)]
    shared = _shared_options(section, of_members, scope)
    members, lines = _members(section, shared, scope)
    sources = {
        line: replace(
            source,
            member=_with_probe_path(source.member, source.place, (line, KEY), section, scope),
        )
        for line, source in read_sources(section, shared, scope).items()
    }
    spec = BalancerSpec(name=name, members=members, discover=tuple(sources.values()), **options)
    return Placed(spec, section, lines, source_lines=tuple(sources))


def _shared_options(section: Section, entries: list[Entry], scope: Scope) -> dict[str, Any]:
    found = scope.defaults(MemberSpec)
    seen: dict[str, Entry] = {}
    for entry in entries:
        key = entry.key.removeprefix(PREFIX)
        try:
            if key not in (*MEMBER_OPTIONS, hctemplates.KIND):
                raise ValueError(unknown(key, "member", MEMBER_OPTIONS))
            first = seen.setdefault(key, entry)
            if first is not entry:
                raise ValueError(f"the same is there already, in line {first.line}")
            if key == hctemplates.KIND:
                found |= hctemplates.find_template(entry.value, scope.templates)
                continue
            attribute, option = MEMBER_OPTIONS[key]
            found[attribute] = parse(option, entry.value, scope.registry)
        except ValueError as error:
            scope.findings.error(entry.line, section.title, entry.key, str(error))
    return found


def _members(
    section: Section, shared: Mapping[str, Any], scope: Scope
) -> tuple[tuple[MemberSpec, ...], tuple[int, ...]]:
    entry = section.entries.get("members")
    if entry is None and KEY in section.entries:
        return (), ()
    if entry is None:
        scope.findings.error(
            section.line_of("members"),
            section.title,
            "members",
            "is missing: give one member per indented line, http://HOST:PORT key=value …,"
            " or sources of members in `discover`",
        )
        return (), ()
    if not entry.lines:
        scope.findings.warn(entry.line, section.title, "members", "is empty: each request gets 503")
        return (), ()
    found: dict[int, MemberSpec] = {}
    seen: dict[object, int] = {}
    for line, text in entry.lines:
        member = _member(section, line, text, shared, seen, scope)
        if member is not None:
            found[line] = member
    return tuple(found.values()), tuple(found)


def _member(
    section: Section,
    line: int,
    text: str,
    shared: Mapping[str, Any],
    seen: dict[object, int],
    scope: Scope,
) -> MemberSpec | None:
    findings = scope.findings
    try:
        url, rest = split_line(text)
        options, faults = parse_options(rest, shared, scope.registry, scope.templates)
        for key, fault in faults:
            findings.error(line, section.title, "members", f"{key}: {fault}")
        address = parse_url(url)
        first = seen.setdefault(address.identity, line)
        if first != line:
            raise ValueError(f"{address.url} is a member already, in line {first}")
    except ValueError as error:
        findings.error(line, section.title, "members", str(error))
        return None
    if faults:
        return None
    member = make_member(address, options)
    try:
        check_probe(member.scheme, member.hcmethod, scope.registry.probes.get(member.hcmethod))
    except ValueError as error:
        findings.error(line, section.title, "members", f"{member.url}: {error}")
    return _with_probe_path(member, member.url, (line, "members"), section, scope)


def _with_probe_path(
    member: MemberSpec, name: str, place: tuple[int, str], section: Section, scope: Scope
) -> MemberSpec:
    if member.hcmethod in PLAIN_PROBES or member.hcuri:
        return member
    line, key = place
    scope.findings.warn(
        line,
        section.title,
        key,
        f"{name}: hcmethod={member.hcmethod} without hcuri asks for /; "
        "give the path that tells whether the member is well",
    )
    return replace(member, hcuri="/")
