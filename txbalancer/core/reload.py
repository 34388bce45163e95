"""
Puts a new configuration into a live balancer, and keeps what happened at run time.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, NamedTuple, TypeVar

from txbalancer.core.balancer import Balancer
from txbalancer.core.flags import HC_FAILED
from txbalancer.core.health import Health
from txbalancer.core.member import Member, Origin
from txbalancer.core.overrides import RANKING, set_ranking
from txbalancer.core.specs import BalancerSpec, MemberSpec

T = TypeVar("T", bound=Any)

_NAMES: dict[type, tuple[str, ...]] = {
    spec: tuple(each.name for each in fields(spec) if each.name != "members")
    for spec in (BalancerSpec, MemberSpec)
}


class Reloaded(NamedTuple):
    """
    What a reload did to the members, for whoever keeps pools and probes for them.

    @ivar changed: members that stay, with another spec.
    """

    added: list[Member]
    changed: list[Member]
    removed: list[Member]


def rehearse(balancer: Balancer, spec: BalancerSpec) -> None:
    """
    Try what L{reconfigure} has plugins make; nothing is changed.

    @raise Exception: what a plugin raises.
    """
    balancer.rehearse(_merged(balancer.configured, balancer.spec, spec))


def reconfigure(balancer: Balancer, spec: BalancerSpec, now: float) -> Reloaded:
    """
    Make C{spec} the balancer's configuration. Attempts in progress are not disturbed.

    Members of the same name keep all their state. Each option, flag and member that
    was changed at run time stays so, unless the configuration changes the same one
    (APACHE X21, M41).

    @raise KeyError: for an unknown lbmethod or scheme; nothing is changed then.
    """
    balancer.respec(_merged(balancer.configured, balancer.spec, spec))
    before = {each.url: each for each in balancer.configured.members}
    after = {each.url: each for each in spec.members}
    live = {member.name: member for member in balancer.members}
    known, wanted = live.keys() | before.keys(), after.keys() | before.keys()
    # Configured before, but not there any more: removed at run time.
    fresh = {url: Member(each) for url, each in after.items() if url not in known}
    by_hand = [each for each in balancer.members if each.name not in wanted]
    kept = {url: live.get(url) or fresh.get(url) for url in after}
    members = [member for member in kept.values() if member is not None] + by_hand
    staying = set(map(id, members))
    removed = [member for member in balancer.members if id(member) not in staying]
    changed = []
    for member in balancer.members:
        if member.name not in after:
            continue
        was = before.get(member.name) or said_before(member)
        member.origin = None
        if _change(balancer, member, was, after[member.name], now):
            changed.append(member)
    balancer.configured = spec
    balancer.install(members)
    balancer.start_slowly(fresh.values(), now)
    return Reloaded(list(fresh.values()), changed, removed)


def renew(balancer: Balancer, member: Member, origin: Origin, now: float) -> None:
    """
    Take what a source of members says of a member now, as a reload would from a file.
    """
    was, member.origin = said_before(member), origin
    _change(balancer, member, was, origin.spec, now)
    balancer.install(balancer.members)


def said_before(member: Member) -> MemberSpec:
    """
    Return what somebody said of a member that is not configured.
    """
    return member.spec if member.origin is None else member.origin.spec


def _merged(before: T, live: T, after: T) -> T:
    """
    Take each option from C{live} where the configuration did not change it.
    """
    kept = [name for name in _NAMES[type(after)] if getattr(before, name) == getattr(after, name)]
    return replace(after, **{name: getattr(live, name) for name in kept})


def _change(
    balancer: Balancer, member: Member, before: MemberSpec, after: MemberSpec, now: float
) -> bool:
    """
    @return: whether anything is other for the member now.
    """
    if before == after:
        # Nearly all of thousands are so. What is the same need not be kept twice.
        member.spec = after if member.spec is before else member.spec
        return False
    live, member.spec = member.spec, _merged(before, member.spec, after)
    changed = {name for name in RANKING if getattr(before, name) != getattr(after, name)}
    set_ranking(member, {name: getattr(after, name) for name in changed})
    if "loadfactor" in changed:
        member.temporary = None
    bits = before.status ^ after.status
    flags = (member.flags & ~bits) | (after.status & bits)
    if live.hcmethod != "none" and member.spec.hcmethod == "none":
        # Only passed checks end a verdict, and there will be none.
        member.health = Health()
        flags &= ~HC_FAILED | after.status
    balancer.set_flags(member, flags, "configuration changed", now)
    return bool(changed or bits or live != member.spec)
