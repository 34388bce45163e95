"""
Changes of what FastCGI members are told: Apache's C{ProxyFCGISetEnvIf}.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.edits import quoted, split_words
from txbalancer.core.kinds import Kind
from txbalancer.core.variables import parse_text

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True)
class ParamEdit:
    """
    One change.

    @ivar name: of the parameter.
    @ivar value: with C{%{NAME}e}, C{%{NAME}s} and C{%%} as in header edits; C{None} = it is
        left out.
    """

    name: str
    value: str | None


def show(change: ParamEdit) -> str:
    """
    Write a change in the form that L{param_edit} reads.
    """
    return f"!{change.name}" if change.value is None else f"{change.name} {quoted(change.value)}"


@values.kind("NAME VALUE, or !NAME", show)
def param_edit(text: str) -> ParamEdit:
    """
    Read C{NAME VALUE} or C{!NAME}.
    """
    found = split_words(text)
    name = found[0] if found else ""
    unset = name.startswith("!")
    if len(found) != (1 if unset else 2):
        raise ValueError(f"{text!r} must be NAME VALUE, or !NAME")
    name = name.removeprefix("!")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name: use letters, digits and _")
    if not unset:
        parse_text(found[1])
    return ParamEdit(name, None if unset else found[1])


@values.kind("ends of names, such as .php", " ".join)
def suffixes(text: str) -> tuple[str, ...]:
    """
    Read ends of scripts' names, divided by white space or commas.
    """
    found = values.words(text)
    for each in found:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", each):
            raise ValueError(f"{each!r} is no end of a name: use letters, digits, . _ and -")
    return found


param_edits: Kind[tuple[ParamEdit, ...]] = values.each_line(param_edit)
