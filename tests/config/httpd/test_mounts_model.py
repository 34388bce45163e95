"""
What sections add to rules is worked out at load. Here it is compared with Apache's way, which
walks through all sections for each request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.config.helpers import REGISTRY
from txbalancer.config import loads
from txbalancer.config.render import render
from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.request import Peer
from txbalancer.core.specs import NotProxied, ToManager, ToMember, ToStatus
from txbalancer.testing import FakeRequest

PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/b", "/b/c", "/ab"]
REGEXES = ["^/a", "b", "^/a/b$", "/c$"]
GLOBS = ["/*", "/*/b", "/a?", "/[ab]"]
ASKED = [*PATHS, "/a/c", "/a/b/c/d", "/b/a", "/c", "/b/", "/abc", "/a//b", "/a/./b", "/%61/b"]
NORMAL = {"/a//b": "/a/b", "/a/./b": "/a/b", "/%61/b": "/a/b"}
HOSTS = ["one", "two", "x.two", "three", "", "nobody"]


@dataclass(frozen=True)
class Section:
    """
    A C{<Location>}: C{kind} is prefix, glob or regex; C{passes} is C{!}, yes or nothing.
    """

    kind: str
    path: str
    number: int
    says: tuple[str, ...]
    passes: str
    handler: str

    def matches(self, path: str) -> bool:
        if self.kind == "prefix":
            return below(self.path, path)
        if self.kind == "regex":
            return re.search(self.path, path) is not None
        parts = path.split("/"), self.path.split("/")
        return len(parts[0]) == len(parts[1]) and all(map(fnmatchcase, *parts))

    def text(self) -> str:
        name = "LocationMatch" if self.kind == "regex" else "Location"
        lines = [f"<{name} {self.path}>", *self.says]
        if self.passes:
            target = "!" if self.passes == "!" else f"http://section{self.number}/x"
            lines.append(f"ProxyPass {target}")
        if self.handler:
            lines.append(f"SetHandler {self.handler}")
        return "\n".join([*lines, f"</{name}>"])


@dataclass(frozen=True)
class Rule:
    """
    A C{ProxyPass} outside of sections.
    """

    path: str
    number: int
    proxied: bool
    regex: bool

    def text(self) -> str:
        target = f"http://rule{self.number}/x" if self.proxied else "!"
        return f"ProxyPass{'Match' if self.regex else ''} {self.path} {target}"

    def matches(self, path: str) -> bool:
        return re.search(self.path, path) is not None if self.regex else below(self.path, path)


@dataclass(frozen=True)
class Server:
    names: tuple[str, ...]
    parts: tuple[Section | Rule, ...]

    def text(self) -> str:
        return "\n".join(part.text() for part in self.parts)


def below(prefix: str, path: str) -> bool:
    return path.startswith(prefix if prefix.endswith("/") else f"{prefix}/") or path == prefix


def answered(main: Server, hosts: list[Server], host: str, path: str) -> tuple[object, ...]:
    """
    Say what Apache does with a request: where it goes, its header edits, its rules.
    """
    found = hosts[0] if hosts else main
    for server in hosts:
        if any(fnmatchcase(host, name) for name in server.names):
            found = server
            break
    parts = (*main.parts, *found.parts) if found is not main else main.parts
    sections = [each for each in parts if isinstance(each, Section) and each.matches(path)]
    rules = [each for each in parts if isinstance(each, Rule) and each.matches(path)]
    said = [line for each in sections for line in each.says]
    headers = tuple(line.split()[-1] for line in said if line.startswith("Header"))
    last = [each for each in sections if any(line.startswith("Require") for line in each.says)]
    require = (
        tuple(line.split()[-1] for line in last[-1].says if line.startswith("Require"))
        if last
        else ()
    )
    kept = [line for line in said if line.startswith("ProxyPreserveHost")]
    keeps = bool(kept) and kept[-1].endswith("On")
    passing = [each for each in sections if each.passes]
    if passing:
        target = "" if passing[-1].passes == "!" else f"section{passing[-1].number}"
    else:
        target = f"rule{rules[0].number}" if rules and rules[0].proxied else ""
    if target:
        return target, headers, require, keeps
    handlers = [each.handler for each in sections if each.handler]
    if handlers and handlers[-1] != "none":
        return handlers[-1], headers, require
    return ("404",)


def mounted(table: MountTable, host: str, path: str) -> tuple[object, ...]:
    """
    Say the same of the mounts that were made.
    """
    request = FakeRequest(
        path=path.encode(), host=host.encode(), peer=Peer("10.0.0.1", listener="port-8080")
    )
    found = table.find(request)
    mount = found[0].spec if found else None
    if mount is None or isinstance(mount.target, NotProxied):
        return ("404",)
    headers = tuple(each.value for each in mount.header)
    require = tuple(rule.words[0] for rule in mount.require)  # type: ignore[union-attr]
    if isinstance(mount.target, ToMember):
        return mount.target.member.host, headers, require, mount.preservehost
    names = {ToManager: "balancer-manager", ToStatus: "server-status"}
    return names[type(mount.target)], headers, require


numbers = st.integers(1, 9)
says = st.lists(
    st.one_of(
        numbers.map(lambda n: f"Header add X-S {n}"),
        numbers.map(lambda n: f"Require ip 10.0.0.{n}"),
        st.sampled_from(["ProxyPreserveHost On", "ProxyPreserveHost Off"]),
    ),
    max_size=3,
).map(tuple)


@st.composite
def sections(draw: st.DrawFn) -> Section:
    kind = draw(st.sampled_from(["prefix", "prefix", "prefix", "regex", "glob"]))
    path = draw(st.sampled_from({"prefix": PATHS, "regex": REGEXES, "glob": GLOBS}[kind]))
    passes = draw(st.sampled_from(["", "", "!", "yes"])) if kind == "prefix" else ""
    handler = draw(st.sampled_from(["", "", "", "balancer-manager", "server-status", "none"]))
    return Section(kind, path, draw(numbers), draw(says), passes, handler)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    regex = draw(st.booleans())
    path = draw(st.sampled_from(REGEXES if regex else PATHS))
    return Rule(path, draw(numbers), draw(st.booleans()), regex)


parts = st.lists(st.one_of(sections(), rules()), max_size=6).map(tuple)
names = st.lists(st.sampled_from(["one", "two", "*.two", "t*", "three"]), min_size=1, max_size=2)


def written(main: Server, hosts: list[Server]) -> str:
    text = f"Listen 8080\nServerName main\n{main.text()}\n"
    for host in hosts:
        first, *others = host.names
        aliases = f"ServerAlias {' '.join(others)}\n" if others else ""
        text += f"<VirtualHost *:8080>\nServerAlias {first}\n{aliases}{host.text()}\n"
        text += "</VirtualHost>\n"
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(main=parts, hosts=st.lists(st.tuples(names, parts), max_size=3))
def test_H50_mounts_do_what_a_walk_through_all_sections_does(
    main: tuple[Section | Rule, ...], hosts: list[tuple[list[str], tuple[Section | Rule, ...]]]
) -> None:
    """
    For every request: the same target, header edits in the same order, and the same access rules
    as a walk gives; and the file as INI means the same.
    """
    server = Server((), main)
    others = [Server(tuple(named), inside) for named, inside in hosts]
    spec = loads(written(server, others), REGISTRY).spec
    table = MountTable(Mount(each, order) for order, each in enumerate(spec.mounts))
    for host in HOSTS if others else HOSTS[:1]:
        for path in ASKED:
            wanted = answered(server, others, host, NORMAL.get(path, path))
            assert mounted(table, host, path) == wanted, (host, path)
    assert loads(render(spec), REGISTRY).spec == spec
