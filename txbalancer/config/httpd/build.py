"""
A tree of directives to a service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.areas import (
    Claim,
    Group,
    make_claims,
    make_groups,
    spread,
    warn_of_unreached,
)
from txbalancer.config.httpd.built import Built
from txbalancer.config.httpd.listeners import (
    Listen,
    is_secure,
    lacks_engine,
    make_listener,
    read_listens,
    show,
    warn_of_differences,
)
from txbalancer.config.httpd.logs import read_error_log
from txbalancer.config.httpd.mounts import Area, make_mounts
from txbalancer.config.httpd.paths import server_root
from txbalancer.config.httpd.reverse import settle_pairs
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.scopes import Reader, Scope
from txbalancer.config.httpd.servers import Server, read_servers
from txbalancer.config.httpd.settle import settle
from txbalancer.config.httpd.targets import make_target
from txbalancer.config.httpd.tls import merge
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.httpd.whole import read_globals
from txbalancer.core.registry import Registry
from txbalancer.core.specs import (
    BalancerSpec,
    GlobalSpec,
    ListenerSpec,
    LogSpec,
    MountSpec,
    ServiceSpec,
    Target,
    ToManager,
    apache_defaults,
)

_NO_NAME = re.compile(r"[^a-z0-9._-]+")


def build(
    tree: Sequence[Directive], findings: Findings, registry: Registry, defaults: str
) -> Built:
    """
    Make the service that directives describe; faults are noted, and their parts left out.

    @param defaults: C{apache} or C{modern}.
    """
    return _Build(tree, findings, registry, defaults).run()


class _Build:
    __slots__ = (
        "_defaults",
        "_findings",
        "_hosts",
        "_main",
        "_places",
        "_root",
        "_scopes",
        "_within",
    )

    def __init__(
        self, tree: Sequence[Directive], findings: Findings, registry: Registry, defaults: str
    ) -> None:
        self._findings = findings
        self._defaults = defaults
        self._root = server_root(tree, findings.path)
        self._places: dict[str, tuple[str, int]] = {"txbalancer": (findings.path, 1)}
        self._within: dict[str, tuple[str, int] | None] = {}
        self._main, self._hosts = read_servers(tree, findings)
        reader = Reader(self._root, findings, registry, defaults)
        main = reader.main(self._main)
        self._scopes = {id(self._main): main}
        for number, host in enumerate(self._hosts, 1):
            suffix = f"-{host.name or number}".lower()
            self._scopes[id(host)] = reader.host(host, main, suffix)

    def run(self) -> Built:
        listens = self._listens()
        groups = make_groups(listens, self._main, self._hosts)
        claims = tuple(make_claims(groups, self._findings))
        balancers = self._balancers()
        logs = tuple(self._logs(claims))
        spec = ServiceSpec(
            self._service(logs),
            tuple(self._listeners(groups)),
            balancers,
            tuple(self._mounts(claims, balancers)),
            logs,
        )
        return Built(spec, self._places, self._within)

    def _listens(self) -> tuple[Listen, ...]:
        main, findings = self._scope(self._main), self._findings
        found = read_listens(self._main.directives, findings)
        if not found and not findings.count:
            findings.error(0, "", "", "no Listen: a line such as `Listen 80` is needed")
        serves = bool(
            main.rules
            or main.redirects
            or any(each.rule or each.handler for each in main.locations)
        )
        warn_of_unreached(found, self._hosts, findings)
        return tuple(spread(found, serves, self._hosts, findings))

    def _base(self, spec: type) -> dict[str, Any]:
        return apache_defaults(spec) if self._defaults == "apache" else {}

    def _scope(self, server: Server) -> Scope:
        return self._scopes[id(server)]

    def _balancers(self) -> tuple[BalancerSpec, ...]:
        settled = settle(self._scope(self._main).balancers)
        self._places.update(settled.places)
        return settled.specs

    def _service(self, logs: Sequence[LogSpec]) -> GlobalSpec:
        directives = self._main.directives
        main = self._scope(self._main)
        in_hosts = (each for host in self._hosts for each in host.directives)
        said = read_globals(directives, self._root, self._findings, in_hosts)
        said["error_log"] = read_error_log(directives, self._root, self._findings)
        for host in self._hosts:
            read_error_log(host.directives, self._root, self._findings, main=False)
        said.update(main.balancers.globals())
        said["access_log"] = "off"
        if main.logs and len(main.logs) == 1:
            said["access_log"], said["access_log_format"] = main.logs[0]
        return GlobalSpec(**{**self._base(GlobalSpec), **said, "defaults": self._defaults})

    def _listeners(self, groups: Sequence[Group]) -> Iterator[ListenerSpec]:
        base = self._base(ListenerSpec)
        for group in groups:
            first, *others = (self._scope(server) for server in group.servers)
            for other in others:
                section = other.server.section
                assert section is not None  # the main server is never with others
                warn_of_differences(first.connection, other.connection, section, self._findings)
            for listen in group.listens:
                name = first.server.name or self._main.name
                said = merge(first.connection, [each.connection for each in others])
                spec = make_listener(listen, said, name, base)
                if is_secure(listen, first.connection) and not spec.tls_certificate:
                    where = first.server.section or listen.directive
                    fault(self._findings, where, "SSLEngine is On: SSLCertificateFile is missing")
                if lacks_engine(listen, first.connection):
                    where = first.server.section or listen.directive
                    doubt(
                        self._findings,
                        where,
                        f"{show(listen.address)} is served without TLS: write SSLEngine On and"
                        " SSLCertificateFile, or SSLEngine Off if that is meant",
                    )
                self._place(f"listener:{spec.name}", listen.directive)
                yield spec

    def _mounts(
        self, claims: Sequence[Claim], balancers: Sequence[BalancerSpec]
    ) -> Iterator[MountSpec]:
        base = self._base(MountSpec)
        taken: set[str] = set()
        for claim in claims:
            area = self._area(claim, balancers)
            names = self._scope(claim.server).balancers.names()
            for placed in make_mounts(area, base, self._findings):
                label = _unique(placed.spec.label, taken)
                self._place(f"mount:{label}", placed.directive)
                section = claim.server.section
                place = (section.path, section.line) if section is not None else None
                self._within[f"mount:{label}"] = place
                pairs = tuple(settle_pairs(placed.spec.proxypassreverse, names))
                if len(pairs) < len(placed.spec.proxypassreverse):
                    text = "a ProxyPassReverse names no balancer that there is: it has no effect"
                    doubt(self._findings, placed.directive, text)
                yield replace(placed.spec, label=label, proxypassreverse=pairs)

    def _area(self, claim: Claim, balancers: Sequence[BalancerSpec]) -> Area:
        scope = self._scope(claim.server)
        settings = dict(scope.settings)
        name = claim.server.name
        if name and name != (claim.group.servers[0].name or self._main.name):
            settings["server_name"] = name
        seen = set(scope.balancers.names().values())
        shown = () if seen >= {each.name for each in balancers} else tuple(sorted(seen))
        return Area(
            claim.title,
            claim.conditions,
            scope.rules,
            tuple(rule for rule, _ in scope.redirects),
            scope.locations,
            scope.proxies,
            settings,
            self._targets(scope),
            ToManager(shown),
            claim.server.section or claim.group.listens[0].directive,
            claim.closed,
        )

    def _targets(self, scope: Scope) -> dict[int, Target]:
        """
        Return where rules lead, by identity of their directive.
        """
        main = self._scope(self._main)
        own = [each.rule for each in scope.locations if each.rule is not None]
        found: dict[int, Target] = {id(rule.directive): target for rule, target in scope.redirects}
        for rule in (*scope.rules, *own):
            key = id(rule.directive)
            inherited = key not in scope.drafts
            draft = (main if inherited else scope).drafts.get(key)
            if draft is None:
                continue
            visible = not inherited or scope.balancers.inherits
            server = main.balancers if inherited and visible else scope.balancers
            try:
                found[key] = make_target(rule, draft, server, visible)
            except ValueError as error:
                fault(self._findings, rule.directive, error)
        return found

    def _logs(self, claims: Sequence[Claim]) -> Iterator[LogSpec]:
        """
        Yield the logs of servers; the service's own has the requests of the others.
        """
        main = self._scope(self._main).logs or (("off", "common"),)
        wanted = [(claim, self._scope(claim.server).logs or main) for claim in claims]
        while wanted and len(main) == 1 and wanted[-1][1] == main:
            wanted.pop()
        taken: set[str] = set()
        for claim, files in wanted:
            name = _unique(_NO_NAME.sub("-", claim.title.lower()) or "all", taken, "-")
            self._place(f"log:{name}", claim.server.section or claim.group.listens[0].directive)
            yield LogSpec(name, files, claim.conditions)

    def _place(self, title: str, directive: Directive) -> None:
        self._places[title] = (directive.path, directive.line)


def _unique(label: str, taken: set[str], gap: str = " ") -> str:
    found, number = label, 1
    while found in taken:
        number += 1
        found = f"{label}{gap}{number}"
    taken.add(found)
    return found
