"""
C{discover =} of a balancer: sources of members, and the lines that they answer with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from txbalancer.config.hctemplates import KIND as TEMPLATE
from txbalancer.config.ini import Section
from txbalancer.config.members import make_member, parse_options, parse_url, split_line
from txbalancer.config.options import MEMBER_OPTIONS, parse, table
from txbalancer.config.scope import Scope
from txbalancer.config.suggest import choose_from, did_you_mean
from txbalancer.core.discovery import Answer
from txbalancer.core.registry import Registry
from txbalancer.core.schemes import check_probe
from txbalancer.core.specs import OF_SOME, MemberSpec, SourceSpec

KEY = "discover"

SOURCE_OPTIONS = table(SourceSpec)

PREFIX = "member."
"""Before the name of a member's option, where sources have one of that name, too."""

_KIND = re.compile(r"([a-z][a-z0-9-]*)[+:]", re.IGNORECASE)
_PLACE = ("url", "scheme", "host", "port", "path", "socket")


class Sorted(NamedTuple):
    """
    The words after a source's place.

    @ivar own: attribute -> value of the source's options; C{members}: those of its members.
    @ivar faults: (key, text) pairs.
    """

    own: dict[str, Any]
    members: dict[str, Any]
    faults: list[tuple[str, str]]


def read_sources(
    section: Section, shared: Mapping[str, Any], scope: Scope
) -> dict[int, SourceSpec]:
    """
    Read the sources of a balancer, each with the number of its line; faults are noted.

    @param shared: attribute -> value, what the section says of all its members.
    """
    entry = section.entries.get(KEY)
    found: dict[int, SourceSpec] = {}
    for line, text in entry.lines if entry is not None else ():
        try:
            spec, faults = _read(text, shared, scope)
            if spec is not None and spec.place in {each.place for each in found.values()}:
                raise ValueError(f"{spec.place} is a source already")
        except ValueError as error:
            scope.findings.error(line, section.title, KEY, str(error))
            continue
        for key, fault in faults:
            scope.findings.error(line, section.title, KEY, f"{key}: {fault}")
        if spec is not None:
            found[line] = spec
    return found


def _read(
    text: str, shared: Mapping[str, Any], scope: Scope
) -> tuple[SourceSpec | None, list[tuple[str, str]]]:
    place, rest = split_line(text)
    match = _KIND.match(place)
    kind = match[1].lower() if match is not None else ""
    known = scope.registry.sources
    if kind not in known:
        raise ValueError(
            f"{place!r} is no source of members: use dns+http://NAME, srv+http://NAME, file:/PATH"
            f" or http://HOST/PATH{choose_from(kind, known) if kind else ''}"
        )
    scheme = known[kind].check(place)
    words = _sort(rest, known[kind].takes, shared, scope)
    if words.faults:
        return None, words.faults
    member = MemberSpec("", scheme, **words.members)
    if scheme:
        check_probe(scheme, member.hcmethod, scope.registry.probes.get(member.hcmethod))
    return SourceSpec(place, kind, member, **words.own), []


def _sort(
    found: list[str], takes: frozenset[str], shared: Mapping[str, Any], scope: Scope
) -> Sorted:
    own: dict[str, Any] = {}
    of_members: list[str] = []
    faults: list[tuple[str, str]] = []
    for word in found:
        key, equals, text = word.partition("=")
        key = key.lower()
        if key not in SOURCE_OPTIONS or not equals:
            of_members.append(word[len(PREFIX) :] if key.startswith(PREFIX) else word)
            continue
        attribute, option = SOURCE_OPTIONS[key]
        try:
            if attribute in own:
                raise ValueError("is given twice")
            if key in OF_SOME and key not in takes:
                raise ValueError("is not for this kind of source")
            own[attribute] = parse(option, text, scope.registry)
        except ValueError as error:
            faults.append((key, str(error)))
    members, others = parse_options(of_members, shared, scope.registry, scope.templates)
    return Sorted(own, members, faults + [_hinted(*each) for each in others])


def _hinted(key: str, text: str) -> tuple[str, str]:
    """
    Add what may have been meant, where that is an option of sources.
    """
    unknown = key not in MEMBER_OPTIONS and key != TEMPLATE
    hint = did_you_mean(key, SOURCE_OPTIONS) if unknown and "did you mean" not in text else ""
    return key, f"{text}{hint}"


def read_answer(
    answer: Answer, source: SourceSpec, registry: Registry
) -> tuple[list[MemberSpec], list[str]]:
    """
    Make the specs of an answer's members.

    @return: them, and what is wrong with other lines.
    """
    shared = {
        each.name: getattr(source.member, each.name)
        for each in fields(MemberSpec)
        if each.name not in _PLACE
    }
    found: dict[str, MemberSpec] = {}
    faults: list[str] = []
    for number, text in enumerate(answer.lines):
        where = answer.where[number] if number < len(answer.where) else f"member {number + 1}"
        try:
            member = _member(text, shared, registry)
        except ValueError as error:
            faults.append(f"{where}: {error}")
        else:
            found.setdefault(member.url, member)
    return list(found.values()), faults


def _member(text: str, shared: Mapping[str, Any], registry: Registry) -> MemberSpec:
    url, rest = split_line(text)
    if any(word.lower().startswith(f"{TEMPLATE}=") for word in rest):
        raise ValueError(f"{TEMPLATE} is for the configuration: write its options out")
    options, faults = parse_options(rest, shared, registry)
    if faults:
        raise ValueError("; ".join(f"{key}: {fault}" for key, fault in faults))
    return make_member(parse_url(url), options)
