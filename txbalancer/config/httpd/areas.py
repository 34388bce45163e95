"""
Which server answers which requests, as conditions of its mounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.listeners import Listen, replace_address, show
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.servers import ANY, Address, Server, are_apart, members_of
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


def spread(
    listens: Iterable[Listen], serves: bool, hosts: tuple[Server, ...], findings: Findings
) -> Iterator[Listen]:
    """
    Divide listeners of all addresses where C{<VirtualHost>}s have some of them.

    A request does not tell to which of a machine's addresses it came, and one for an inner address
    must not be had at an outer one: each address gets a listener, if nothing is served at others.

    @param serves: whether the main server serves anything.
    """
    listens = tuple(listens)
    own = {listen.address for listen in listens}
    for listen in listens:
        host, port = listen.address
        if host != ANY:
            yield listen
            continue
        named = dict.fromkeys(
            (address, port)
            for server in hosts
            for address, wanted in server.addresses
            if address != ANY and wanted in (0, port) and (address, port) not in own
        )
        if not named:
            yield listen
        elif serves or members_of(hosts, listen.address):
            fault(
                findings,
                listen.directive,
                "<VirtualHost>s have some of these addresses and others are served too: write a"
                f" Listen for each address, such as Listen {show(next(iter(named)))}",
            )
        else:
            doubt(
                findings,
                listen.directive,
                f"only {', '.join(map(show, named))} is listened on: nothing is served at others",
            )
            yield from (replace_address(listen, each) for each in named)


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
        taken = set(first.names)
        globs = [name for name in first.names if _is_glob(name)]
        named = []
        for server in others:
            names = tuple(
                name for name in server.names if name not in taken and not _matches(name, globs)
            )
            taken.update(names)
            globs += filter(_is_glob, names)
            if names:
                named.append((server, names))
            else:
                assert server.section is not None  # the main server is never with others
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


def warn_of_unreached(
    listens: Iterable[Listen], hosts: Iterable[Server], findings: Findings
) -> None:
    """
    Warn of addresses of C{<VirtualHost>}s that no C{Listen} has.
    """
    for server in hosts:
        for host, port in server.addresses:
            if not any(_is_part((host, port), listen.address) for listen in listens):
                assert server.section is not None
                doubt(findings, server.section, f"no Listen has {show((host, port))}")


def _is_part(wanted: Address, there: Address) -> bool:
    host, port = wanted
    return port in (0, there[1]) and (ANY in (host, there[0]) or host == there[0])


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_glob(name: str) -> bool:
    return "*" in name or "?" in name
