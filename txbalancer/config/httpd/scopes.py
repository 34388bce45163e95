"""
What one server says, with what it inherits of the main server.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from txbalancer.config import options as config_options
from txbalancer.config.findings import Findings
from txbalancer.config.httpd.balancers import Balancers, share
from txbalancer.config.httpd.defaults import read_defaults
from txbalancer.config.httpd.listeners import Connection, read_connection
from txbalancer.config.httpd.locations import (
    PASSES,
    SECTIONS,
    Location,
    read_locations,
    read_proxies,
)
from txbalancer.config.httpd.logs import Files, read_formats, read_logs
from txbalancer.config.httpd.redirects import Target, read_redirects
from txbalancer.config.httpd.rules import NeverMatches, Rule, read_rule
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.servers import Server
from txbalancer.config.httpd.settings import KINDS, Settings, merge, read_settings
from txbalancer.config.httpd.targets import Draft, draft_target
from txbalancer.config.httpd.tls import ENGINE, with_root
from txbalancer.config.httpd.tohttps import is_made
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.httpd.whole import read_levels
from txbalancer.core import values
from txbalancer.core.registry import Registry

OF_SERVERS = {
    "allowencodedslashes": "encodedslashes",
    "proxymaxforwards": "maxforwards",
    "proxyvia": "via",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What holds in one server.

    @ivar connection: of its clients' connections.
    @ivar settings: of all its requests.
    @ivar redirects: C{Redirect} and its like, and where they lead.
    @ivar drafts: where its own rules lead, by identity of their directive.
    @ivar logs: where its requests are logged; C{None}: not said.
    """

    server: Server
    connection: Connection
    settings: Settings
    locations: tuple[Location, ...]
    proxies: tuple[Location, ...]
    rules: tuple[Rule, ...]
    redirects: tuple[tuple[Rule, Target], ...]
    drafts: Mapping[int, Draft]
    balancers: Balancers
    formats: Mapping[str, str]
    logs: Files | None


