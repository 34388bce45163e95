"""
Changes at run time as values: the manager, the API and the CLI all apply the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member, Temporary
from txbalancer.core.specs import MemberSpec, StickyNames


class _Keep:
    """
    Stays the only one of its kind where commands go to another process.
    """

    __slots__ = ()

    def __reduce__(self) -> str:
        return "KEEP"


KEEP: Any = _Keep()
"""Leaves an option as it is, where C{None} is a value."""


@dataclass(frozen=True, slots=True)
class SetMember:
    """
    Change a member; what is C{None} stays.

    @ivar member: its name, the URL.
    @ivar loadfactor: in hundredths, 100 to 10000. All members' lbstatus starts anew at
        their factors, as with Apache's manager.
    @ivar on: flags to set; C{off}: flags to clear, which wins.
    @ivar hcmethod: its health check, as all C{hc…} here; C{none} ends the verdict, too.
    @ivar hcinterval: seconds.
    @ivar lasting: seconds that C{loadfactor} holds, 1 or more, before the one of now comes
        back; while that is still to come, the one that was to come back then. C{None} = for
        good.
    @ivar temporary: of undo only: what held of C{loadfactor} before.
    """

    balancer: str
    member: str
    loadfactor: int | None = None
    lbset: int | None = None
    route: str | None = None
    redirect: str | None = None
    on: int = 0
    off: int = 0
    hcmethod: str | None = None
    hcinterval: float | None = None
    hcpasses: int | None = None
    hcfails: int | None = None
    hcuri: str | None = None
    hcexpr: str | None = None
    lasting: float | None = None
    temporary: Temporary | None = None


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
    Add a member after the others, as far as C{growth} allows.

    @ivar source: the source of members that knows it, for which C{growth} does not count.
    @ivar said: what that says of it, where people want something else; C{None} = C{spec}.
    """

    balancer: str
    spec: MemberSpec
    source: str = ""
    said: MemberSpec | None = None


@dataclass(frozen=True, slots=True)
class RenewMember:
    """
    Take what a source of members says of a member now. Options that were changed by
    command stay so, unless the source says another value of the same one.
    """

    balancer: str
    spec: MemberSpec
    source: str


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """
    Take a member away for good; attempts in progress go on.

    @ivar source: the source of members that names it no more. Without, it is people who want
        it away, whatever a source says.
    """

    balancer: str
    member: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Revert:
    """
    Give up what was changed by command: the configuration holds again.

    @ivar member: whose options; empty for the balancer's own.
    """

    balancer: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class PutBack:
    """
    Undo a removal: the member is there again with all that it was and had counted.

    @ivar gone: it, as it went; what it had in progress then is still its own.
    @ivar place: where it was in the order of members, from 0.
    """

    balancer: str
    gone: Member
    place: int


Command = SetMember | SetBalancer | AddMember | RenewMember | RemoveMember | Revert | PutBack


@dataclass(frozen=True, slots=True)
class Change:
    """
    What a command did.

    @ivar before: key -> value, as in an INI file, of each option that is another now;
        C{None} = unset. A member's flags in words are its C{state}; a member that comes
        or goes has its URL under C{member}.
    @ivar after: the same keys, as they are now.
    @ivar warning: what it brought about that hardly anybody wants; empty for nothing.
    """

    command: Command
    before: dict[str, str | None]
    after: dict[str, str | None]
    warning: str = ""

    def __bool__(self) -> bool:
        return self.before != self.after


CHECK_OPTIONS = ("hcmethod", "hcinterval", "hcpasses", "hcfails", "hcuri", "hcexpr")
BALANCER_OPTIONS = ("lbmethod", "timeout", "maxattempts", "stickysession", "nofailover")


def find_member(balancer: Balancer, name: str) -> Member:
    """
    Return a member by its name.

    @raise LookupError: when there is none.
    """
    for member in balancer.members:
        if member.name == name:
            return member
    raise LookupError(f"{balancer.spec.name} has no member {name}")


def subject(command: Command) -> str:
    """
    Return the name of the member that a command is about; empty for the balancer itself.
    """
    if isinstance(command, AddMember | RenewMember):
        return command.spec.url
    if isinstance(command, PutBack):
        return command.gone.name
    return "" if isinstance(command, SetBalancer) else command.member
