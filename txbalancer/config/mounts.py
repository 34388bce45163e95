"""
Sections C{[mount:LABEL]} to specs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from txbalancer.config.conditions import KINDS, NAMED, OF_STREAMS, read_conditions
from txbalancer.config.ini import Section
from txbalancer.config.options import SECTIONS, TABLES, read_options, split_entries
from txbalancer.config.scope import Placed, Scope
from txbalancer.config.suggest import choose_from
from txbalancer.config.targets import read_target
from txbalancer.core.mounts import Mount
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.schemes import for_streams
from txbalancer.core.specs import MountSpec, NotProxied

_DOTS = re.compile(r"/\.{1,2}(?:/|$)")


def read_mount(section: Section, scope: Scope) -> Placed[MountSpec]:
    """
    Make the spec of a mount; faults are noted.
    """
    findings = scope.findings
    faults_before = findings.count
    own = SECTIONS["mount"][1]
    mine, rest = split_entries(section, {*own, *KINDS, *OF_STREAMS}, NAMED, findings)
    options = scope.defaults(MountSpec)
    options |= read_options(section, mine, scope.registry, findings)
    conditions = read_conditions(section, [each for each in rest if each.key not in own], scope)
    groups = _groups(section, options.get("match", ""), scope)
    if for_streams(conditions, scope.streams):
        _check_stream(section, options, scope)
        groups, path = None, "/"
    else:
        _check_requests(section, scope)
        path = _path(section, scope) if groups is None else ""
    if groups is not None and "path" in section.entries:
        findings.error(
            section.line_of("path"), section.title, "path", "give either `path` or `match`"
        )
    _check_pairs(section, options.get("proxypassreverse", ()), scope)
    entry = section.entries.get("to")
    spec = MountSpec(section.label, path, NotProxied(), conditions, **options)
    try:
        target = read_target(entry.value if entry else "", path, groups, scope)
        spec = replace(spec, target=target)
        if findings.count == faults_before:
            Mount(spec)
    except ValueError as error:
        findings.error(section.line_of("to"), section.title, "to", str(error))
    return Placed(spec, section)


def _check_pairs(section: Section, pairs: tuple[tuple[str, str], ...], scope: Scope) -> None:
    """
    Check that the second words of C{proxypassreverse} are places that there are.
    """
    for _, url in pairs:
        scheme, found, rest = url.partition("://")
        name = rest.partition("/")[0].lower()
        text = ""
        if found and scheme.lower() == "balancer":
            if name not in scope.balancers:
                text = f"{url!r}: no [balancer:{name}]{choose_from(name, scope.balancers)}"
        elif not (found or url.startswith("/")):
            text = f"{url!r} must be a URL, balancer://NAME or a path"
        if text:
            key = "proxypassreverse"
            scope.findings.error(section.line_of(key), section.title, key, text)


def _check_stream(section: Section, options: Mapping[str, Any], scope: Scope) -> None:
    """
    Refuse what a mount for connections cannot have: they have no path and no headers.

    @param options: attribute -> value; what says the default is no harm.
    """
    allowed = ("to", *OF_STREAMS, "priority")
    for key, entry in section.entries.items():
        attribute, option = TABLES["mount"].get(key, ("", None))
        if key == "priority":
            fits = True
        elif option is not None:
            usual = option.apache if scope.apache else option.modern
            fits = options.get(attribute, usual) == usual
        else:
            fits = key in allowed or (key, entry.value) == ("path", "/")
        if not fits:
            text = f"needs HTTP: mounts of such listeners take {', '.join(allowed)} only"
            scope.findings.error(entry.line, section.title, key, text)


def _check_requests(section: Section, scope: Scope) -> None:
    if "alpn" in section.entries:
        text = "is for the mounts of a listener with mode = tcp: give `listener = NAME` of one"
        scope.findings.error(section.line_of("alpn"), section.title, "alpn", text)


def _groups(section: Section, pattern: str, scope: Scope) -> int | None:
    if not pattern:
        return None
    try:
        return compile_pattern(pattern).groups
    except ValueError as error:
        scope.findings.error(
            section.line_of("match"),
            section.title,
            "match",
            str(error),
        )
        return 9  # as many as can be referred to: no further faults from this one


def _path(section: Section, scope: Scope) -> str:
    entry = section.entries.get("path")
    path = entry.value if entry else section.label
    try:
        check_path(path, entry is not None)
    except ValueError as error:
        line = entry.line if entry else section.line
        scope.findings.error(line, section.title, "path" if entry else "", str(error))
    return path


def check_path(path: str, named: bool = True) -> None:
    """
    Check the path of a prefix mount.

    @param named: whether it was given as such; else it was taken from the label.
    @raise ValueError: when no request's path can begin so.
    """
    if not path.startswith("/"):
        remedy = (
            ""
            if named
            else (
                "; for another label give `path =` or `match =` too, "
                "or `listener =` with one of mode = tcp or udp"
            )
        )
        raise ValueError(f"{path!r} is not a path that starts with /{remedy}")
    if "?" in path or "#" in path:
        raise ValueError(f"{path!r} has a query or fragment: only the path is matched")
    if _DOTS.search(path):
        raise ValueError(f"{path!r} never matches: dot segments are resolved before")
    if any(ord(char) < 32 or ord(char) == 127 for char in path):
        raise ValueError(f"{path!r} has a control character")