class Reader:
    """
    Reads servers of one file; faults are noted.
    """

    __slots__ = ("_defaults", "_findings", "_registry", "_root", "_switches")

    def __init__(self, root: str, findings: Findings, registry: Registry, defaults: str) -> None:
        """
        @param root: where relative paths begin.
        """
        self._root = root
        self._findings = findings
        self._registry = registry
        self._defaults = defaults
        self._switches = {"balancerinherit": True, "proxypassinherit": True}

    def main(self, server: Server) -> Scope:
        """
        Read the main server.
        """
        # What the main server says of inheriting holds for hosts that do not say it.
        self._switches = self._switched(server)
        balancers = Balancers(self._findings, self._registry, self._defaults)
        return self._read(server, balancers, {}, None)

    def host(self, server: Server, main: Scope, suffix: str) -> Scope:
        """
        Read a C{<VirtualHost>}.

        @param suffix: what makes names of its balancers its own.
        """
        balancers = Balancers(
            self._findings,
            self._registry,
            self._defaults,
            parent=main.balancers,
            name_suffix=suffix,
            # As in Apache, a host has the main server's balancers unless both are off.
            inherits=any(self._switched(server).values()),
        )
        return self._read(server, balancers, main.formats, main)

    def _switched(self, server: Server) -> dict[str, bool]:
        """
        Read what a server says of inheriting; rules are inherited in any case.
        """
        switches = self._switches.copy()
        for directive in server.directives:
            if directive.key in switches:
                try:
                    (text,) = arguments(directive, 1, 1, "On or Off")
                    switches[directive.key] = values.flag.parse(text)
                except ValueError as error:
                    fault(self._findings, directive, error)
                if not switches["proxypassinherit"] and directive.key == "proxypassinherit":
                    doubt(
                        self._findings,
                        directive,
                        "the main server's ProxyPass rules hold nevertheless, as in Apache 2.4",
                    )
        return switches

    def _read(
        self,
        server: Server,
        balancers: Balancers,
        formats: Mapping[str, str],
        main: Scope | None,
    ) -> Scope:
        findings, inside = self._findings, server.directives
        _refuse(inside, main is None, findings)
        locations = read_locations(inside, findings)
        rules = tuple(self._rules(inside))
        drafts = self._drafts(inside, rules, locations, balancers)
        balancers.server_defaults = {
            **(main.balancers.server_defaults if main else {}),
            **read_defaults(inside, self._root, self._registry, findings),
        }
        settings = self._with_files(read_settings(inside, findings), inside)
        settings |= _of_server(inside, findings)
        formats = read_formats(inside, formats, findings)
        proxies = read_proxies(inside, findings)
        connection = {**(main.connection if main else {}), **self._connection(inside)}
        rules = (*(main.rules if main else ()), *rules)
        locations = (*(main.locations if main else ()), *self._all_with_files(locations))
        redirects = (*read_redirects(inside, findings), *(main.redirects if main else ()))
        first = redirects[0][0].directive if redirects else None
        if first is not None and is_made(first):
            self._alone(first, bool(connection.get(ENGINE)), rules, locations)
            rules, redirects = (), redirects[:1]
            locations = tuple(replace(each, handler="", rule=None) for each in locations)
        return Scope(
            server,
            connection,
            merge(main.settings if main else {}, settings),
            locations,
            (*(main.proxies if main else ()), *self._all_with_files(proxies)),
            rules,
            redirects,
            drafts,
            balancers,
            formats,
            read_logs(inside, formats, self._root, findings),
        )

    def _alone(
        self, first: Directive, secure: bool, rules: Sequence[Rule], locations: Sequence[Location]
    ) -> None:
        """
        Tell what has no effect beside a rule that takes every request before.
        """
        if secure:
            fault(self._findings, first, "connections have TLS already: SSLEngine is On")
        dead = [each.directive for each in rules]
        dead += [each.section for each in locations if each.rule or each.handler]
        for each in dead[:1]:
            doubt(
                self._findings,
                first,
                f"takes every request of its <VirtualHost>, as in Apache: {each.name} of"
                f" {each.path}:{each.line} and the like have no effect in it",
            )

    def _rules(self, directives: Iterable[Directive]) -> Iterable[Rule]:
        for directive in directives:
            if directive.key in PASSES:
                try:
                    yield read_rule(directive)
                except NeverMatches as error:
                    doubt(self._findings, directive, str(error))
                except ValueError as error:
                    fault(self._findings, directive, error)

    def _drafts(
        self,
        directives: Iterable[Directive],
        rules: Iterable[Rule],
        locations: Iterable[Location],
        balancers: Balancers,
    ) -> dict[int, Draft]:
        """
        Tell balancers all that is said of them, in file order, and read where rules lead.
        """
        inside = [each.rule for each in locations if each.rule is not None]
        waiting = {id(rule.directive): rule for rule in (*rules, *inside)}
        found: dict[int, Draft] = {}
        for top in directives:
            if top.key in ("proxy", "proxymatch"):
                self._section(top, balancers)
                continue
            for directive in top.walk():
                self._directive(directive, top is not directive, balancers)
                rule = waiting.get(id(directive))
                draft = draft_target(rule, balancers) if rule else None
                if draft is not None:
                    found[id(directive)] = draft
        return found

    def _section(self, section: Directive, balancers: Balancers) -> None:
        holder, rest = balancers.section(section)
        options = read_defaults(rest, self._root, self._registry, self._findings)
        if options and holder is not None:
            share(holder, options, section)
        elif options:
            fault(self._findings, section, "SSLProxy… takes effect in <Proxy balancer://NAME> only")

    def _directive(self, directive: Directive, inside: bool, balancers: Balancers) -> None:
        if directive.key == "balancermember":
            balancers.member(directive, in_location=inside)
        elif directive.key == "proxyset":
            balancers.proxyset(directive)
        elif directive.key == "proxyhcexpr":
            balancers.expression(directive)
        elif directive.key == "proxyhctemplate":
            balancers.template(directive)
        elif directive.key == "proxyhctpsize":
            balancers.tpsize(directive)
        elif directive.key == "balancergrowth":
            balancers.growth(directive)

    def _connection(self, directives: Iterable[Directive]) -> Connection:
        return with_root(read_connection(directives, self._findings), self._root)

    def _file(self, text: str) -> str:
        return os.path.join(self._root, text)

    def _all_with_files(self, sections: Iterable[Location]) -> Iterator[Location]:
        for each in sections:
            inside = each.section.children or ()
            yield replace(each, settings=self._with_files(each.settings, inside))

    def _with_files(self, settings: Settings, inside: Iterable[Directive]) -> dict[str, Any]:
        found = dict(settings)
        if found.get("auth_file"):
            found["auth_file"] = self._file(found["auth_file"])
            _try(found["auth_file"], "authuserfile", inside, self._findings)
        return found


def _try(path: str, key: str, inside: Iterable[Directive], findings: Findings) -> None:
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        directive = next(each for each in inside if each.key == key)
        fault(findings, directive, config_options.unreadable("auth-file", path, error))


def _of_server(directives: Iterable[Directive], findings: Findings) -> dict[str, Any]:
    found = {}
    for directive in directives:
        attribute = OF_SERVERS.get(directive.key)
        if attribute is not None:
            try:
                (text,) = arguments(directive, 1, 1, "one word")
                # -1, Apache's default, adds no Max-Forwards.
                off = attribute == "maxforwards" and text == "-1"
                found[attribute] = None if off else KINDS[attribute].parse(text)
            except ValueError as error:
                fault(findings, directive, error)
    return found


def _refuse(directives: Iterable[Directive], main: bool, findings: Findings) -> None:
    """
    Find what is understood, but can have no effect where it stands or as it is.
    """
    for top in directives:
        location = top.key in SECTIONS
        for directive in top.walk():
            words = [word.lower() for word in directive.args]
            if directive.key == "proxyrequests" and words != ["off"]:
                fault(findings, directive, "there is no forward proxy here: use Off")
            elif directive.key == "proxystatus" and words not in (["off"], ["on"], ["full"]):
                fault(findings, directive, "use Off, On or Full")
            elif directive.key == "authbasicauthoritative" and words != ["on"]:
                fault(findings, directive, "there is no other authority here: use On")
            elif directive.key == "sethandler" and not location:
                fault(findings, directive, "may only stand in a <Location>")
            elif directive.key == "loglevel" and not (main and directive is top):
                _warn_of_level(directive, findings)


def _warn_of_level(directive: Directive, findings: Findings) -> None:
    try:
        read_levels(directive)
    except ValueError as error:
        fault(findings, directive, error)
    else:
        doubt(findings, directive, "has no effect here: one level holds for all messages")
