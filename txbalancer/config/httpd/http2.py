"""
What a server says of HTTP/2 towards clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core.specs import ListenerSpec, options

NAMES = "H2MaxSessionStreams H2WindowSize Protocols"
"""The directives that are carried out."""

DIFFERING = {
    "h2c": "Protocols",
    "http2": "Protocols",
    "http2_max_streams": "H2MaxSessionStreams",
    "http2_window": "H2WindowSize",
}
"""The directive of each option that may differ between the servers of an address."""

_KINDS = {name: option.kind for name, option in options(ListenerSpec)}
_SPOKEN = ("h2", "h2c", "http/1.1")


def read_http2(directives: Iterable[Directive], findings: Findings) -> dict[str, Any]:
    """
    Read what a server says itself; faults are noted.

    @return: attribute of a L{ListenerSpec} -> value.
    """
    found: dict[str, Any] = {}
    for directive in directives:
        reader = _READERS.get(directive.key)
        if reader is not None:
            try:
                found.update(reader(directive))
            except ValueError as error:
                fault(findings, directive, error)
    return found


def _protocols(directive: Directive) -> dict[str, Any]:
    words = [each.lower() for each in arguments(directive, 1, 10, "names of protocols")]
    for each in words:
        if each not in _SPOKEN:
            raise ValueError(f"{each!r} is not spoken: use {', '.join(_SPOKEN)}")
    if "http/1.1" not in words:
        raise ValueError("http/1.1 is always spoken: name it too")
    return {"http2": "h2" in words, "h2c": "h2c" in words}


def _number(attribute: str) -> Callable[[Directive], dict[str, Any]]:
    def read(directive: Directive) -> dict[str, Any]:
        (text,) = arguments(directive, 1, 1, "a number")
        return {attribute: _KINDS[attribute].parse(text)}

    return read


_READERS: dict[str, Callable[[Directive], dict[str, Any]]] = {
    "h2maxsessionstreams": _number("http2_max_streams"),
    "h2windowsize": _number("http2_window"),
    "protocols": _protocols,
}
