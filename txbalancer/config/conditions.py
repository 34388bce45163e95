"""
Conditions of mounts: what a request must have beside its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from txbalancer.config import words
from txbalancer.config.ini import Entry, Section
from txbalancer.config.scope import Scope
from txbalancer.config.suggest import choose_from
from txbalancer.core import values
from txbalancer.core.locations import compile_location
from txbalancer.core.networks import network
from txbalancer.core.specs import Condition

KINDS = ("host", "method", "client", "listener", "location")
OF_STREAMS = ("host", "alpn", "client", "listener")
"""Conditions of mounts that are for connections rather than HTTP requests."""
NAMED = ("header.", "query.")
_HOST = re.compile(r"[a-z0-9._*?-]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?", re.ASCII)


def read_conditions(section: Section, entries: list[Entry], scope: Scope) -> tuple[Condition, ...]:
    """
    Make the conditions of a mount; faults are noted and left out.
    """
    found = []
    for entry in entries:
        try:
            found.append(read_condition(entry.key, entry.value, scope))
        except ValueError as error:
            scope.findings.error(entry.line, section.title, entry.key, str(error))
    return tuple(found)


def read_condition(key: str, text: str, scope: Scope) -> Condition:
    """
    Read one condition.

    @raise ValueError: saying what is wrong and what is allowed.
    """
    kind, dot, name = key.partition(".")
    if dot and not name:
        raise ValueError(f"a name is missing: {kind}.NAME = VALUE …")
    found = words.split(text, commas=not dot and kind != "location")
    if not found:
        raise ValueError("is empty: give one word or more, any of which may match")
    if dot:
        name = values.token(name) if kind == "header" else name
        return Condition(kind, name, tuple(found))
    if kind == "listener":
        return Condition(kind, "", tuple(_listener(word, scope.listeners) for word in found))
    return Condition(kind, "", tuple(map(_CHECKS[kind], found)))


def _host(word: str) -> str:
    lowered = word.lower().removesuffix(".")
    if re.fullmatch(r"[^:]+:\d+|\[.*\]:\d+", lowered, re.ASCII):
        raise ValueError(f"{word!r} has a port: give the host alone; ports do not matter here")
    if not _HOST.fullmatch(lowered):
        raise ValueError(f"{word!r} is not a host: use a name, *.example.com or an address")
    return lowered


def _method(word: str) -> str:
    return values.token(word.upper())


def _listener(word: str, known: frozenset[str]) -> str:
    if word.lower() not in known:
        raise ValueError(f"no [listener:{word}]{choose_from(word, known)}")
    return word.lower()


def _location(word: str) -> str:
    compile_location(Condition("location", "", (word,)))
    return word


def _alpn(word: str) -> str:
    if not re.fullmatch(r"[!-~]{1,255}", word):
        raise ValueError(f"{word!r} is not a protocol's name, such as h2 or http/1.1")
    return word


_CHECKS: dict[str, Callable[[str], str]] = {
    "host": _host,
    "method": _method,
    "client": network,
    "location": _location,
    "alpn": _alpn,
}
