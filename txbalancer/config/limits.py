"""
Sections C{[limit:NAME]} to specs, and whether what names them can use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.config.options import read_options, split_entries
from txbalancer.config.scope import Placed, Scope, check_name
from txbalancer.config.suggest import choose_from
from txbalancer.core.specs import (
    BalancerSpec,
    GlobalSpec,
    LimitSpec,
    ListenerSpec,
    MountSpec,
    NotProxied,
    ToBalancer,
    ToManager,
)

Limits = Mapping[str, Placed[LimitSpec]]


def read_limit(section: Section, scope: Scope) -> Placed[LimitSpec]:
    """
    Make the spec of a rate limit; faults are noted.
    """
    name = check_name(section, scope.findings)
    mine, _ = split_entries(section, (), (), scope.findings)
    options = read_options(section, mine, scope.registry, scope.findings)
    if "rate" not in section.entries:
        text = "is missing: how often on average, such as 10/s"
        scope.findings.error(section.line, section.title, "rate", text)
    return Placed(LimitSpec(name, **options), section)


def check_limits(
    limits: Sequence[Placed[LimitSpec]],
    listeners: Sequence[Placed[ListenerSpec]],
    mounts: Sequence[Placed[MountSpec]],
    findings: Findings,
) -> None:
    """
    Note limits that are named but not there, those that cannot be used so, and unused ones.
    """
    known = {each.spec.name: each for each in limits}
    used: set[str] = set()
    for section, names in (
        *((each.section, each.spec.limit) for each in listeners),
        *((each.section, each.spec.limit) for each in mounts),
    ):
        used |= set(names)
        _check_names(section, names, known, findings)
    for listener in listeners:
        for name in listener.spec.limit:
            limit = known.get(name)
            if limit is not None and limit.spec.key not in ("client", "all"):
                section = listener.section
                text = (
                    f"{limit.name} has key = {limit.spec.key}: of a connection only the client is"
                    " known, use client or all"
                )
                findings.error(section.line_of("limit"), section.title, "limit", text)
    for name, limit in known.items():
        if name not in used:
            text = "is not used: name it in `limit` of a mount or listener"
            findings.warn(limit.section.line, limit.section.title, "", text)


def _without_answers(
    limits: Sequence[Placed[LimitSpec]],
    listeners: Sequence[Placed[ListenerSpec]],
    mounts: Sequence[Placed[MountSpec]],
    findings: Findings,
) -> None:
    """
    Warn of limits with a status for answers, where all they do is to close connections.
    """
    answering = {name for each in mounts for name in each.spec.limit}
    closing = {name for each in listeners for name in each.spec.limit} - answering
    for limit in limits:
        section = limit.section
        if "status" in section.entries and limit.spec.name in closing and limit.spec.status != 429:
            text = "has no effect without a mount that names this limit: a listener closes"
            findings.warn(section.line_of("status"), section.title, "status", text)


def _check_names(
    section: Section, names: tuple[str, ...], known: Limits, findings: Findings
) -> None:
    for name in names:
        if name not in known:
            text = f"no [limit:{name}]{choose_from(name, known)}"
            findings.error(section.line_of("limit"), section.title, "limit", text)


def doubt_limits(
    service: Sequence[Placed[GlobalSpec]],
    limits: Sequence[Placed[LimitSpec]],
    listeners: Sequence[Placed[ListenerSpec]],
    balancers: Sequence[Placed[BalancerSpec]],
    mounts: Sequence[Placed[MountSpec]],
    findings: Findings,
) -> None:
    """
    Warn of limits that another one makes senseless.
    """
    _without_answers(limits, listeners, mounts, findings)
    for whole in service:
        _service(whole, listeners, findings)
    for listener in listeners:
        _listener(listener, findings)
    for balancer in balancers:
        _balancer(balancer, findings)
    queues = (
        any(each.spec.max_requests or each.spec.requests_per_client for each in listeners)
        or any(each.spec.max_requests for each in balancers)
        or any(
            member.max or member.maxrequests for each in balancers for member in each.spec.members
        )
    )
    for mount in mounts:
        section, spec = mount.section, mount.spec
        if spec.priority == "high" and not (queues or _may_wait(spec, balancers)):
            text = "has no effect: nothing has to wait without max-requests or a member's max"
            findings.warn(section.line_of("priority"), section.title, "priority", text)
        if spec.limit and isinstance(spec.target, ToManager):
            text = "holds for the manager, too: who is over it cannot look why; use listener limits"
            findings.warn(section.line_of("limit"), section.title, "limit", text)
        if spec.priority == "high" and isinstance(spec.target, NotProxied):
            text = "has no effect: nothing is asked for, so that nothing waits"
            findings.warn(section.line_of("priority"), section.title, "priority", text)


def _may_wait(spec: MountSpec, balancers: Sequence[Placed[BalancerSpec]]) -> bool:
    """
    Tell whether requests may wait for a member of a mount's balancer to come back.
    """
    named = spec.target.name if isinstance(spec.target, ToBalancer) else ""
    return any(each.spec.name == named and each.spec.timeout for each in balancers)


def _service(
    placed: Placed[GlobalSpec], listeners: Sequence[Placed[ListenerSpec]], findings: Findings
) -> None:
    spec, section = placed.spec, placed.section
    reserved = [each for each in listeners if each.spec.reserved]
    limited = spec.max_connections or spec.memory_limit
    if limited and listeners and len(reserved) == len(listeners):
        key = "max-connections" if spec.max_connections else "memory-limit"
        text = "has no effect: every listener is reserved"
        findings.warn(section.line_of(key), section.title, key, text)


def _listener(placed: Placed[ListenerSpec], findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    most = spec.max_connections
    for key, value in (
        ("connections-per-client", spec.connections_per_client),
        ("max-requests", spec.max_requests if not (spec.http2 or spec.h2c) else 0),
    ):
        if most and value > most:
            text = f"{value} is above max-connections, {most}: it never counts"
            findings.warn(section.line_of(key), section.title, key, text)
    if spec.max_requests and spec.requests_per_client > spec.max_requests:
        key = "requests-per-client"
        text = f"{spec.requests_per_client} is above max-requests, {spec.max_requests}"
        findings.warn(section.line_of(key), section.title, key, f"{text}: it never counts")


def _balancer(placed: Placed[BalancerSpec], findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    rooms = [member.maxrequests or member.max for member in spec.members]
    if spec.max_requests and rooms and all(rooms) and sum(rooms) < spec.max_requests:
        has_streams = any(member.scheme in ("h2", "h2c") for member in spec.members)
        if has_streams:
            return
        text = (
            f"{spec.max_requests} is more than the members take at once, {sum(rooms)} by their"
            " max: requests wait for single members before it counts"
        )
        findings.warn(section.line_of("max-requests"), section.title, "max-requests", text)
