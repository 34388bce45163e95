"""
Changes of header lines that a configuration asks for: Apache's C{Header} and C{RequestHeader}.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """
    One change of a head.

    @ivar action: C{set}, C{setifempty}, C{append}, C{merge}, C{add} or C{unset}.
    @ivar name: of the header, spelled as it is to be sent.
    @ivar value: with C{%{NAME}e}, C{%{NAME}s}, C{%t}, C{%D} and C{%%}; empty for C{unset}.
    @ivar always: whether answers that are made here are changed too.
    @ivar env: a variable that must be set, as C{NAME}, or must not be, as C{!NAME}; empty = always.
    """

    action: str
    name: str
    value: str = ""
    always: bool = False
    env: str = ""


@values.kind("[always] set|setifempty|append|merge|add|unset NAME [VALUE] [env=[!]VARIABLE]")
def edit(text: str) -> HeaderEdit:
    """
    Read one change, as after Apache's C{Header}.
    """
    raise ValueError(f"{text!r} cannot be read")


edits = values.each_line(edit)
