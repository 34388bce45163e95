"""
Writes docs/options.rst from the options' own descriptions: python docs/generate.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from txbalancer.core import specs

PAGE = Path(__file__).with_name("options.rst")

SECTIONS = (
    (specs.GlobalSpec, "[txbalancer]", "The whole service."),
    (specs.ListenerSpec, "[listener:NAME]", "An address that clients connect to."),
    (specs.BalancerSpec, "[balancer:NAME]", "A set of members with one way of choosing."),
    (
        specs.MemberSpec,
        "Members",
        "Written ``URL key=value …``, one member a line under ``members =``. Set as keys of"
        " ``[balancer:NAME]`` where the balancer has none of that name, they are what each of its"
        " members starts from.",
    ),
    (specs.MountSpec, "[mount:PATH]", "Which requests go where."),
)

HEAD = """\
.. Written by docs/generate.py from txbalancer/core/specs.py; do not edit.

Options
=======

The default is what an INI file gets. Where Apache's differs it stands beside it, for files that
come from Apache; :doc:`apache-differences` tells why ours is another.
"""


def default(found: specs.Option, value: Any) -> str:
    """
    Write a default as it would be written in a file.
    """
    if value is None or value == "" or value == () or value == frozenset():
        return "unset"
    return f"``{found.kind.show(value)}``"


def section(spec: type, title: str, text: str) -> Iterator[str]:
    """
    Yield the lines of one section's chapter.
    """
    yield from ("", title, "-" * len(title), "", text, "")
    for _, found in specs.options(spec):
        yield f"``{found.name}``"
        yield f"    {found.doc}"
        ours, theirs = default(found, found.modern), default(found, found.apache)
        line = f"Default: {ours}" + (f", Apache's {theirs}" if theirs != ours else "")
        yield f"    {line}. Allowed: {found.kind.allowed}."
        if found.apache_name:
            yield f"    In Apache: {found.apache_name}."
        yield ""


def render() -> str:
    """
    Return the whole page.
    """
    lines = [line for each in SECTIONS for line in section(*each)]
    return HEAD + "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
