"""
The table of all parameters that Apache's balancing knows, and what becomes of each here.

C{python -m txbalancer.config.httpd.manual > docs/parameters.rst}
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from txbalancer.config.httpd.manual_rows import (
    OF_BALANCERS,
    OF_CHECKS,
    OF_DIRECTIVES,
    OF_MEMBERS,
    OF_MOUNTS,
    Row,
)
from txbalancer.config.httpd.members import AS_TIMEOUT
from txbalancer.config.httpd.parameters import BALANCER_OPTIONS, GROWTH, NOT_CARRIED
from txbalancer.config.options import MEMBER_OPTIONS, Table
from txbalancer.config.reference import plain, shown_default, table
from txbalancer.core.specs import Option

HEAD = """\
Parameters
==========

.. Made by `python -m txbalancer.config.httpd.manual`; edits here are lost.

Every parameter of Apache 2.4 for members and balancers, with what it takes there and here. None is
taken and ignored:

- **same**: it means here what it means there,
- **mapped**: something else here does what it is for,
- **no**: it cannot mean anything here, and the last column says why.

Values are read strictly in both syntaxes. Where Apache reads the digits that a value begins with
and forgets the rest, so that ``timeout=500ms`` is 500 seconds and ``lbset=abc`` is 0, units count
here and junk is an error. Durations take ``ms``, ``s``, ``min``, ``h`` and ``d``, sizes ``K``,
``M`` and ``G``. In Apache's syntax a parameter that is given again overrides what was given before,
as in Apache; the defaults in that column hold in INI too with ``defaults = apache`` in
``[txbalancer]``. :doc:`reference` has the options that Apache lacks: they may be given in its
syntax as well.
"""

MEMBERS = """\
Behind ``BalancerMember URL``, ``ProxyPass PATH URL``, ``<Proxy URL>`` and ``ProxySet URL``; in INI
behind a member's URL. In a balancer's section ``ProxySet`` may give them to all its members, which
Apache refuses: that is a warning.
"""

CHECKS = """\
As for members. A template, ``ProxyHCTemplate`` or ``[hctemplate:NAME]``, gives them by one name.
"""

BALANCERS = """\
Behind ``<Proxy balancer://NAME``, ``ProxySet`` and ``ProxyPass PATH balancer://NAME``; in INI keys
of ``[balancer:NAME]``. What a virtual host says of a balancer of the main server holds for its own
requests; where servers differ in that, each has members, counters and checks of its own, and that
is a warning.
"""

MOUNTS = """\
Behind ``ProxyPass PATH URL``; in INI keys of ``[mount:PATH]``.
"""

DIRECTIVES = """\
Of the whole server.
"""

COLUMNS = (
    "Parameter",
    "Apache takes",
    "Apache's default",
    "Allowed here",
    "Default in Apache's syntax",
    "Default in INI",
    "",
    "Meaning here",
)


def manual() -> str:
    """
    Return the page as reStructuredText.
    """
    return "\n".join(
        (
            HEAD,
            *_part("Members", MEMBERS, OF_MEMBERS, MEMBER_OPTIONS),
            *_part("Health checks", CHECKS, OF_CHECKS, MEMBER_OPTIONS),
            *_part("Balancers", BALANCERS, OF_BALANCERS, BALANCER_OPTIONS),
            *_part("Mounts", MOUNTS, OF_MOUNTS, {}),
            *_part("Directives", DIRECTIVES, OF_DIRECTIVES, {}),
        )
    )


def _part(title: str, text: str, rows: Sequence[Row], options: Table) -> Iterator[str]:
    yield f"{title}\n{'-' * len(title)}\n"
    yield text
    cells = [_cells(row, options[row.key][1] if row.key in options else None) for row in rows]
    yield "\n".join(table(COLUMNS, cells)) + "\n"


def _cells(row: Row, option: Option | None) -> tuple[str, ...]:
    allowed, apache, modern, meaning = row.allowed, "", "", row.note
    if row.key in NOT_CARRIED:
        allowed = NOT_CARRIED[row.key][0].allowed
    elif row.key == "growth":
        allowed = GROWTH.allowed
    elif option is not None:
        allowed = option.kind.allowed
    if option is not None:
        apache, modern = shown_default(option, option.apache), shown_default(option, option.modern)
        meaning = f"{option.doc} {row.note}".strip()
        if row.key in AS_TIMEOUT:
            apache = "timeout"
    return (
        f"``{row.key}``",
        plain(row.takes),
        plain(row.default),
        plain(allowed),
        apache,
        modern,
        f"**{row.verdict}**",
        plain(meaning),
    )


if __name__ == "__main__":
    sys.stdout.write(manual())
