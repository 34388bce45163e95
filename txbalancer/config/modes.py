"""
Whether listeners, mounts and members fit together: HTTP requests need members that speak
HTTP, connections need members that take connections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.config.scope import Placed
from txbalancer.config.suggest import choose_from
from txbalancer.core.registry import Registry
from txbalancer.core.schemes import SCHEMES, for_streams, mode_of, schemes_of
from txbalancer.core.specs import (
    BalancerSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    ToBalancer,
    ToMember,
)

Listeners = Sequence[Placed[ListenerSpec]]
Balancers = Sequence[Placed[BalancerSpec]]
Mounts = Sequence[Placed[MountSpec]]

OF_REQUESTS = ("stickysession", "stickycookie", "stickyscheme", "failonstatus", "failontimeout")
"""Options of balancers that look at requests or answers."""


STREAMS = {each.mode for each in SCHEMES.values()} - {"http"}
"""Modes of listeners of connections."""


class Use(NamedTuple):
    """
    That something leads to a balancer.

    @ivar mode: what it leads there.
    @ivar who: how people know it.
    """

    mode: str
    who: str


def is_stream(section: Section) -> bool:
    """
    Tell whether the section of a listener says that it is for something else than HTTP.
    """
    entry = section.entries.get("mode")
    return entry is not None and entry.value.lower() in STREAMS


def check_modes(
    listeners: Listeners,
    balancers: Balancers,
    mounts: Mounts,
    findings: Findings,
    registry: Registry,
) -> None:
    """
    Note an error for each part that cannot work with what leads to it.
    """
    modes = {each.spec.name: each.spec.mode for each in listeners}
    names = {each.spec.name for each in balancers}
    for listener in listeners:
        _check_listener(listener, names, mounts, findings)
    for mount in mounts:
        _check_mount(mount, modes, findings)
    uses = dict(_uses(listeners, mounts, modes))
    for balancer in balancers:
        _check_balancer(balancer, uses.get(balancer.spec.name), findings, registry)


def _check_listener(
    listener: Placed[ListenerSpec], names: set[str], mounts: Mounts, findings: Findings
) -> None:
    spec, section = listener.spec, listener.section
    named = [each for each in mounts if spec.name in _listeners_of(each.spec)]
    text = ""
    if spec.mode == "http":
        text = "is for mode = tcp: HTTP requests find their balancer by [mount:…]" * bool(spec.to)
    elif not spec.to and not named:
        text = f"is missing: balancer://NAME, or give mounts with `listener = {spec.name}`"
    elif spec.to and spec.to not in names:
        text = f"no [balancer:{spec.to}]{choose_from(spec.to, names)}"
    elif spec.to and named:
        text = f"takes all connections: {named[0].name} is never reached; give one of the two"
    if text:
        findings.error(section.line_of("to"), section.title, "to", text)


def _listeners_of(spec: MountSpec) -> Iterator[str]:
    for condition in spec.conditions:
        if condition.kind == "listener":
            yield from condition.allowed


def _modes_of(spec: MountSpec, modes: dict[str, str]) -> set[str]:
    return {modes[name] for name in _listeners_of(spec)} or {"http"}


def _check_mount(mount: Placed[MountSpec], modes: dict[str, str], findings: Findings) -> None:
    spec, section = mount.spec, mount.section
    found = sorted(_modes_of(spec, modes))
    if len(found) > 1:
        text = f"these have mode {' and '.join(found)}: each needs mounts of its own"
        findings.error(section.line_of("listener"), section.title, "listener", text)
        return
    target, (mode,) = spec.target, found
    text = ""
    if isinstance(target, ToMember) and mode_of(target.member.scheme) != mode:
        text = _misfit(target.member.scheme, Use(mode, "the listener"))
    elif mode != "http" and not isinstance(target, ToBalancer | ToMember):
        text = f"needs HTTP: for mode = {mode} use balancer://NAME or {schemes_of(mode)}HOST:PORT"
    elif mode != "http" and isinstance(target, ToBalancer) and target.path not in ("", "/"):
        text = f"{target.path!r}: there are no paths in connections: use balancer://{target.name}"
    if text:
        findings.error(section.line_of("to"), section.title, "to", text)


def _uses(listeners: Listeners, mounts: Mounts, modes: dict[str, str]) -> Iterator[tuple[str, Use]]:
    streams = {name for name, mode in modes.items() if mode != "http"}
    for mount in mounts:
        spec = mount.spec
        if isinstance(spec.target, ToBalancer):
            stream = for_streams(spec.conditions, streams)
            mode = next(modes[name] for name in _listeners_of(spec)) if stream else "http"
            yield spec.target.name, Use(mode, mount.name)
    for listener in listeners:
        if listener.spec.to and listener.spec.mode != "http":
            yield listener.spec.to, Use(listener.spec.mode, listener.name)


def _check_balancer(
    placed: Placed[BalancerSpec], use: Use | None, findings: Findings, registry: Registry
) -> None:
    spec, section = placed.spec, placed.section
    placed_sources = zip(placed.source_lines, spec.discover, strict=True)
    sources = [each for each in placed_sources if each[1].member.scheme]
    if use is None:
        known = [(each.scheme, each.url) for each in spec.members]
        known += [(each.member.scheme, each.place) for _, each in sources]
        if not known:
            return
        use = Use(mode_of(known[0][0]), known[0][1])
    for line, source in sources:
        if mode_of(source.member.scheme) != use.mode:
            text = f"{source.place}: {_misfit(source.member.scheme, use)}"
            findings.error(line, section.title, "discover", text)
    for line, member in zip(placed.lines, spec.members, strict=True):
        if mode_of(member.scheme) != use.mode:
            text = f"{member.url}: {_misfit(member.scheme, use)}"
            findings.error(line, section.title, "members", text)
        for text in _faults_of_datagrams(member):
            findings.error(line, section.title, "members", f"{member.url}: {text}")
    if use.mode == "udp" and spec.max_requests:
        text = f"is not for datagrams: {use.who} has sessions-per-client and max-connections"
        findings.error(section.line_of("max-requests"), section.title, "max-requests", text)
    if use.mode != "http":
        for key, text in _needing_requests(spec, registry):
            findings.error(section.line_of(key), section.title, key, f"{text}: {use.who} has none")


def _faults_of_datagrams(member: MemberSpec) -> Iterator[str]:
    """
    Yield what a member that takes datagrams cannot do.
    """
    if member.scheme != "udp":
        return
    if member.sendproxy == "v1":
        yield "sendproxy=v1 is for connections: v2 can go before each datagram"
    if member.hcmethod == "expect" and not member.hcsend:
        yield "hcmethod=expect needs hcsend: a datagram that the member answers"
    if member.socket:
        yield "a unix socket takes no datagrams here: use udp://HOST:PORT"


def _needing_requests(spec: BalancerSpec, registry: Registry) -> Iterator[tuple[str, str]]:
    for key in OF_REQUESTS:
        if getattr(spec, key):
            yield key, "needs HTTP requests"
    method: Any = registry.lbmethods.get(spec.lbmethod)
    if "http" in getattr(method, "needs", ()):
        yield "lbmethod", f"{spec.lbmethod} needs HTTP requests"
    if spec.lbmethod == "hash" and spec.hashkey != "source":
        yield "hashkey", f"{spec.hashkey} needs HTTP requests"


def _misfit(scheme: str, use: Use) -> str:
    return f"{scheme}:// cannot be used where {use.who} leads: use {schemes_of(use.mode)}"
