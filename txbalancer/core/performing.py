"""
How commands are carried out on a live balancer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.candidates import able
from txbalancer.core.commands import (
    BALANCER_OPTIONS,
    CHECK_OPTIONS,
    KEEP,
    AddMember,
    Change,
    Command,
    PutBack,
    RemoveMember,
    RenewMember,
    Revert,
    SetBalancer,
    SetMember,
    find_member,
    subject,
)
from txbalancer.core.health import Health
from txbalancer.core.member import Member, Origin, Temporary
from txbalancer.core.overrides import (
    RANKING,
    configured_spec,
    hand_flags,
    live_spec,
    set_ranking,
    shown_options,
)
from txbalancer.core.reload import renew
from txbalancer.core.specs import MemberSpec
from txbalancer.core.standing import COMMANDED
from txbalancer.core.values import counted, show_loadfactor, span

LEAST_LASTING = 1.0
"""Seconds that a factor for some time holds at least."""

MOST_DISMISSED = 1000
"""Members of sources that people can keep away; the first ones of more may come again."""


def apply(balancer: Balancer, command: Command, now: float) -> list[Member]:
    """
    Carry out a command on the balancer it is for.

    @return: the members that are gone, whose connections are to be closed.
    @raise LookupError: for a member or lbmethod that does not exist.
    @raise ValueError: for a member that exists already, or one too many, or a factor that
        is to hold for no time.
    """
    if isinstance(command, SetMember):
        _set_member(balancer, find_member(balancer, command.member), command, now)
    elif isinstance(command, SetBalancer):
        options = {name: getattr(command, name) for name in BALANCER_OPTIONS}
        changed = {name: value for name, value in options.items() if value is not KEEP}
        balancer.respec(replace(balancer.spec, **changed))
    elif isinstance(command, AddMember):
        _check_room(balancer, command.spec, bounded=not command.source)
        added = _made(command)
        balancer.dismissed.pop(added.name, None)
        balancer.install((*balancer.members, added))
        balancer.start_slowly((added,), now)
    elif isinstance(command, RenewMember):
        member = find_member(balancer, command.spec.url)
        renew(balancer, member, Origin(command.source, command.spec), now)
    elif isinstance(command, PutBack):
        _put_back(balancer, command)
        balancer.start_slowly((command.gone,), now)
    elif isinstance(command, Revert):
        _revert(balancer, command, now)
    else:
        gone = find_member(balancer, command.member)
        balancer.install(member for member in balancer.members if member is not gone)
        if gone.origin is not None and not command.source:
            _dismiss(balancer, gone.name, gone.origin)
        return [gone]
    return []


def perform(balancer: Balancer, command: Command, now: float) -> tuple[Change, list[Member]]:
    """
    Carry out a command as L{apply} does, and say what was other before.

    @return: the change, and the members that are gone.
    @raise LookupError: as C{apply}; L{ValueError} as well.
    """
    before, had_any = _shown(balancer, command, now), able(balancer.members, now) > 0
    gone = apply(balancer, command, now)
    after = _shown(balancer, command, now)
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    last = had_any and not able(balancer.members, now)
    change = Change(
        command,
        {key: before.get(key) for key in keys},
        {key: after.get(key) for key in keys},
        f"{balancer.spec.name} has no member in use now" if last else "",
    )
    return change, gone


def _shown(balancer: Balancer, command: Command, now: float) -> dict[str, str | None]:
    """
    Write down what a command may change.
    """
    name = subject(command)
    if isinstance(command, AddMember | RemoveMember | PutBack):
        return {"member": name} if any(each.name == name for each in balancer.members) else {}
    if not name:
        return shown_options(balancer.spec)
    member = find_member(balancer, name)
    return {
        **shown_options(live_spec(member)),
        "lasting": _show_lasting(member.temporary, now),
        "state": flags.in_words(member.flags),
    }


def _show_lasting(temporary: Temporary | None, now: float) -> str | None:
    if temporary is None:
        return None
    return f"{span(temporary.until - now)}, then {show_loadfactor(temporary.loadfactor)}"


def _made(command: AddMember) -> Member:
    member = Member(command.spec)
    if command.source:
        member.origin = Origin(command.source, command.said or command.spec)
    return member


def _dismiss(balancer: Balancer, name: str, origin: Origin) -> None:
    """
    Note that people want a member away that a source names.
    """
    dismissed = balancer.dismissed
    dismissed[name] = origin
    if len(dismissed) > MOST_DISMISSED:
        del dismissed[next(iter(dismissed))]


def adding(balancer: Balancer, spec: MemberSpec) -> AddMember:
    """
    Return the command by which people add a member. One that a source names, and that somebody
    removed, is the source's again.
    """
    said = balancer.dismissed.get(spec.url)
    if said is None:
        return AddMember(balancer.spec.name, spec)
    return AddMember(balancer.spec.name, spec, said.source, said.spec)


def most_members(balancer: Balancer) -> int:
    """
    Return how many members a balancer may have: configured ones, those that sources know,
    and as many as C{growth} allows.
    """
    known = sum(member.origin is not None for member in balancer.members)
    return len(balancer.configured.members) + balancer.spec.growth + known


def _check_room(balancer: Balancer, spec: MemberSpec, bounded: bool = True) -> None:
    if any(member.name == spec.url for member in balancer.members):
        raise ValueError(f"{balancer.spec.name} has a member {spec.url} already")
    most = most_members(balancer)
    if bounded and len(balancer.members) >= most:
        raise ValueError(
            f"{balancer.spec.name} has {counted(most, 'member')}, all that growth ="
            f" {balancer.spec.growth} leaves room for: raise it in the configuration"
        )


def _put_back(balancer: Balancer, command: PutBack) -> None:
    member = command.gone
    _check_room(balancer, member.spec, bounded=member.origin is None)
    member.flags &= ~flags.SHUTDOWN
    balancer.dismissed.pop(member.name, None)
    members = list(balancer.members)
    members.insert(command.place, member)
    balancer.install(members)


def _set_member(balancer: Balancer, member: Member, command: SetMember, now: float) -> None:
    temporary = _temporary(member, command, now)
    checks = {name: getattr(command, name) for name in CHECK_OPTIONS}
    spec = replace(
        member.spec, **{name: value for name, value in checks.items() if value is not None}
    )
    after = (member.flags | command.on) & ~command.off
    values = {name: getattr(command, name) for name in RANKING}
    _rank(balancer, member, {name: value for name, value in values.items() if value is not None})
    member.temporary = temporary
    if spec.hcmethod == "none" != member.spec.hcmethod:
        # Only passed checks end a verdict, and there will be none.
        member.health = Health()
        after &= ~flags.HC_FAILED | command.on
    member.spec = spec
    if after & flags.IN_ERROR and not member.flags & flags.IN_ERROR:
        member.error_time = now
    balancer.set_flags(member, after, COMMANDED, now)


def _temporary(member: Member, command: SetMember, now: float) -> Temporary | None:
    """
    Return until when the factor holds after a command.
    """
    was = member.temporary
    if command.lasting is None:
        return was if command.loadfactor is None else command.temporary
    if command.loadfactor is None:
        raise ValueError("lasting is for a loadfactor: give both")
    if not LEAST_LASTING <= command.lasting < inf:
        raise ValueError(f"lasting = {command.lasting:g}: a number of seconds, 1 or more")
    back = member.lbfactor if was is None else was.loadfactor
    return Temporary(now + command.lasting, back)


def _rank(balancer: Balancer, member: Member, values: Mapping[str, Any]) -> None:
    """
    Give a member another factor, lbset, route or redirect.
    """
    set_ranking(member, values)
    if "loadfactor" in values:
        balancer.ledger.restart(by_factor=True)
    balancer.index()


def _revert(balancer: Balancer, command: Revert, now: float) -> None:
    if not command.member:
        balancer.respec(replace(balancer.configured, members=balancer.spec.members))
        return
    member = find_member(balancer, command.member)
    spec = configured_spec(balancer, member.name)
    if spec is None:
        raise LookupError(f"{balancer.spec.name}: {member.name} is not in the configuration")
    live, mine = live_spec(member), hand_flags(spec)
    values = {name: getattr(spec, name) for name in RANKING}
    changed = {name: each for name, each in values.items() if each != getattr(live, name)}
    after = (member.flags & ~mine) | (spec.status & mine)
    if spec.hcmethod == "none" != member.spec.hcmethod:
        member.health = Health()
    _rank(balancer, member, changed)
    member.spec, member.temporary = spec, None
    balancer.set_flags(member, after, COMMANDED, now)
