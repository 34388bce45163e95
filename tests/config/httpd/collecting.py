"""
Apache's syntax to balancers, without the servers around them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.config.helpers import REGISTRY
from txbalancer.config.findings import Findings
from txbalancer.config.httpd.balancers import Balancers, Section
from txbalancer.config.httpd.drafts import BalancerDraft, is_balancer
from txbalancer.config.httpd.members import MemberDraft
from txbalancer.config.httpd.preprocess import preprocess
from txbalancer.config.httpd.settle import settle, single_spec
from txbalancer.config.httpd.tree import Directive
from txbalancer.core.registry import Registry
from txbalancer.core.specs import BalancerSpec, MemberSpec
from txbalancer.errors import ConfigErrors

PROBES = Registry(
    lbmethods={
        name: SimpleNamespace()
        for name in ("byrequests", "bytraffic", "bybusyness", "heartbeat", "hash")
    },
    probes={
        **REGISTRY.probes,
        **{name: SimpleNamespace() for name in ("options11", "head11", "get11")},
    },
    sticky=REGISTRY.sticky,
)
"""What there is for members and balancers to name."""


def directive(line: str, *children: Directive, number: int = 1) -> Directive:
    """
    Make a directive of one line.
    """
    name, _, text = line.partition(" ")
    return Directive(name, tuple(shlex.split(text)), text, "f", number, children or None)


@dataclass
class Collected:
    """
    What became of some directives.

    @ivar targets: of each C{ProxyPass}, in file order.
    """

    main: Balancers
    hosts: list[Balancers] = field(default_factory=list)
    specs: tuple[BalancerSpec, ...] = ()
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    targets: list[str | MemberSpec | None] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> BalancerSpec:
        return {each.name: each for each in self.specs}[name]


Waiting = list[tuple[Balancers, "tuple[BalancerDraft, str] | MemberDraft | None"]]


def _read(server: Balancers, directives: Iterable[Directive], out: Collected, put: Waiting) -> None:
    for each in directives:
        words = list(each.args)
        if each.key in ("proxy", "proxymatch"):
            out.sections.append(server.section(each))
        elif each.key == "balancermember":
            server.member(each)
        elif each.key == "proxyset":
            server.proxyset(each)
        elif each.key == "proxyhctemplate":
            server.template(each)
        elif each.key == "proxyhcexpr":
            server.expression(each)
        elif each.key == "proxyhctpsize":
            server.tpsize(each)
        elif each.key == "balancergrowth":
            server.growth(each)
        elif each.key == "proxypass":
            url, rest = words[1], words[2:]
            read = server.parameters if is_balancer(url) else server.single
            put.append((server, read(url, rest, each)))


def collect(
    text: str, servers: Sequence[dict[str, Any]] = ({},), registry: Registry = PROBES
) -> Collected:
    """
    Read directives, of which virtual hosts have their own balancers.

    @param servers: what each server gives its members; the last holds for all others.
    """
    findings = Findings("f")
    read = preprocess(text, findings)
    out = Collected(Balancers(findings, registry, read.defaults))
    put: Waiting = []
    hosts = [each for each in read.tree if each.key == "virtualhost"]
    _read(out.main, [each for each in read.tree if each not in hosts], out, put)
    for number, host in enumerate(hosts, 1):
        inside = host.children or ()
        off = {each.key for each in inside if each.key.endswith("inherit")}
        server = Balancers(
            findings, registry, read.defaults, out.main, f".v{number}", inherits=len(off) < 2
        )
        _read(server, inside, out, put)
        out.hosts.append(server)
    for number, server in enumerate((out.main, *out.hosts)):
        server.server_defaults = servers[min(number, len(servers) - 1)]
    out.specs, out.places = settle(out.main)
    for server, target in put:
        if isinstance(target, MemberDraft):
            out.targets.append(single_spec(server, target))
        else:
            out.targets.append(target and target[0].spec_name + target[1])
    try:
        findings.raise_errors()
    except ConfigErrors as errors:
        out.errors = str(errors).split("\n")
    out.warnings = findings.warnings()
    return out


def good(text: str, servers: Sequence[dict[str, Any]] = ({},)) -> Collected:
    """
    Read directives that have no fault.
    """
    found = collect(text, servers)
    assert found.errors == []
    return found


def balancer(*lines: str) -> str:
    """
    Write the section of balancer C{c}.
    """
    return "\n".join(("<Proxy balancer://c>", *lines, "</Proxy>\n"))


def member(parameters: str) -> MemberSpec:
    """
    Return the only member of a balancer, with these parameters.
    """
    (spec,) = good(balancer(f"BalancerMember http://h:1 {parameters}")).specs
    return spec.members[0]


def host(*lines: str) -> str:
    """
    Write a virtual host.
    """
    return "\n".join(("<VirtualHost *:80>", *lines, "</VirtualHost>\n"))
