"""
What an option is: a field of a frozen value, with all that others need to know in its metadata.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from txbalancer.core import values

SAME: Any = object()
"""Marks an option whose Apache default is also ours."""

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Option:
    """
    What is known about one option beside its value.

    @ivar kind: how its value is read, shown and described.
    @ivar modern: the default of an INI file.
    @ivar apache: the default of a file in Apache syntax.
    @ivar doc: one line for the reference manual.
    @ivar name: the key in an INI file; Apache's spelling where Apache has it.
    @ivar apache_name: where Apache sets the same, if under another name.
    @ivar names: table of the L{Registry<txbalancer.core.registry.Registry>} that the value
        must be in, if any.
    @ivar secret: whether the value must never be shown.
    """

    kind: values.Kind[Any]
    modern: Any
    apache: Any
    doc: str
    name: str = ""
    apache_name: str = ""
    names: str = ""
    secret: bool = False

    def parse(self, text: str) -> Any:
        """
        Read a value, or raise L{ValueError} saying what is allowed.
        """
        return self.kind.parse(text)


def option(
    kind: values.Kind[Any],
    modern: Any,
    doc: str,
    *,
    apache: Any = SAME,
    name: str = "",
    apache_name: str = "",
    names: str = "",
    secret: bool = False,
) -> Any:
    """
    Declare a dataclass field that is an option; see L{Option} for the parts.
    """
    described = Option(
        kind, modern, modern if apache is SAME else apache, doc, name, apache_name, names, secret
    )
    return field(default=modern, metadata={"option": described})


def options(spec: type) -> tuple[tuple[str, Option], ...]:
    """
    Return (attribute name, option) for each option of a spec class, INI names filled in.
    """
    found = _declared.get(spec)
    if found is None:
        found = _declared[spec] = _options(spec)
    return found


_declared: dict[Any, tuple[tuple[str, Option], ...]] = {}


def _options(spec: type) -> tuple[tuple[str, Option], ...]:
    # A class's own options come first, then those that it shares with others.
    fields = sorted(dataclasses.fields(spec), key=lambda each: each.kw_only is True)
    found = ((each.name, each.metadata.get("option")) for each in fields)
    return tuple(
        (name, dataclasses.replace(option, name=option.name or name.replace("_", "-")))
        for name, option in found
        if option is not None
    )


def apache_defaults(spec: type) -> dict[str, Any]:
    """
    Return attribute -> Apache's default, for building a spec from Apache syntax.
    """
    return {attribute: found.apache for attribute, found in options(spec)}
