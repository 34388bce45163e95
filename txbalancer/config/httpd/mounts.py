"""
The rules of a server and what sections add to them, as mounts in the order in which they count.

Source: APACHE item H50, and what Apache 2.4.71 was seen to do: a C{ProxyPass} in the last
C{<Location>} that matches comes first, then those outside, of the main server before the
C{<VirtualHost>}'s. C{SetHandler} is only asked for what is not proxied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.expand import expand
from txbalancer.config.httpd.locations import Location, about
from txbalancer.config.httpd.patterns import EVERYWHERE, Pattern
from txbalancer.config.httpd.rules import Rule
from txbalancer.config.httpd.said import fault
from txbalancer.config.httpd.settings import KINDS, Settings, merge
from txbalancer.config.httpd.tree import Directive
from txbalancer.core.mounts import Mount
from txbalancer.core.specs import (
    Condition,
    MountSpec,
    NotProxied,
    Target,
    ToHeartbeat,
    ToManager,
    ToStatus,
)

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
    @ivar targets: of all rules, by identity of their directive.
    @ivar manager: what C{balancer-manager} shows here.
    @ivar closed: whether what no rule takes must not fall to a later server.
    """

    title: str
    conditions: tuple[Condition, ...]
    rules: tuple[Rule, ...]
    locations: tuple[Location, ...]
    proxies: tuple[Location, ...]
    settings: Settings
    targets: Mapping[int, Target]
    manager: ToManager
    section: Directive | None
    closed: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """
    A mount, and the directive it comes from.
    """

    spec: MountSpec
    directive: Directive


def make_mounts(area: Area, base: Mapping[str, Any], findings: Findings) -> Iterator[Placed]:
    """
    Yield the mounts of a server.

    @param base: the defaults in force.
    """
    own = [each.rule for each in area.locations if each.rule is not None]
    for rule in (*reversed(own), *area.rules):
        try:
            yield from _of_rule(rule, area, base)
        except ValueError as error:
            fault(findings, rule.directive, error)
    yield from _of_rest(area, base, findings)


def _of_rule(rule: Rule, area: Area, base: Mapping[str, Any]) -> Iterator[Placed]:
    target = area.targets.get(id(rule.directive))
    if target is None:  # its fault is told already
        return
    proxies = () if isinstance(target, NotProxied) else tuple(about(area.proxies, rule))

    def outcome(sections: tuple[Location, ...]) -> Outcome | None:
        if not _comes_to(rule, sections):
            return None
        return _outcome(target, sections, area)

    for variant in expand(rule.pattern, (*proxies, *area.locations), outcome):
        served, settings = variant.outcome
        flags = {} if isinstance(served, (NotProxied, ToManager)) else dict(rule.flags)
        spec = _spec(rule.pattern, variant.within, area, served, {**base, **settings, **flags})
        Mount(spec)
        yield Placed(spec, rule.directive)


def _of_rest(area: Area, base: Mapping[str, Any], findings: Findings) -> Iterator[Placed]:
    """
    Yield what becomes of requests that no rule takes.
    """

    def outcome(sections: tuple[Location, ...]) -> Outcome | None:
        if any(_takes_all(each) for each in sections):
            return None
        return _outcome(NotProxied(), sections, area)

    places = {each.pattern: each.section for each in area.locations}
    try:
        variants = expand(EVERYWHERE, area.locations, outcome)
    except ValueError as error:
        fault(findings, area.locations[-1].section, error)
        return
    for variant in variants:
        served, settings = variant.outcome
        directive = places[variant.within[-1]] if variant.within else area.section
        if isinstance(served, NotProxied) and not variant.within and not area.closed:
            continue
        if directive is None:
            directive = area.locations[0].section if area.locations else area.rules[0].directive
        pattern, within = EVERYWHERE, variant.within
        if len(within) == 1 and within[0].kind != "glob":
            pattern, within = within[0], ()
        yield Placed(_spec(pattern, within, area, served, {**base, **settings}), directive)


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
    pages: dict[str, Target] = {
        "balancer-manager": area.manager,
        "heartbeat": ToHeartbeat(),
        "server-status": ToStatus(),
    }
    if handler not in pages:
        return NotProxied(), {}
    return pages[handler], _checked({key: settings[key] for key in OF_PAGES if key in settings})


def _checked(settings: Settings) -> Settings:
    return {key: value for key, value in settings.items() if key in KINDS}


def _spec(
    pattern: Pattern,
    within: tuple[Pattern, ...],
    area: Area,
    target: Target,
    settings: Mapping[str, Any],
) -> MountSpec:
    conditions = tuple(Condition("location", "", (each.word,)) for each in within)
    label = area.title + pattern.word
    if within:
        label += f" in {', '.join(each.word for each in within)}"
    if isinstance(target, NotProxied):
        settings = {}
    spec = MountSpec(
        label,
        "" if pattern.kind == "regex" else pattern.text,
        target,
        (*area.conditions, *conditions),
        **{**settings, "reverse": False},
    )
    return replace(spec, match=pattern.text) if pattern.kind == "regex" else spec
