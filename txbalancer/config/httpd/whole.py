"""
What concerns the whole service.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core import values
from txbalancer.core.specs import GlobalSpec, options

STATE_FOLDER = "/var/lib/txbalancer"
"""Where C{BalancerPersist} keeps its file, unless C{DefaultRuntimeDir} names another folder."""

LEVELS = {"emerg": "error", "alert": "error", "crit": "error", "error": "error"}
LEVELS |= {"warn": "warn", "notice": "warn", "info": "info", "debug": "debug"}
LEVELS |= {f"trace{number}": "debug" for number in range(1, 9)}
_KINDS = {name: option.kind for name, option in options(GlobalSpec)}
_OPTIONS = {
    "heartbeataddress": "heartbeat_address",
    "heartbeatlisten": "heartbeat_listen",
    "heartbeatmaxservers": "heartbeat_maxservers",
}


def read_globals(
    directives: Iterable[Directive],
    root: str,
    findings: Findings,
    in_hosts: Iterable[Directive] = (),
) -> dict[str, Any]:
    """
    Read the settings of the whole service.

    @param root: where relative paths begin.
    @param in_hosts: what stands in C{<VirtualHost>}s.
    """
    found: dict[str, Any] = {}
    persists, folder = False, STATE_FOLDER
    for directive in directives:
        key = directive.key
        try:
            if key in _OPTIONS:
                (text,) = arguments(directive, 1, 1, "one word")
                found[_OPTIONS[key]] = _KINDS[_OPTIONS[key]].parse(text)
            elif key == "heartbeatstorage":
                (text,) = arguments(directive, 1, 1, "one path")
                found["heartbeat_storage"] = os.path.join(root, text)
            elif key == "defaultruntimedir":
                (text,) = arguments(directive, 1, 1, "one path")
                folder = os.path.join(root, text)
            elif key == "balancerpersist":
                (text,) = arguments(directive, 1, 1, "On or Off")
                persists = values.flag.parse(text)
            elif key == "loglevel":
                found.update(_level(directive, findings))
        except ValueError as error:
            fault(findings, directive, error)
    if _persists(persists, in_hosts, findings):
        found["state"] = os.path.join(folder, "txbalancer-state.json")
    return found


def _persists(main: bool, in_hosts: Iterable[Directive], findings: Findings) -> bool:
    """
    Tell whether balancers are kept, as the main server or some C{<VirtualHost>} says.
    """
    found = main
    for directive in in_hosts:
        if directive.key != "balancerpersist":
            continue
        try:
            (text,) = arguments(directive, 1, 1, "On or Off")
            if values.flag.parse(text) is not main:
                doubt(findings, directive, "there is one state: it keeps all balancers, or none")
                found = True
        except ValueError as error:
            fault(findings, directive, error)
    return found


def _level(directive: Directive, findings: Findings) -> dict[str, str]:
    found = {}
    for word, level in read_levels(directive):
        if ":" in word:
            doubt(findings, directive, f"{word} has no effect: one level holds for all")
        else:
            found["log_level"] = level
    return found


def read_levels(directive: Directive) -> list[tuple[str, str]]:
    """
    Read a C{LogLevel}: each word and the level it asks for.

    @raise ValueError: for what is no level.
    """
    if not directive.args:
        raise ValueError(f"LogLevel needs a level: use {', '.join(LEVELS)}")
    found = []
    for word in directive.args:
        level = word.rpartition(":")[2]
        if level.lower() not in LEVELS:
            raise ValueError(f"{level!r} is not a level: use {', '.join(LEVELS)}")
        found.append((word, LEVELS[level.lower()]))
    return found
