"""
What was changed at run time, as a layer over the configuration: visible and revocable.

An option is overridden when its live value is not the configured one, so there is no
second book that could disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from txbalancer.core import flags, specs
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.specs import BalancerSpec, MemberSpec

BY_HAND = (
    flags.IGNORE_ERRORS | flags.DRAIN | flags.DISABLED | flags.STOPPED | flags.STANDBY | flags.SPARE
)
"""Flags that only people set. C{E} and C{C} come and go with traffic and checks."""


_OPTIONS: dict[type, tuple[tuple[str, specs.Option], ...]] = {
    spec: tuple(each for each in specs.options(spec) if not each[1].secret)
    for spec in (BalancerSpec, MemberSpec)
}

RANKING = ("loadfactor", "lbset", "route", "redirect")
"""Options that a live member has as attributes of its own, beside its flags."""


class Override(NamedTuple):
    """
    One option that has another value than the configuration gives it.

    @ivar name: its key in an INI file.
    @ivar configured: the value written as there; C{None} = unset. C{live}: the one in force.
    """

    name: str
    configured: str | None
    live: str | None


def hand_flags(spec: MemberSpec) -> int:
    """
    Return the flags that people set: without health checks, C{C} is among them.
    """
    return BY_HAND | (flags.HC_FAILED if spec.hcmethod == "none" else 0)


def live_spec(member: Member) -> MemberSpec:
    """
    Return a member's options as they are in force, with what was changed by command.
    """
    mine = hand_flags(member.spec)
    return replace(
        member.spec,
        loadfactor=member.lbfactor,
        lbset=member.lbset,
        route=member.route.decode(),
        redirect=member.redirect.decode(),
        status=(member.flags & mine) | (member.spec.status & ~mine),
    )


def set_ranking(member: Member, values: Mapping[str, Any]) -> None:
    """
    Set live values of some options of C{RANKING}; the caller has to tell the balancer.
    """
    for name, value in values.items():
        if name == "loadfactor":
            member.lbfactor = value
        else:
            setattr(member, name, value.encode() if isinstance(value, str) else value)


def configured_spec(balancer: Balancer, name: str) -> MemberSpec | None:
    """
    Return what the configuration, or a source that it names, says of a member; C{None} when
    neither knows it.
    """
    return configured_specs(balancer).get(name)


def shown_options(spec: Any) -> dict[str, str | None]:
    """
    Return key -> value as in an INI file, for every option that is no secret.
    """
    return {
        option.name: show(option, getattr(spec, attribute))
        for attribute, option in _OPTIONS[type(spec)]
    }


def kept_options(spec: MemberSpec) -> dict[str, str | None]:
    """
    Return the same with secrets, without which a member that was added could not come back
    after a restart; for the state file, which nobody else reads.
    """
    secrets = {
        option.name: show(option, getattr(spec, attribute))
        for attribute, option in specs.options(MemberSpec)
        if option.secret
    }
    return {**shown_options(spec), **secrets}


def show(option: specs.Option, value: Any) -> str | None:
    """
    Write a value as in an INI file; C{None} for one that is unset.
    """
    return None if value is None else option.kind.show(value)


def differences(before: Any, after: Any) -> Iterator[Override]:
    """
    Compare two specs of one class, option by option; secrets are left out.
    """
    for attribute, option in _OPTIONS[type(before)]:
        old, new = getattr(before, attribute), getattr(after, attribute)
        if old != new:
            yield Override(option.name, show(option, old), show(option, new))


def of_balancer(balancer: Balancer) -> list[Override]:
    """
    Return the options of a balancer itself that were changed at run time.
    """
    return list(differences(balancer.configured, balancer.spec))


def of_member(balancer: Balancer, member: Member) -> list[Override] | None:
    """
    Return a member's options that were changed at run time; C{None} for a member that was
    added at run time altogether.
    """
    return of_configured(member, configured_spec(balancer, member.name))


def of_members(balancer: Balancer) -> dict[str, list[Override] | None]:
    """
    Return the same for all members, by their names.
    """
    configured = configured_specs(balancer)
    return {each.name: of_configured(each, configured.get(each.name)) for each in balancer.members}


def configured_specs(balancer: Balancer) -> dict[str, MemberSpec]:
    """
    Return what the configuration, or a source that it names, says of members, by their names.
    """
    known = {name: each.spec for name, each in balancer.dismissed.items()}
    known |= {each.name: each.origin.spec for each in balancer.members if each.origin is not None}
    return {**known, **{each.url: each for each in balancer.configured.members}}


def of_configured(member: Member, spec: MemberSpec | None) -> list[Override] | None:
    """
    Return the same as L{of_member}.

    @param spec: what the configuration says of it, if anything.
    """
    if spec is None:
        return None
    if _untouched(member, spec):
        return []  # nearly all of a thousand members are so
    return list(differences(spec, live_spec(member)))


def _untouched(member: Member, spec: MemberSpec) -> bool:
    """
    Tell at little cost that nothing of a member was changed; false may be wrong.
    """
    return (
        (member.spec is spec or member.spec == spec)
        and (member.flags ^ spec.status) & hand_flags(spec) == 0
        and member.lbfactor == spec.loadfactor
        and member.lbset == spec.lbset
        and member.route == spec.route.encode()
        and member.redirect == spec.redirect.encode()
    )


def removed(balancer: Balancer) -> list[str]:
    """
    Return the names of members that were removed at run time: of configured ones, and of those
    that a source names.
    """
    live = {member.name for member in balancer.members}
    configured = [each.url for each in balancer.configured.members if each.url not in live]
    return [*configured, *balancer.dismissed]
