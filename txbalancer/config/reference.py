"""
The reference manual of the configuration, made from the specs.

C{python -m txbalancer.config.reference > docs/reference.rst}
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from txbalancer.core import specs
from txbalancer.core.specs import Option

HEAD = """\
Configuration reference
=======================

.. Made by `python -m txbalancer.config.reference`; edits here are lost.
"""

FORMAT = """\
The file is INI: ``[section]``, ``key = value``. Keys are not case-sensitive. A line that is
indented goes on with the value above. ``;`` or ``#`` at the start of a line makes a comment,
``;`` after a blank does so at the end of one; for a plain semicolon there write ``\\;``.
Nothing is interpolated: ``%`` and ``$`` stand for themselves. ``txbalancer check -c FILE``
tells every fault with its line.

Durations are numbers with ``ms``, ``s``, ``min``, ``h`` or ``d``; sizes take ``K``, ``M`` and
``G``.
"""

ABOUT_COLUMNS = """\
The last but one column has the default that Apache has for the same, where it differs.
"""

LISTENER = """\
``endpoint`` is needed: Twisted server endpoint strings, one per line: ``tcp:PORT``,
``tcp:PORT:interface=ADDRESS``, ``unix:/PATH`` or ``systemd:domain=INET:index=0``; with
``mode = udp``, ``udp:PORT`` or ``udp:PORT:interface=ADDRESS``. Port 0 takes any free port.
"""

BALANCER = """\
``members`` or ``discover`` is needed, or both. ``discover`` names sources of members, one per
line (:doc:`discovery`). ``members`` has one member per line, ``URL key=value …``, with quotes
around a value that has blanks in it. The URL is ``http://HOST[:PORT][/PATH]``, ``https://…`` or
``unix:/PATH|http://HOST/``.
"""

MEMBER = """\
These stand behind a member's URL. In a ``[balancer:NAME]`` section, ``member.KEY = VALUE``
gives any of them to all members of the balancer that do not say otherwise; ``KEY = VALUE``
does too, unless the balancer has a key of that name itself, as it has ``timeout``. A member that
is added by command has what is said then, and a health check only if one is.
"""

SOURCE = """\
These stand behind the place of a source in a line of ``discover``, and so may options of members,
for those that it finds: with ``member.`` before ``member.timeout``, for sources have one of that
name.
"""

MOUNT = """\
Mounts are tried in file order and the first that takes a request wins. LABEL is the path,
unless ``path`` or ``match`` says otherwise. ``to`` is needed, one of

- ``balancer://NAME/`` or ``balancer://NAME/PATH``: a balancer,
- ``http://HOST:PORT/PATH``, ``https://…`` or ``unix:/PATH|http://HOST/``: one member without a
  balancer; its options may follow,
- ``!``: nothing, 404,
- ``redirect:URL`` or ``redirect:STATUS URL``, where ``$host`` stands for the request's host,
- ``status:NNN``: an answer with that status,
- ``metrics:``: what was counted and measured, for Prometheus (:doc:`metrics`),
- ``health:`` or ``health: NAME …``: 200 while each of these balancers, or of all, has a member
  for a new session, 503 otherwise and from ``stop-delay`` before a stop on,
- ``resource:NAME``: a Twisted web resource of a plugin.

With ``match``, ``$1`` to ``$9`` stand for its groups.

These keys are conditions; all of a mount's must hold, and of several words any may match:
``host`` (names, ``*.example.com``), ``method``, ``header.NAME`` and ``query.NAME`` (values, or
``*`` for any), ``client`` (addresses, ranges such as ``10.0.0.0/8``, ``unix``), ``listener``
(names). ``location`` narrows the paths as Apache's ``<Location>`` does: prefixes, globs such as
``/a*/b`` and ``~REGEX``, of which all must match.
"""

LOG = """\
Access logs of some requests. ``to`` is needed: one log per line, ``WHERE FORMAT``, each as
``access-log`` and ``access-log-format`` have it; WHERE may be in double quotes, and FORMAT is
``combined`` if it is left out. The conditions of mounts say which requests; the first section that
takes a request has it, and ``access-log`` has those that none takes. ::

    [log:shop]
    to =
        /var/log/shop.log combined
        syslog json
    host = shop.example.com
"""

LIMIT = """\
How often requests or connections may come. A mount names the limits of its requests in
``limit``, a listener those of its new connections; ``rate`` is needed. See :doc:`limits`. ::

    [limit:logins]
    rate = 5/min
    burst = 10

    [mount:/login]
    to = balancer://shop/login
    limit = logins
"""

COLUMNS = ("Key", "Allowed", "Default", "Apache's default", "Meaning")


def reference() -> str:
    """
    Return the manual as reStructuredText.
    """
    parts = [
        HEAD,
        FORMAT,
        ABOUT_COLUMNS,
        *_part("[txbalancer]", "", specs.GlobalSpec),
        *_part("[listener:NAME]", LISTENER, specs.ListenerSpec),
        *_part("[balancer:NAME]", BALANCER, specs.BalancerSpec),
        *_part("Members", MEMBER, specs.MemberSpec),
        *_part("Sources of members", SOURCE, specs.SourceSpec),
        *_part("[mount:LABEL]", MOUNT, specs.MountSpec),
        *_head("[log:NAME]"),
        LOG,
        *_part("[limit:NAME]", LIMIT, specs.LimitSpec),
    ]
    return "\n".join(parts)


def _head(title: str) -> Iterator[str]:
    yield f"{title}\n{'-' * len(title)}\n"


def _part(title: str, text: str, spec: type) -> Iterator[str]:
    yield from _head(title)
    if text:
        yield text
    yield "\n".join(table(COLUMNS, (_row(option) for _, option in specs.options(spec)))) + "\n"


def _row(option: Option) -> tuple[str, ...]:
    meaning = option.doc + (f" Apache: {option.apache_name}." if option.apache_name else "")
    apache = "" if option.apache == option.modern else shown_default(option, option.apache)
    return (
        f"``{option.name}``",
        plain(option.kind.allowed),
        shown_default(option, option.modern),
        apache,
        plain(meaning),
    )


def shown_default(option: Option, value: Any) -> str:
    """
    Write a default as it would stand in a file.
    """
    text = "" if value is None else option.kind.show(value)
    return f"``{text}``" if text else "none"


def plain(text: str) -> str:
    """
    Write text so that none of it is markup.
    """
    for char in "\\*`|_":
        text = text.replace(char, f"\\{char}")
    return text


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """
    Yield the lines of a table.
    """
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    for row in (columns, *rows):
        for place, cell in enumerate(row):
            yield f"   {'* -' if place == 0 else '  -'} {cell}".rstrip()


if __name__ == "__main__":
    sys.stdout.write(reference())
