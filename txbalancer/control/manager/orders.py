"""
The fields of a form as commands (APACHE section 8.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from txbalancer.config.balancers import PLAIN_PROBES
from txbalancer.config.members import make_member, parse_options, parse_url, split_line
from txbalancer.control.manager.board import Board
from txbalancer.core import flags, specs, values
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import (
    AddMember,
    Command,
    RemoveMember,
    Revert,
    SetBalancer,
    SetMember,
)
from txbalancer.core.member import Member
from txbalancer.core.overrides import configured_spec, live_spec
from txbalancer.core.performing import adding
from txbalancer.core.specs import MemberSpec

STATUSES = {
    "D": (flags.DISABLED, "Disabled"),
    "N": (flags.DRAIN, "Draining"),
    "S": (flags.STOPPED, "Stopped"),
    "H": (flags.STANDBY, "Hot standby"),
    "R": (flags.SPARE, "Hot spare"),
    "I": (flags.IGNORE_ERRORS, "Ignore errors"),
    "C": (flags.HC_FAILED, "Health check failed"),
}
"""Letter -> flag and its name on the page."""

_MEMBER_FIELDS = {
    "w_lf": "loadfactor",
    "w_ls": "lbset",
    "w_wr": "route",
    "w_rr": "redirect",
    "w_hm": "hcmethod",
    "w_hi": "hcinterval",
    "w_hp": "hcpasses",
    "w_hf": "hcfails",
    "w_hu": "hcuri",
    "w_he": "hcexpr",
}
_HELD = flags.DISABLED | flags.STOPPED | flags.DRAIN
_CLEARED = frozenset({"w_wr", "w_rr", "w_hu", "w_he"})
"""What these name is taken away when they are empty."""

_KINDS = {name: option.kind for name, option in specs.options(MemberSpec)}
_KINDS["hcinterval"] = values.duration(0.1, bare=0.001)
_LASTING = values.duration(1.0, 30 * 86400.0, bare=60.0)
_LONGEST_TIMEOUT = 7200.0
_MOST_ATTEMPTS = values.integer(0, 99)

Faults = list[str]


@dataclass(frozen=True, slots=True)
class Orders:
    """
    @ivar commands: what to do, in this order.
    @ivar faults: what is wrong with the form, for people; then nothing should be done.
    @ivar status: of the answer then: 200 as in Apache, but for a member that cannot be added.
    """

    commands: tuple[Command, ...]
    faults: tuple[str, ...] = ()
    status: int = 200


def read_orders(
    board: Board, balancer: Balancer, member: Member | None, fields: Mapping[str, str]
) -> Orders:
    """
    Make the commands that a form asks for; what is as it should be already makes none.

    @param member: whom the C{w_…} fields are for; C{None} when the form names none.
    """
    faults: Faults = []
    commands: list[Command] = []
    status = 200
    try:
        added = _added(board, balancer, fields, faults)
    except ValueError as error:
        faults.append(f"b_nwrkr: {error}")
        added, status = None, 400
    if added is not None:
        # The one command that may fail for more than what it names.
        commands.append(added)
    commands += _of_balancer(balancer, fields, faults)
    if member is not None:
        commands += _of_member(balancer, member, fields, faults)
    for command in commands:
        try:
            board.check(command)
        except (LookupError, ValueError) as error:
            faults.append(str(error))
    return Orders(tuple(commands), tuple(faults), status)


def find_member(balancer: Balancer, url: str) -> Member | None:
    """
    Find a member by its URL, or by the URL of something below it (APACHE M6).

    Apache takes any member whose name is a prefix: there C{http://10.0.0.1} is meant by
    C{http://10.0.0.10}, too.
    """
    try:
        url = parse_url(url).url
    except ValueError:
        return None
    found = [
        each
        for each in balancer.members
        if url == each.name or url.startswith(f"{each.name.rstrip('/')}/")
    ]
    return max(found, key=lambda each: len(each.name), default=None)


def _read(fields: Mapping[str, str], name: str, parse: Callable[[str], Any], faults: Faults) -> Any:
    """
    Read a field; C{None} when it is not there, empty where that is no value, or at fault.
    """
    if name not in fields or not (fields[name] or name in _CLEARED):
        return None
    try:
        return parse(fields[name].strip())
    except ValueError as error:
        faults.append(f"{name}: {error}")
        return None


def _switch(text: str) -> bool:
    if not re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a number: 1 sets, 0 clears")
    return int(text) != 0


# -- a member


def _of_member(
    balancer: Balancer, member: Member, fields: Mapping[str, str], faults: Faults
) -> Iterator[Command]:
    name = balancer.spec.name
    if fields.get("w_remove"):
        if fields.get("w_ryes") == "1":
            yield RemoveMember(name, member.name)
        else:
            faults.append("w_remove: tick the box beside it to confirm")
        return
    if fields.get("w_revert"):
        yield Revert(name, member.name)
        return
    on, off = _flags(member, fields, faults)
    if fields.get("w_enable"):
        off |= _HELD & member.flags
    if fields.get("w_clear"):
        off |= (flags.IN_ERROR | flags.PASSIVE) & member.flags
    changes = _changes(live_spec(member), fields, faults)
    _lasting(member, fields, changes, faults)
    if changes or on or off:
        yield SetMember(name, member.name, on=on, off=off, **changes)


def _lasting(
    member: Member, fields: Mapping[str, str], changes: dict[str, Any], faults: Faults
) -> None:
    """
    Read for how long a factor is to hold; a number alone is of minutes.
    """
    lasting = _read(fields, "w_lasting", _LASTING, faults)
    if lasting is None:
        return
    if "loadfactor" not in changes:
        if member.temporary is None:
            faults.append("w_lasting: give another load factor, which is to hold for that time")
            return
        changes["loadfactor"] = member.lbfactor
    changes["lasting"] = lasting


def _flags(member: Member, fields: Mapping[str, str], faults: Faults) -> tuple[int, int]:
    on = off = 0
    for name in fields:
        if not name.startswith("w_status_"):
            continue
        letter = name.removeprefix("w_status_")
        if letter not in STATUSES:
            faults.append(f"{name}: use one of {' '.join(STATUSES)}; w_clear=1 ends an error")
            continue
        bit, _ = STATUSES[letter]
        wanted = _read(fields, name, _switch, faults)
        if wanted is True and not member.flags & bit:
            on |= bit
        elif wanted is False and member.flags & bit:
            off |= bit
    return on, off


def _changes(spec: MemberSpec, fields: Mapping[str, str], faults: Faults) -> dict[str, Any]:
    found = {}
    for name, attribute in _MEMBER_FIELDS.items():
        value = _read(fields, name, _KINDS[attribute], faults)
        if value is not None:
            found[attribute] = value
    method = found.get("hcmethod", spec.hcmethod)
    if "hcmethod" in found and method in ("none", "tcp"):
        found["hcexpr"] = ""
    if method not in PLAIN_PROBES and not found.get("hcuri", spec.hcuri):
        found["hcuri"] = "/"
    return {name: value for name, value in found.items() if value != getattr(spec, name)}


# -- a balancer


def _timeout(text: str) -> float:
    value: float = values.duration(0.0, _LONGEST_TIMEOUT).parse(text)
    return value


def _attempts(text: str) -> int | None:
    return None if text == "-" else _MOST_ATTEMPTS(text)


def _of_balancer(
    balancer: Balancer, fields: Mapping[str, str], faults: Faults
) -> Iterator[Command]:
    spec = balancer.spec
    if fields.get("b_revert"):
        yield Revert(spec.name)
        return
    found = {
        "lbmethod": _read(fields, "b_lbm", values.name, faults),
        "timeout": _read(fields, "b_tmo", _timeout, faults),
        "nofailover": _read(fields, "b_sforce", _switch, faults),
    }
    changes = {
        name: value
        for name, value in found.items()
        if value is not None and value != getattr(spec, name)
    }
    # Here an empty field leaves things as they are, and a dash unsets.
    if fields.get("b_max"):
        most = _read(fields, "b_max", _attempts, faults)
        if most != spec.maxattempts and (most is not None or fields["b_max"].strip() == "-"):
            changes["maxattempts"] = most
    names = fields.get("b_ss", "").strip()
    sticky = None if names == "-" else _read({"b_ss": names}, "b_ss", _sticky, faults)
    if names and sticky != spec.stickysession and (sticky is not None or names == "-"):
        changes["stickysession"] = sticky
    if changes:
        yield SetBalancer(spec.name, **changes)


def _sticky(text: str) -> specs.StickyNames | None:
    return specs.sticky_names(text) if text else None


def _added(
    board: Board, balancer: Balancer, fields: Mapping[str, str], faults: Faults
) -> AddMember | None:
    """
    Read C{b_nwrkr}: a URL, and options after it as in a configuration file.

    @raise ValueError: when no member can be made of it.
    """
    text = fields.get("b_nwrkr", "").strip()
    if not text:
        return None
    if fields.get("b_wyes") != "1":
        faults.append("b_nwrkr: tick the box beside it to confirm (b_wyes=1)")
        return None
    return adding(balancer, _new_member(board, balancer, text))


def _new_member(board: Board, balancer: Balancer, text: str) -> MemberSpec:
    url, words = split_line(text)
    address = parse_url(url)
    apache = board.spec.service.defaults == "apache"
    options, found = parse_options(
        words, specs.apache_defaults(MemberSpec) if apache else {}, board.registry
    )
    # A form must not have files of this machine shown to a member that it names.
    found += [
        (key, "belongs in the configuration file")
        for key in (word.partition("=")[0].lower() for word in words)
        if "certificate" in key
    ]
    if found:
        raise ValueError("; ".join(f"{key}: {fault}" for key, fault in found))
    configured = configured_spec(balancer, address.url)
    # One that was removed at run time comes back as the file or its source has it.
    spec = configured if configured is not None and not words else make_member(address, options)
    status = spec.status | flags.DISABLED
    uri = spec.hcuri or ("" if spec.hcmethod in PLAIN_PROBES else "/")
    return replace(spec, status=status, hcuri=uri)
