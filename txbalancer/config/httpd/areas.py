"""
Which server answers which requests, as conditions of its mounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.listeners import Listen
from txbalancer.config.httpd.said import doubt
from txbalancer.config.httpd.servers import Server, are_apart, members_of
from txbalancer.core.specs import Condition


@dataclass(frozen=True, slots=True)
class Group:
    """
    Listeners whose requests the same servers answer.

    @ivar servers: the first answers hosts that none has as a name.
    """

    listens: tuple[Listen, ...]
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """
    Some requests and the server that answers them.

    @ivar closed: whether a later claim is wider: what the server does not serve must not get there.
    """

    server: Server
    group: Group
    title: str
    conditions: tuple[Condition, ...]
    closed: bool


def make_groups(
    listens: Iterable[Listen], main: Server, hosts: tuple[Server, ...]
) -> tuple[Group, ...]:
    """
    Sort listeners by who answers at them.
    """
    groups: dict[tuple[int, ...], Group] = {}
    for listen in listens:
        servers = members_of(hosts, listen.address) or (main,)
        key = tuple(map(id, servers))
        before = groups[key].listens if key in groups else ()
        groups[key] = Group((*before, listen), servers)
    return tuple(groups.values())


def make_claims(groups: tuple[Group, ...], findings: Findings) -> Iterator[Claim]:
    """
    Yield who answers what, such that the first claim that a request fits counts.
    """
    for group in groups:
        here: tuple[Condition, ...] = ()
        if len(groups) > 1:
            here = (Condition("listener", "", tuple(each.name for each in group.listens)),)
        port = f":{group.listens[0].address[1]}" if len(groups) > 1 else ""
        first, *others = group.servers
        taken: list[str] = list(first.names)
        named = []
        for server in others:
            names = tuple(name for name in server.names if not _matches(name, taken))
            taken += names
            if names:
                named.append((server, names))
            elif server.section is not None:
                doubt(
                    findings,
                    server.section,
                    "is never reached: other <VirtualHost>s of its address have all its names",
                )
        if not all(are_apart(first.names, names) for _, names in named):
            named.insert(0, (first, first.names))
        for server, names in named:
            title = f"{names[0]}{port}"
            yield Claim(server, group, title, (*here, Condition("host", "", names)), True)
        title = f"{first.name}{port}" if others or len(groups) > 1 else ""
        yield Claim(first, group, title, here, False)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)
