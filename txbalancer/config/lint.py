"""
What a configuration may say and its author probably does not mean.

Each rule looks at specs that are valid by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from txbalancer.config.effects import check_effects
from txbalancer.config.findings import Findings
from txbalancer.config.scope import Placed
from txbalancer.config.scripts import check_scripts
from txbalancer.core.access_rules import asks_for_users
from txbalancer.core.patterns import is_risky
from txbalancer.core.schemes import for_streams
from txbalancer.core.specs import (
    BalancerSpec,
    Condition,
    GlobalSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    ToBalancer,
    ToMember,
)

Listeners = Sequence[Placed[ListenerSpec]]
Balancers = Sequence[Placed[BalancerSpec]]
Mounts = Sequence[Placed[MountSpec]]
MemberPlaces = Sequence[tuple[int, MemberSpec]]


def lint(
    listeners: Listeners,
    balancers: Balancers,
    mounts: Mounts,
    service: Sequence[Placed[GlobalSpec]],
    findings: Findings,
    apache: bool = False,
) -> None:
    """
    Note warnings, and the few errors that concern more than one section.

    @param service: that of the whole, if there is a section for it.
    @param apache: whether the defaults are Apache's.
    """
    for balancer in balancers:
        _probes(balancer, findings)
    check_effects(listeners, balancers, mounts, service, findings, apache)
    lint_specs(listeners, balancers, mounts, findings)


def lint_specs(
    listeners: Listeners, balancers: Balancers, mounts: Mounts, findings: Findings
) -> None:
    """
    Do what L{lint} does as far as that is not about what was written in which section.
    """
    for balancer in balancers:
        _stickiness(balancer, findings)
        _cookie(balancer, listeners, findings)
        _routes(balancer, findings)
    _unused(balancers, listeners, mounts, findings)
    _without_mounts(listeners, mounts, findings)
    streams = {each.spec.name for each in listeners if each.spec.mode != "http"}
    for kind in (True, False):
        # A connection is none of the requests that other mounts take, and the other way round.
        one = [each for each in mounts if for_streams(each.spec.conditions, streams) is kind]
        _shadowed(one, findings)
    check_scripts(balancers, mounts, findings)
    told: set[str] = set()
    for mount in mounts:
        _slashes(mount, findings)
        _passwords(mount, listeners, findings)
        _patterns(mount, told, findings)


def _stickiness(placed: Placed[BalancerSpec], findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    routed = spec.discover or any(member.route for member in spec.members)
    if spec.stickysession and not routed:
        findings.warn(
            section.line_of("stickysession"),
            section.title,
            "stickysession",
            "has no effect: no member has a route",
        )
    if spec.stickycookie and not spec.stickycookie_secret:
        findings.warn(
            section.line_of("stickycookie"),
            section.title,
            "stickycookie",
            "without stickycookie-secret sessions move to other members at every restart, "
            "and between balancers that share them",
        )


def _cookie(placed: Placed[BalancerSpec], listeners: Listeners, findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    if not spec.stickycookie or spec.stickycookie_samesite != "none":
        return
    plain = not any(listener.spec.secure for listener in listeners)
    if spec.stickycookie_secure == "off" or (spec.stickycookie_secure == "auto" and plain):
        findings.error(
            section.line_of("stickycookie-samesite"),
            section.title,
            "stickycookie-samesite",
            "browsers drop a SameSite=None cookie that is not Secure: "
            "give stickycookie-secure = on, or use lax",
        )


def _member_places(placed: Placed[BalancerSpec]) -> MemberPlaces:
    return list(zip(placed.lines, placed.spec.members, strict=True))


def _routes(placed: Placed[BalancerSpec], findings: Findings) -> None:
    title = placed.section.title
    first: dict[str, int] = {}
    places = _member_places(placed)
    for line, member in places:
        if member.route and first.setdefault(member.route, line) != line:
            findings.warn(
                line,
                title,
                "members",
                f"route {member.route} is that of the member in line {first[member.route]} too: "
                "sessions of both go to the first",
            )
    for line, member in places:
        if member.redirect and member.redirect not in first:
            findings.warn(
                line, title, "members", f"redirect {member.redirect} is no member's route"
            )
        if first and placed.spec.stickysession and not member.route:
            findings.warn(
                line, title, "members", f"{member.url} has no route: its sessions do not stick"
            )


def _probes(placed: Placed[BalancerSpec], findings: Findings) -> None:
    title = placed.section.title
    for line, member in _member_places(placed):
        if member.hcmethod == "none":
            continue
        if member.hcfails == 1:
            findings.warn(
                line,
                title,
                "members",
                f"{member.url}: hcfails=1 takes the member out for one lost check; 3 is usual",
            )
        if len(placed.spec.members) == 1 and not placed.spec.discover:
            findings.warn(
                line,
                title,
                "members",
                f"{member.url} is the only member: failed checks leave no one to answer",
            )


def _unused(balancers: Balancers, listeners: Listeners, mounts: Mounts, findings: Findings) -> None:
    used = {mount.spec.target.name for mount in mounts if isinstance(mount.spec.target, ToBalancer)}
    used |= {listener.spec.to for listener in listeners}
    for balancer in balancers:
        if balancer.spec.name not in used:
            findings.warn(
                balancer.section.line, balancer.section.title, "", "no mount leads to this balancer"
            )


def _without_mounts(listeners: Listeners, mounts: Mounts, findings: Findings) -> None:
    for listener in listeners:
        if listener.spec.mode == "http" and not any(
            _open_to(listener.spec.name, mount.spec) for mount in mounts
        ):
            findings.warn(
                listener.section.line,
                listener.section.title,
                "",
                "no mount takes requests of this listener: each gets 404",
            )


def _open_to(listener: str, mount: MountSpec) -> bool:
    return all(
        listener in condition.allowed
        for condition in mount.conditions
        if condition.kind == "listener"
    )


def _shadowed(mounts: Mounts, findings: Findings) -> None:
    taken: dict[tuple[str, frozenset[Condition]], Placed[MountSpec]] = {}
    nothing: frozenset[Condition] = frozenset()
    for mount in mounts:
        mine = frozenset(mount.spec.conditions)
        earlier = next(
            (
                taken[prefix, conditions]
                for prefix in _prefixes(mount.spec)
                for conditions in (nothing, mine)
                if (prefix, conditions) in taken
            ),
            None,
        )
        if earlier is not None:
            findings.warn(
                mount.section.line,
                mount.section.title,
                "",
                f"is never reached: {earlier.name} in line {earlier.section.line} "
                "takes all its requests; put this one first",
            )
        taken.setdefault((_taken_key(mount.spec), mine), mount)


def _taken_key(mount: MountSpec) -> str:
    # A path starts with a slash, so it cannot be taken for an expression.
    return f"~{mount.match}" if mount.match else mount.path


def _prefixes(mount: MountSpec) -> Iterator[str]:
    """
    Yield the keys of mounts that take everything that this one takes, its own among them (H51).
    """
    yield "/"
    yield _taken_key(mount)
    if not mount.match:
        for place, char in enumerate(mount.path):
            if char == "/" and place:
                yield mount.path[:place]
                yield mount.path[: place + 1]


def _slashes(placed: Placed[MountSpec], findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    target = ""
    if isinstance(spec.target, ToBalancer):
        target = spec.target.path
    elif isinstance(spec.target, ToMember):
        target = spec.target.member.path
    if spec.match or not target or spec.path.endswith("/") == target.endswith("/"):
        return
    path = spec.path + ("b" if spec.path.endswith("/") else "/b")
    findings.warn(
        section.line_of("to"),
        section.title,
        "to",
        f"{path} becomes {target}{path[len(spec.path) :]}: "
        f"end both {spec.path} and {target} with a slash, or neither",
    )


def _passwords(placed: Placed[MountSpec], listeners: Listeners, findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    key = "require" if asks_for_users(spec.require) else "operate"
    if not asks_for_users((*spec.require, *spec.operate)):
        return
    line = section.line_of(key)
    if not spec.auth_file:
        findings.error(
            line,
            section.title,
            key,
            "user and valid-user need an htpasswd file: name it in auth-file",
        )
    plain = [each.spec.name for each in listeners if _in_the_clear(each.spec, spec)]
    if plain:
        findings.warn(
            line,
            section.title,
            key,
            f"passwords cross the network as clear text on listener {', '.join(plain)}: "
            "give it TLS with tls-certificate",
        )


def _patterns(placed: Placed[MountSpec], told: set[str], findings: Findings) -> None:
    """
    Warn of expressions by which one request can hold up all others; Apache's give up in time.

    @param told: of which that was said.
    """
    spec, section = placed.spec, placed.section
    found = [("match", spec.match)]
    for condition in spec.conditions:
        if condition.kind == "location":
            found += [("location", text) for text in condition.allowed if text.startswith("~")]
    for key, edits in (("header", spec.header), ("requestheader", spec.requestheader)):
        found += [(key, each.pattern) for each in edits]
    for key, pattern in found:
        if pattern not in told and is_risky(pattern):
            told.add(pattern)
            findings.warn(
                section.line_of(key),
                section.title,
                key,
                f"the pattern {pattern.removeprefix('~')!r} repeats what repeats already: with"
                " some requests that may take for ever, while all others wait; write it without",
            )


def _in_the_clear(listener: ListenerSpec, mount: MountSpec) -> bool:
    """
    Tell whether requests of other machines come through a listener to a mount without TLS.
    """
    if listener.secure or not _open_to(listener.name, mount):
        return False
    return any(
        not each.startswith("unix:") and "interface=127." not in each for each in listener.endpoint
    )
