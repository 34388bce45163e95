"""
Puts a new configuration into a live balancer, and keeps what happened at run time.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

from txbalancer.core.balancer import Balancer
from txbalancer.core.flags import HC_FAILED
from txbalancer.core.health import Health
from txbalancer.core.member import Member
from txbalancer.core.specs import BalancerSpec, MemberSpec


class Reloaded(NamedTuple):
    """
    What a reload did to the members, for whoever keeps pools and probes for them.

    @ivar changed: members that stay, with another spec.
    """

    added: list[Member]
    changed: list[Member]
    removed: list[Member]


def reconfigure(balancer: Balancer, spec: BalancerSpec, now: float) -> Reloaded:
    """
    Make C{spec} the balancer's configuration. Attempts in progress are not disturbed.

    Members of the same name keep all their state. Each option, flag and member that
    was changed at run time stays so, unless the configuration changes the same one
    (APACHE X21, M41).

    @raise KeyError: for an unknown lbmethod or scheme; nothing is changed then.
    """
    balancer.respec(_merged(balancer.configured, balancer.spec, spec))
    before = {each.url for each in balancer.configured.members}
    after = {each.url: each for each in spec.members}
    live = {member.name: member for member in balancer.members}
    # Configured before, but not there any more: removed at run time.
    fresh = {url: Member(each) for url, each in after.items() if url not in live.keys() | before}
    by_hand = [each for each in balancer.members if each.name not in after.keys() | before]
    kept = {url: live.get(url) or fresh.get(url) for url in after}
    members = [member for member in kept.values() if member is not None] + by_hand
    removed = [member for member in balancer.members if member not in members]
    changed = [live[url] for url, each in after.items() if url in live and live[url].spec != each]
    for member in changed:
        _change(balancer, member, after[member.name], now)
    balancer.configured = spec
    balancer.install(members)
    return Reloaded(list(fresh.values()), changed, removed)


def _merged(before: BalancerSpec, live: BalancerSpec, after: BalancerSpec) -> BalancerSpec:
    """
    Take each option from C{live} where the configuration did not change it.
    """
    names = [each.name for each in fields(after) if each.name != "members"]
    kept = [name for name in names if getattr(before, name) == getattr(after, name)]
    return replace(after, **{name: getattr(live, name) for name in kept})


def _change(balancer: Balancer, member: Member, after: MemberSpec, now: float) -> None:
    before, member.spec = member.spec, after
    if after.loadfactor != before.loadfactor:
        member.lbfactor = after.loadfactor
    if after.lbset != before.lbset:
        member.lbset = after.lbset
    if after.route != before.route:
        member.route = after.route.encode()
    if after.redirect != before.redirect:
        member.redirect = after.redirect.encode()
    bits = before.status ^ after.status
    flags = (member.flags & ~bits) | (after.status & bits)
    if before.hcmethod != "none" and after.hcmethod == "none":
        # Only passed checks end a verdict, and there will be none.
        member.health = Health()
        flags &= ~HC_FAILED | after.status
    balancer.set_flags(member, flags, "configuration changed", now)
