"""
The main server and its C{<VirtualHost>}s: what stands in each, and who answers which names.

A request belongs to the C{<VirtualHost>}s with the address that it came to; among them to the
first that has its host as a name, else to the first of them. The main server answers
only at addresses that none of them has.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from ipaddress import ip_address

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core import values

ANY = "*"
_PLACE = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*|[0-9A-Fa-f:.]+)(?::(?P<port>\d{1,5}|\*))?")
_NAME = re.compile(r"(?:[A-Za-z][\w+.-]*://)?(?P<host>\[[^\]]*\]|[^:/]*)(?::(?P<port>\d{1,5}))?")
_HOST = re.compile(r"[a-z0-9._*?-]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?", re.ASCII)

Address = tuple[str, int]
"""An address or L{ANY}, and a port or 0 for any."""


@dataclass(frozen=True, slots=True)
class Server:
    """
    The main server or a C{<VirtualHost>}.

    @ivar section: the C{<VirtualHost>}; C{None} for the main server.
    @ivar addresses: of a C{<VirtualHost>}.
    @ivar directives: what stands in it.
    @ivar name: its own, or empty.
    @ivar names: hosts for which it answers: lower case, may be globs.
    """

    section: Directive | None
    addresses: tuple[Address, ...]
    directives: tuple[Directive, ...]
    name: str = ""
    names: tuple[str, ...] = ()


def read_servers(
    tree: Iterable[Directive], findings: Findings
) -> tuple[Server, tuple[Server, ...]]:
    """
    Divide a file into the main server and the C{<VirtualHost>}s.
    """
    tree = tuple(tree)
    outside = tuple(each for each in tree if each.key != "virtualhost")
    main = Server(None, (), outside, *_names(outside, (), findings))
    hosts = []
    for section in tree:
        if section.key == "virtualhost":
            addresses, called = _addresses(section, findings)
            inside = section.children or ()
            name, names = _names(inside, called, findings)
            # As in Apache, one without a name of its own has the main server's.
            own = (name, names) if name else (main.name, (*main.names, *names))
            hosts.append(Server(section, addresses, inside, *own))
    return main, tuple(hosts)


def members_of(hosts: Iterable[Server], address: Address) -> tuple[Server, ...]:
    """
    Return the C{<VirtualHost>}s that share the requests of a listening address.
    """
    host, port = address
    hosts = tuple(hosts)
    for wanted in ((host, port), (host, 0), (ANY, port), (ANY, 0)):
        found = tuple(each for each in hosts if wanted in each.addresses)
        if found:
            return found
    return ()


def are_apart(one: Iterable[str], other: Iterable[str]) -> bool:
    """
    Tell whether no host can be among the names of both.
    """
    other = tuple(other)
    return not any(_overlap(first, second) for first in one for second in other)


def _overlap(one: str, other: str) -> bool:
    globs = [bool(set(name) & set("*?")) for name in (one, other)]
    if all(globs):
        return True
    if globs[1]:
        one, other = other, one
    return re.fullmatch(translate(one.replace("[", "[[]")), other) is not None


def _addresses(
    section: Directive, findings: Findings
) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    """
    Read the addresses of a C{<VirtualHost>}, and those of them that are names.
    """
    if not section.args:
        fault(findings, section, "<VirtualHost> needs an address and port, such as *:80")
    found: list[Address] = []
    called = []
    for word in section.args:
        match = _PLACE.fullmatch(word)
        if (
            match is None
            or not match["host"]
            or int((match["port"] or "0").strip("*") or 0) > 65535
        ):
            fault(findings, section, f"{word!r} is no ADDRESS:PORT, such as *:80 or [::1]:80")
            continue
        port = int((match["port"] or "0").strip("*") or 0)
        host = match["host"].lower()
        if host in (ANY, "_default_"):
            found.append((ANY, port))
            continue
        addresses = resolve(host)
        if not addresses:
            fault(findings, section, f"the name {host} is not found: give an address")
        elif not _is_address(host):
            called.append(host)
        found += [(address, port) for address in addresses]
    return tuple(found), tuple(called)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def resolve(host: str) -> tuple[str, ...]:
    """
    Return the addresses of a host, as Apache looks them up at its start; none if there are none.
    """
    if _is_address(host):
        return (str(ip_address(host.strip("[]"))),)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


def _names(
    directives: Iterable[Directive], called: tuple[str, ...], findings: Findings
) -> tuple[str, tuple[str, ...]]:
    """
    Return the server's own name, and all names for which it answers.
    """
    name = called[0] if called else ""
    aliases: list[str] = []
    for directive in directives:
        try:
            if directive.key == "servername":
                name = _own_name(directive)
            elif directive.key == "serveralias":
                aliases += _aliases(directive)
        except ValueError as error:
            fault(findings, directive, error)
    everything = dict.fromkeys(filter(None, (name.lower(), *called, *aliases)))
    return name, tuple(everything)


def _own_name(directive: Directive) -> str:
    (text,) = arguments(directive, 1, 1, "[SCHEME://]NAME[:PORT]")
    match = _NAME.fullmatch(text)
    if match is None or not match["host"]:
        raise ValueError(f"{text!r} must be [SCHEME://]NAME[:PORT]")
    return values.host(match["host"].removesuffix("."))


def _aliases(directive: Directive) -> Iterator[str]:
    for word in directive.args:
        lowered = word.lower().removesuffix(".")
        if not _HOST.fullmatch(lowered):
            raise ValueError(f"{word!r} is not a host: use names, which may have * and ?")
        yield lowered
