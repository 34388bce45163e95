"""
C{CustomLog}, C{LogFormat} and C{ErrorLog}.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.tree import Directive

Files = tuple[tuple[str, str], ...]
"""(Where, format) pairs."""


def read_formats(
    directives: Iterable[Directive], known: Mapping[str, str], findings: Findings
) -> dict[str, str]:
    """
    Read every C{LogFormat}: nickname to format, the empty one for that of C{TransferLog}.
    """
    found = dict(known)
    for directive in directives:
        if directive.key == "logformat":
            try:
                text, *name = arguments(directive, 1, 2, "FORMAT [NICKNAME]")
            except ValueError as error:
                fault(findings, directive, error)
                continue
            found[name[0] if name else ""] = found.get(text, text)
    return found


def read_logs(
    directives: Iterable[Directive], formats: Mapping[str, str], root: str, findings: Findings
) -> Files | None:
    """
    Read every C{CustomLog} of a server; C{None} when there is none.

    @param root: where relative paths begin.
    """
    found = []
    for directive in directives:
        if directive.key == "customlog":
            try:
                found.append(_custom(directive, formats, root))
            except ValueError as error:
                fault(findings, directive, error)
    return tuple(found) or None


def _custom(directive: Directive, formats: Mapping[str, str], root: str) -> tuple[str, str]:
    where, text, *conditions = arguments(directive, 2, 3, "FILE FORMAT")
    if conditions:
        raise ValueError(f"{conditions[0]} is not carried over: every request is logged")
    return place(where, root), formats.get(text, text)


def place(text: str, root: str) -> str:
    """
    Read where a log goes.

    @raise ValueError: for a program.
    """
    if text.startswith("|"):
        raise ValueError("logs are not piped to programs: give a file, and rotate it by logrotate")
    if text in ("/dev/stdout", "/proc/self/fd/1"):
        return "-"
    if text.lower() == "syslog" or text.lower().startswith("syslog:"):
        return "syslog"
    return os.path.join(root, text)


def read_error_log(
    directives: Iterable[Directive], root: str, findings: Findings, main: bool = True
) -> str:
    """
    Read the last C{ErrorLog}; empty when there is none.

    @param main: whether it is the main server's; others are warned of.
    """
    found = ""
    for directive in directives:
        if directive.key == "errorlog":
            try:
                (text,) = arguments(directive, 1, 1, "one path or syslog")
                if main:
                    found = "-" if text in ("/dev/stderr", "/proc/self/fd/2") else place(text, root)
                else:
                    doubt(findings, directive, "has no effect here: one log takes all messages")
            except ValueError as error:
                fault(findings, directive, error)
    return found
