"""
What was collected of balancers and members, to specs.

A virtual host shares the main server's balancers: one rotation, one set of counters (APACHE
item 0.8). What it says of one itself, with C{ProxyPass / balancer://n key=value}, holds for
its own requests only; where that makes a difference to another server, it gets a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from txbalancer.config.balancers import PLAIN_PROBES
from txbalancer.config.effects import OF_BALANCERS, OF_MEMBERS, OF_STICKY
from txbalancer.config.httpd.balancers import Balancers
from txbalancer.config.httpd.drafts import BalancerDraft, new_name
from txbalancer.config.httpd.members import (
    MemberDraft,
    balancer_member,
    member_options,
    needs_balancer,
    single_member,
)
from txbalancer.config.httpd.parameters import Parameters
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.needs import Need, is_sticky
from txbalancer.config.suggest import did_you_mean
from txbalancer.core.schemes import check_probe
from txbalancer.core.specs import BalancerSpec, MemberSpec, apache_defaults


class Use(NamedTuple):
    """
    A balancer in one server.

    @ivar owner: what has the members: C{draft} itself, or that of the main server.
    """

    server: Balancers
    draft: BalancerDraft
    owner: BalancerDraft


class Settled(NamedTuple):
    """
    The balancers of all servers.

    @ivar places: C{balancer:NAME} and C{balancer:NAME URL} to the path and line where a balancer
        or a member of it was written.
    """

    specs: tuple[BalancerSpec, ...]
    places: dict[str, tuple[str, int]]


def settle(main: Balancers) -> Settled:
    """
    Make the specs of the balancers of all servers, and name them in their drafts.

    Of a name, the main server's balancer goes before a virtual host's, as in Apache, unless
    the virtual host does not inherit.

    @param main: of the main server, which knows those of the virtual hosts.
    """
    users: dict[int, list[Use]] = {}
    for server in (main, *main.children):
        for draft in server.drafts.values():
            owner = _owner(server, draft)
            users.setdefault(id(owner), []).append(Use(server, draft, owner))
            if owner is not draft and draft.members:
                _overruled(server, draft, owner)
    taken = set[str]()
    found = Settled((), {})
    for group in users.values():
        specs = tuple(_variants(group, taken))
        found = found._replace(specs=found.specs + specs)
        for spec in specs:
            found.places.update(_places(spec, group[0].owner))
    for server in (main, *main.children):
        _singles(server)
    _nameless(main)
    return found


def _places(spec: BalancerSpec, owner: BalancerDraft) -> Iterator[tuple[str, tuple[str, int]]]:
    title = f"balancer:{spec.name}"
    yield title, (owner.place.path, owner.place.line)
    for member in owner.members.values():
        yield f"{title} {member.address.url}", (member.place.path, member.place.line)


def single_spec(server: Balancers, draft: MemberDraft) -> MemberSpec:
    """
    Make the spec of a member without a balancer, with what C{<Proxy URL>} sections give it.
    """
    secure = draft.address.scheme == "https"
    layers = [each.own for each in _sections(server, draft)]
    options = member_options(server.apache, server.server_defaults, secure, *layers, draft.own)
    return single_member(draft, options, server.apache)


def _owner(server: Balancers, draft: BalancerDraft) -> BalancerDraft:
    if server.parent is not None and server.inherits:
        found = server.parent.drafts.get(draft.name)
        if found is not None and (found.members or not draft.members):
            return found
    return draft


def _overruled(server: Balancers, draft: BalancerDraft, owner: BalancerDraft) -> None:
    doubt(
        server.findings,
        draft.place,
        f"the members of balancer://{draft.name} here are not used, as in Apache: those of the "
        f"main server's balancer of that name, in line {owner.place.line}, are. Give it another "
        "name, or BalancerInherit Off and ProxyPassInherit Off",
    )


def _variants(group: Sequence[Use], taken: set[str]) -> Iterator[BalancerSpec]:
    """
    Make one spec for all users of a balancer that agree, and one for each that does not.
    """
    users = [use for use in group if use.draft.mounted] or group[:1]
    made: list[BalancerSpec] = []
    for server, draft, owner in users:
        spec = _spec(server, draft, owner)
        twin = next((each for each in made if replace(each, name="") == spec), None)
        if twin is None:
            if made:
                _differs(server, draft, made[0], spec)
            else:
                _check(server, draft, owner, spec)
            twin = replace(spec, name=new_name(draft.name, server.suffix, taken))
            made.append(twin)
            yield twin
        draft.spec_name = twin.name
    for _, draft, _ in group:
        draft.spec_name = draft.spec_name or made[0].name


def _spec(server: Balancers, draft: BalancerDraft, owner: BalancerDraft) -> BalancerSpec:
    options = apache_defaults(BalancerSpec) if server.apache else {}
    options.update({key: each.value for key, each in {**owner.own, **draft.own}.items()})
    shared = {**owner.shared, **draft.shared}
    members = tuple(_member(server, each, shared) for each in owner.members.values())
    return BalancerSpec(name="", members=members, **options)


def _member(server: Balancers, draft: MemberDraft, shared: Parameters) -> MemberSpec:
    secure = draft.address.scheme == "https"
    options = member_options(server.apache, server.server_defaults, secure, shared, draft.own)
    spec = balancer_member(draft, options)
    if spec.hcmethod in PLAIN_PROBES or spec.hcuri:
        return spec
    return replace(spec, hcuri="/")


def _differs(
    server: Balancers, draft: BalancerDraft, first: BalancerSpec, spec: BalancerSpec
) -> None:
    keys = set(_differences(first, spec))
    for one, other in zip(first.members, spec.members, strict=True):
        keys |= set(_differences(one, other))
    doubt(
        server.findings,
        draft.place,
        f"balancer://{draft.name} differs from that of another server in "
        f"{', '.join(sorted(keys))}: it elects and checks members by itself here, "
        "where Apache shares counters",
    )


def _differences(one: Any, other: Any) -> Iterator[str]:
    for each in fields(one):
        same = getattr(one, each.name) == getattr(other, each.name)
        if each.name not in ("name", "members") and not same:
            yield each.name


def _check(
    server: Balancers, draft: BalancerDraft, owner: BalancerDraft, spec: BalancerSpec
) -> None:
    """
    Warn of what has no effect, and of what is probably not meant.
    """
    if not owner.members:
        known = [
            f"balancer://{name}"
            for each in (server, *filter(None, [server.parent]))
            for name, found in each.drafts.items()
            if found.members
        ]
        hint = did_you_mean(f"balancer://{draft.name}", known)
        doubt(
            server.findings,
            draft.place,
            f"balancer://{draft.name} has no members{hint}: each request gets 503",
        )
        return
    _effects(server, {**owner.own, **draft.own}, spec, OF_BALANCERS, "")
    needs = OF_MEMBERS if is_sticky(spec) else (*OF_MEMBERS, OF_STICKY)
    for member, made in zip(owner.members.values(), spec.members, strict=True):
        _effects(server, member.own, made, needs, f"{made.url}: ")
        _probe(server, member, made)


def _effects(
    server: Balancers, given: Parameters, spec: Any, needs: tuple[Need, ...], start: str
) -> None:
    for each in given.values():
        fault = next(
            (need.fault for need in needs if each.key in need.keys and not need.met(spec)), ""
        )
        # A template gives what it leaves out, too, with the default.
        if fault and each.value != "":
            doubt(server.findings, each.place, f"{start}{each.key} {fault}")


def _probe(server: Balancers, member: MemberDraft, made: MemberSpec) -> None:
    try:
        check_probe(made.scheme, made.hcmethod, server.registry.probes.get(made.hcmethod))
    except ValueError as error:
        fault(server.findings, member.place, f"{made.url}: {error}")
        return
    if made.hcmethod not in PLAIN_PROBES and "hcuri" not in member.own:
        doubt(
            server.findings,
            member.place,
            f"{made.url}: hcmethod={made.hcmethod} without hcuri asks for /; "
            "give the path that tells whether the member is well",
        )


def _sections(server: Balancers, draft: MemberDraft) -> Iterator[MemberDraft]:
    """
    Yield the sections whose URL a member's begins with, those that fit best last.
    """
    if server.parent is not None:
        yield from _sections(server.parent, draft)
    fitting = [each for each in server.sections.values() if _begins(draft, each)]
    yield from sorted(fitting, key=lambda each: len(each.address.path.rstrip("/")))


def _begins(draft: MemberDraft, section: MemberDraft) -> bool:
    one, other = draft.address, section.address
    path = other.path.rstrip("/")
    return (
        draft.websocket == section.websocket
        and (one.scheme, one.host, one.port, one.socket)
        == (other.scheme, other.host, other.port, other.socket)
        and (one.path.rstrip("/") == path or one.path.startswith(f"{path}/"))
    )


def _singles(server: Balancers) -> None:
    for draft in server.singles.values():
        for each in draft.own.values():
            if needs_balancer(each.key):
                doubt(
                    server.findings,
                    each.place,
                    f"{each.key} has no effect on a member without a balancer: "
                    "it never goes into error and is not checked; put it in a <Proxy balancer://…>",
                )
        made = single_spec(server, draft)
        known = {name: each for name, each in draft.own.items() if not needs_balancer(each.key)}
        _effects(server, known, made, OF_MEMBERS, "")


def _nameless(main: Balancers) -> None:
    """
    Warn of sections that no member belongs to.
    """
    servers = (main, *main.children)
    singles = [each for server in servers for each in server.singles.values()]
    for server in servers:
        for section in server.sections.values():
            if section.own and not any(_begins(draft, section) for draft in singles):
                doubt(
                    server.findings,
                    section.place,
                    f"no ProxyPass leads to {section.address.url}: its parameters have no effect",
                )
