"""
What takes a command back, worked out before the command is carried out.
"""

from __future__ import annotations

from typing import Any

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import (
    BALANCER_OPTIONS,
    CHECK_OPTIONS,
    KEEP,
    AddMember,
    Command,
    PutBack,
    RemoveMember,
    RenewMember,
    Revert,
    SetBalancer,
    SetMember,
    find_member,
)
from txbalancer.core.member import Member
from txbalancer.core.overrides import BY_HAND, RANKING, configured_spec, live_spec
from txbalancer.core.reload import said_before


def inverse(balancer: Balancer, command: Command) -> Command:
    """
    Return the command that makes options, flags, members and their order be what they are now, once
    C{command} was carried out.

    Only what the command touches is put back: what traffic and checks did meanwhile stays.
    That goes for what starts anew with a change, too: lbstatus with a factor or an lbmethod
    (and bytes with C{bytraffic}), the time in error with a C{E} that comes back, the count
    of passed and failed checks with an C{hcmethod} that comes back.

    @param balancer: as it is before the command.
    @raise LookupError: for a member that does not exist.
    """
    name = command.balancer
    if isinstance(command, SetMember):
        return _of_set_member(balancer, command)
    if isinstance(command, SetBalancer):
        given = [each for each in BALANCER_OPTIONS if getattr(command, each) is not KEEP]
        return _options(balancer, given)
    if isinstance(command, AddMember):
        return RemoveMember(name, command.spec.url)
    if isinstance(command, PutBack):
        return RemoveMember(name, command.gone.name)
    if isinstance(command, RenewMember):
        was = said_before(find_member(balancer, command.spec.url))
        return RenewMember(name, was, command.source)
    if isinstance(command, RemoveMember):
        gone = find_member(balancer, command.member)
        return PutBack(name, gone, gone.index)
    if not command.member:
        return _options(balancer, BALANCER_OPTIONS)
    return _of_revert(balancer, command)


def _options(balancer: Balancer, names: Any) -> SetBalancer:
    return SetBalancer(balancer.spec.name, **{name: getattr(balancer.spec, name) for name in names})


def _of_set_member(balancer: Balancer, command: SetMember) -> SetMember:
    member = find_member(balancer, command.member)
    names = {each for each in (*RANKING, *CHECK_OPTIONS) if getattr(command, each) is not None}
    # An ejection and an open circuit breaker are what traffic did.
    touched = (command.on | command.off) & ~flags.PASSIVE
    if command.hcmethod is not None:
        # Without checks C is set by hand, with them it is theirs.
        touched |= flags.HC_FAILED
    return _as_now(command.balancer, member, names, touched)


def _of_revert(balancer: Balancer, command: Revert) -> SetMember:
    member = find_member(balancer, command.member)
    spec, live = configured_spec(balancer, member.name), live_spec(member)
    names = {
        each
        for each in (*RANKING, *CHECK_OPTIONS)
        if spec is not None and getattr(live, each) != getattr(spec, each)
    }
    if member.temporary is not None:
        names.add("loadfactor")
    return _as_now(command.balancer, member, names, BY_HAND | flags.HC_FAILED)


def _as_now(balancer: str, member: Member, names: set[str], touched: int) -> SetMember:
    live = live_spec(member)
    return SetMember(
        balancer,
        member.name,
        on=member.flags & touched,
        off=~member.flags & touched,
        temporary=member.temporary if "loadfactor" in names else None,
        **{name: getattr(live, name) for name in names},
    )
