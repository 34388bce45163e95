"""
The rules of a server and what sections add to them, as mounts in the order in which they count.

Source: APACHE item H50, and what Apache 2.4.71 was seen to do: a C{ProxyPass} in the last
C{<Location>} that matches comes first, then those outside, of the main server before the
C{<VirtualHost>}'s. C{SetHandler} is only asked for what is not proxied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.expand import Variant, ancestors, expand
from txbalancer.config.httpd.locations import Location, about
from txbalancer.config.httpd.nearby import Nearby
from txbalancer.config.httpd.patterns import EVERYWHERE, Pattern, Share, share
from txbalancer.config.httpd.redirects import KEYS as REDIRECTS
from txbalancer.config.httpd.rules import Rule
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.settings import KINDS, Settings, merge
from txbalancer.config.httpd.tree import Directive
from txbalancer.core.mounts import Mount
from txbalancer.core.specs import (
    Condition,
    MountSpec,
    NotProxied,
    Target,
    ToBalancer,
    ToHeartbeat,
    ToManager,
    ToMember,
    ToStatus,
)

OF_REDIRECTS = ("encodedslashes", "header", "server_name")
"""What concerns mounts that answer before anybody is asked who they are."""
OF_PAGES = ("require", "auth_file", "auth_name", "header")
"""What concerns mounts that are no proxies."""

Outcome = tuple[Target, Settings]


@dataclass(frozen=True, slots=True)
class Area:
    """
    What one server says of its requests.

    @ivar title: begins the labels of its mounts.
    @ivar conditions: which requests are the server's.
    @ivar rules: outside of sections, in the order in which they count.
    @ivar redirects: what comes after them.
    @ivar targets: of all rules, by identity of their directive.
    @ivar manager: what C{balancer-manager} shows here.
    @ivar anything: a directive of the server, for messages about all of it.
    @ivar closed: whether what no rule takes must not fall to a later server.
    """

    title: str
    conditions: tuple[Condition, ...]
    rules: tuple[Rule, ...]
    redirects: tuple[Rule, ...]
    locations: tuple[Location, ...]
    proxies: tuple[Location, ...]
    settings: Settings
    targets: Mapping[int, Target]
    manager: ToManager
    anything: Directive
    closed: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """
    A mount, the directive it comes from, and the paths it takes.
    """

    spec: MountSpec
    directive: Directive
    pattern: Pattern
    within: tuple[Pattern, ...]


def make_mounts(area: Area, base: Mapping[str, Any], findings: Findings) -> Iterator[Placed]:
    """
    Yield the mounts of a server; those that no request can reach are left out.

    @param base: the defaults in force.
    """
    own = [each.rule for each in area.locations if each.rule is not None]
    taken = Taken()
    nearby = Nearby(area.locations)
    for rule in (*reversed(own), *area.rules, *area.redirects):
        try:
            mounts = [each for each in _of_rule(rule, area, nearby, base) if taken.leaves(each)]
        except ValueError as error:
            fault(findings, rule.directive, error)
            continue
        # What an exclusion leaves to a redirect has its mount already.
        known = id(rule.directive) in area.targets and taken.owner(rule.pattern) != rule.directive
        if not mounts and known:
            text = f"is never reached{taken.by(rule.pattern, rule.directive)}"
            if rule in area.redirects and text.endswith("before"):
                text += (
                    "; ProxyPass goes before Redirect, as in Apache: put `ProxyPass PATH !` there"
                )
            doubt(findings, rule.directive, text)
        yield from map(taken.note, mounts)
    yield from _of_rest(area, base, taken, findings)


class Taken:
    """
    The paths that mounts of a server have so far.
    """

    __slots__ = ("_owners", "_pages")

    def __init__(self) -> None:
        self._owners: dict[Pattern, Directive] = {}
        self._pages: set[type] = set()

    def note(self, placed: Placed) -> Placed:
        """
        Take the paths of a mount.
        """
        self._pages.add(type(placed.spec.target))
        if not placed.within:
            self._owners.setdefault(placed.pattern, placed.directive)
        return placed

    def leaves(self, placed: Placed) -> bool:
        """
        Tell whether a mount may get requests.
        """
        return not any(map(self.owner, (placed.pattern, *placed.within)))

    def by(self, pattern: Pattern, seen_from: Directive) -> str:
        """
        Tell who has all paths of a pattern.

        @param seen_from: what the message is about.
        """
        owner = self.owner(pattern)
        if owner is None:
            return ""
        where = f" of {owner.path}" if owner.path != seen_from.path else ""
        return f": line {owner.line}{where} takes all of {pattern.word} before"

    def serves(self, target: Target) -> bool:
        """
        Tell whether a mount has a target of this kind.
        """
        return type(target) in self._pages

    def owner(self, pattern: Pattern) -> Directive | None:
        """
        Return the directive that has all paths of a pattern.
        """
        around = ancestors(pattern.text) if pattern.kind == "prefix" else (EVERYWHERE,)
        owners = self._owners
        return next((owners[each] for each in (pattern, *around) if each in owners), None)


def _of_rule(rule: Rule, area: Area, nearby: Nearby, base: Mapping[str, Any]) -> Iterator[Placed]:
    target = area.targets.get(id(rule.directive))
    if target is None:  # its fault is told already
        return
    if rule.directive.key in REDIRECTS:
        yield from _of_redirect(rule, area, nearby, base)
        return
    if isinstance(target, NotProxied):
        for redirect in area.redirects:
            yield from _of_redirect(redirect, area, nearby, base, rule.pattern)
    proxies = () if isinstance(target, NotProxied) else tuple(about(area.proxies, rule))

    def outcome(sections: tuple[Location, ...]) -> Outcome | None:
        return _outcome(target, sections, area) if _comes_to(rule, sections) else None

    for variant in expand(rule.pattern, (*proxies, *nearby.of(rule.pattern)), outcome):
        served, settings = variant.outcome
        flags = dict(rule.flags) if isinstance(served, (ToBalancer, ToMember)) else {}
        yield _placed(rule.pattern, variant, area, {**base, **settings, **flags}, rule.directive)


def _of_redirect(
    rule: Rule, area: Area, nearby: Nearby, base: Mapping[str, Any], where: Pattern = EVERYWHERE
) -> Iterator[Placed]:
    """
    Yield the mounts of a redirect.

    @param where: which paths are left to it.
    """
    target, common = area.targets[id(rule.directive)], share(where, rule.pattern)
    if common is Share.NONE:
        return
    around = () if common is Share.ALL else (where,)

    def outcome(sections: tuple[Location, ...]) -> Outcome:
        settings = area.settings
        for section in sections:
            settings = merge(settings, section.settings)
        return target, {key: settings[key] for key in OF_REDIRECTS if key in settings}

    near = nearby.of(rule.pattern)
    near = tuple(each for each in near if share(where, each.pattern) is not Share.NONE)
    for variant in expand(rule.pattern, near, outcome):
        within = tuple(dict.fromkeys((*around, *variant.within)))
        whole = {**base, **variant.outcome[1]}
        yield _placed(rule.pattern, replace(variant, within=within), area, whole, rule.directive)


def _of_rest(
    area: Area, base: Mapping[str, Any], taken: Taken, findings: Findings
) -> Iterator[Placed]:
    """
    Yield what becomes of requests that no rule takes.
    """
    if taken.by(EVERYWHERE, area.anything):
        _warn_of_hidden(area, taken, findings)
        return

    def outcome(sections: tuple[Location, ...]) -> Outcome | None:
        if any(_takes_all(each) for each in sections):
            return None
        return _outcome(NotProxied(), sections, area)

    sections = {each.pattern: each.section for each in area.locations}
    try:
        variants = expand(EVERYWHERE, area.locations, outcome)
    except ValueError as error:
        fault(findings, area.locations[-1].section, error)
        return
    _warn_of_hidden(area, taken, findings)
    for variant in variants:
        served, settings = variant.outcome
        within = variant.within
        if not within and isinstance(served, NotProxied) and not area.closed:
            continue
        directive = sections[within[-1]] if within else area.anything
        pattern = EVERYWHERE
        if len(within) == 1 and within[0].kind != "glob":
            pattern, variant = within[0], replace(variant, within=())
        placed = _placed(pattern, variant, area, {**base, **settings}, directive)
        if taken.leaves(placed):
            yield placed


def _warn_of_hidden(area: Area, taken: Taken, findings: Findings) -> None:
    """
    Warn of a C{SetHandler} that never comes to anything: C{ProxyPass} goes before it.
    """
    for location in area.locations:
        page = _pages(area).get(location.handler)
        if page is None or taken.serves(page):
            continue
        hidden = taken.by(location.pattern, location.section)
        if hidden:
            path = location.pattern.text
            owner = taken.owner(location.pattern)
            redirects = owner is not None and owner.key in REDIRECTS
            remedy = f"put `ProxyPass {path} !` above that"
            if redirects:
                remedy = "let that have fewer paths, as RedirectMatch ^/(?!PATH)"
            doubt(findings, location.section, f"SetHandler is never reached{hidden}: {remedy}")


def _comes_to(rule: Rule, sections: tuple[Location, ...]) -> bool:
    """
    Tell whether a request in these sections gets to a rule: no later section's takes it before.
    """
    for section in reversed(sections):
        if section.rule is rule:
            return True
        if _takes_all(section):
            return False
    return rule.place is None


def _takes_all(section: Location) -> bool:
    return section.rule is not None and section.rule.pattern == section.pattern


def _outcome(target: Target, sections: tuple[Location, ...], area: Area) -> Outcome:
    handler = next((each.handler for each in reversed(sections) if each.handler), "none")
    settings = area.settings
    for section in sections:
        settings = merge(settings, section.settings)
    if not isinstance(target, NotProxied):
        return target, _checked(settings)
    page = _pages(area).get(handler)
    if page is None:
        return NotProxied(), {}
    return page, _checked({key: settings[key] for key in OF_PAGES if key in settings})


def _pages(area: Area) -> dict[str, Target]:
    return {
        "balancer-manager": area.manager,
        "heartbeat": ToHeartbeat(),
        "server-status": ToStatus(),
    }


def _checked(settings: Settings) -> Settings:
    return {key: value for key, value in settings.items() if key in KINDS}


def _placed(
    pattern: Pattern,
    variant: Variant[Outcome],
    area: Area,
    settings: Mapping[str, Any],
    directive: Directive,
) -> Placed:
    target, within = variant.outcome[0], variant.within
    words = tuple(each.word for each in within)
    location = (Condition("location", "", words),) if words else ()
    label = area.title + pattern.word
    if words:
        label += f" in {', '.join(words)}"
    regex = pattern.kind == "regex"
    spec = MountSpec(
        label,
        "" if regex else pattern.text,
        target,
        (*area.conditions, *location),
        **{**settings, "match": pattern.text if regex else "", "reverse": False},
    )
    Mount(spec)
    return Placed(spec, directive, pattern, within)
