"""
What a server or a C{<Proxy>} section says of connections to members.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.options import MEMBER_OPTIONS, parse
from txbalancer.core import values
from txbalancer.core.registry import Registry

Options = dict[str, Any]
"""Attribute of a L{MemberSpec} -> value."""

OF_MEMBERS = {
    "proxybadheader": "badheader",
    "proxyiobuffersize": "iobuffersize",
    "proxyreceivebuffersize": "receivebuffersize",
    "proxytimeout": "timeout",
    "timeout": "timeout",
    "sslproxycacertificatefile": "sslproxycacertificatefile",
    "sslproxycacertificatepath": "sslproxycacertificatepath",
    "sslproxycheckpeername": "sslproxycheckpeername",
    "sslproxyciphersuite": "sslproxyciphersuite",
    "sslproxymachinecertificatefile": "sslproxymachinecertificatefile",
    "sslproxyprotocol": "sslproxyprotocol",
    "sslproxyverify": "sslproxyverify",
    "sslproxyverifydepth": "sslproxyverifydepth",
}
"""Directive -> option of members."""

_OF_FILES = ("sslproxycacertificatefile", "sslproxycacertificatepath")
_PATHS = frozenset({*_OF_FILES, "sslproxymachinecertificatefile"})


def read_defaults(
    directives: Iterable[Directive], root: str, registry: Registry, findings: Findings
) -> Options:
    """
    Read what holds for all members of a server or section.

    C{ProxyTimeout} goes before C{TimeOut}, wherever they stand (W50).
    """
    found: Options = {}
    timeout = None
    for directive in directives:
        reader = _OTHERS.get(directive.key)
        key = OF_MEMBERS.get(directive.key)
        try:
            if reader is not None:
                reader(directive)
            elif key is not None:
                value = _value(directive, key, root, registry)
                if directive.key == "timeout":
                    timeout = value
                else:
                    found[MEMBER_OPTIONS[key][0]] = value
        except ValueError as error:
            fault(findings, directive, error)
    return {"timeout": timeout, **found} if timeout is not None else found


def _value(directive: Directive, key: str, root: str, registry: Registry) -> Any:
    words = arguments(directive, 1, 20 if key == "sslproxyprotocol" else 2, "one value")
    text = " ".join(words)
    if key == "sslproxyciphersuite" and len(words) == 2 and words[0].lower() == "ssl":
        text = words[1]
    if key in _PATHS:
        text = os.path.join(root, text)
    return parse(MEMBER_OPTIONS[key][1], text, registry)


def _engine(directive: Directive) -> None:
    (text,) = arguments(directive, 1, 1, "On or Off")
    values.flag.parse(text)


_OTHERS: dict[str, Callable[[Directive], None]] = {
    # Members whose URL begins with https: are spoken to under TLS, others are not.
    "sslproxyengine": _engine,
    "sslproxycheckpeerexpire": _engine,
    "sslproxycheckpeercn": _engine,
}
