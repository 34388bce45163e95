"""
Changes at run time as values: the manager, the API and the CLI all apply the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.specs import MemberSpec, StickyNames

KEEP: Any = object()
"""Leaves an option as it is, where C{None} is a value."""


@dataclass(frozen=True, slots=True)
class SetMember:
    """
    Change a member; what is C{None} stays.

    @ivar member: its name, the URL.
    @ivar loadfactor: in hundredths, 100 to 10000. All members' lbstatus starts anew at
        their factors, as with Apache's manager.
    @ivar on: flags to set; C{off}: flags to clear, which wins.
    """

    balancer: str
    member: str
    loadfactor: int | None = None
    lbset: int | None = None
    route: str | None = None
    redirect: str | None = None
    on: int = 0
    off: int = 0


@dataclass(frozen=True, slots=True)
class SetBalancer:
    """
    Change options of a balancer; what is C{KEEP} stays.
    """

    balancer: str
    lbmethod: str = KEEP
    timeout: float = KEEP
    maxattempts: int | None = KEEP
    stickysession: StickyNames | None = KEEP
    nofailover: bool = KEEP


@dataclass(frozen=True, slots=True)
class AddMember:
    """
    Add a member after the others.
    """

    balancer: str
    spec: MemberSpec


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """
    Take a member away for good; attempts in progress go on.
    """

    balancer: str
    member: str


Command = SetMember | SetBalancer | AddMember | RemoveMember


def apply(balancer: Balancer, command: Command, now: float) -> list[Member]:
    """
    Carry out a command on the balancer it is for.

    @return: the members that are gone, whose connections are to be closed.
    @raise LookupError: for a member or lbmethod that does not exist.
    @raise ValueError: for a member that exists already.
    """
    if isinstance(command, SetMember):
        _set_member(balancer, _named(balancer, command.member), command, now)
    elif isinstance(command, SetBalancer):
        names = ("lbmethod", "timeout", "maxattempts", "stickysession", "nofailover")
        options = {name: getattr(command, name) for name in names}
        changed = {name: value for name, value in options.items() if value is not KEEP}
        balancer.respec(replace(balancer.spec, **changed))
    elif isinstance(command, AddMember):
        if any(member.name == command.spec.url for member in balancer.members):
            raise ValueError(f"{balancer.spec.name} has a member {command.spec.url} already")
        balancer.install((*balancer.members, Member(command.spec)))
    else:
        gone = _named(balancer, command.member)
        balancer.install(member for member in balancer.members if member is not gone)
        return [gone]
    return []


def _named(balancer: Balancer, name: str) -> Member:
    for member in balancer.members:
        if member.name == name:
            return member
    raise LookupError(f"{balancer.spec.name} has no member {name}")


def _set_member(balancer: Balancer, member: Member, command: SetMember, now: float) -> None:
    if command.lbset is not None:
        member.lbset = command.lbset
    if command.route is not None:
        member.route = command.route.encode()
    if command.redirect is not None:
        member.redirect = command.redirect.encode()
    if command.loadfactor is not None:
        member.lbfactor = command.loadfactor
        balancer.ledger.restart(by_factor=True)
    balancer.index()
    after = (member.flags | command.on) & ~command.off
    if after & flags.IN_ERROR and not member.flags & flags.IN_ERROR:
        member.error_time = now
    balancer.set_flags(member, after, "by command", now)
