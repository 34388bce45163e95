"""
Options that were written but do nothing, for want of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from txbalancer.config import words
from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.config.options import MEMBER_OPTIONS, TABLES, table
from txbalancer.config.scope import Placed
from txbalancer.core import flags
from txbalancer.core.access_rules import asks_for_users
from txbalancer.core.specs import (
    BalancerSpec,
    FixedStatus,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    NotProxied,
    Redirect,
    ToMember,
)


@dataclass(frozen=True, slots=True)
class Need:
    """
    What some options need to have an effect.

    @ivar keys: the options.
    @ivar met: whether a spec has what they need.
    @ivar fault: what to say of an option when it has not.
    """

    keys: frozenset[str]
    met: Callable[[Any], bool]
    fault: str


def _need(keys: str, met: Callable[[Any], bool], without: str) -> Need:
    return Need(frozenset(keys.split()), met, f"has no effect without {without}")


def _starting(table: dict[str, Any], start: str) -> str:
    return " ".join(key for key in table if key.startswith(start))


def is_sticky(spec: BalancerSpec) -> bool:
    """
    Tell whether a balancer ties sessions to members.
    """
    return bool(spec.stickysession or spec.stickycookie or spec.stickyscheme)


_ANY_STICKY = "stickysession, stickycookie or stickyscheme"
_STANDBY_AND_SPARE = flags.STANDBY | flags.SPARE

OF_LISTENERS = (
    _need("keepalive-requests", lambda spec: spec.keepalive_timeout > 0, "keepalive-timeout"),
)
OF_BALANCERS = (
    _need("hashkey", lambda spec: spec.lbmethod == "hash", "lbmethod = hash"),
    _need("stickysessionsep scolonpathdelim", lambda spec: spec.stickysession, "stickysession"),
    _need(
        _starting(TABLES["balancer"], "stickycookie-"),
        lambda spec: spec.stickycookie,
        "stickycookie = NAME",
    ),
    _need("nofailover", is_sticky, _ANY_STICKY),
)
OF_MOUNTS = (
    _need(
        "via preservehost forwarded addheaders nocanon " + _starting(TABLES["mount"], "reverse"),
        lambda spec: not isinstance(spec.target, NotProxied | Redirect | FixedStatus),
        "a member to ask",
    ),
    _need(
        "auth-file auth-name",
        lambda spec: asks_for_users(spec.require),
        "require = user or valid-user",
    ),
)
OF_MEMBERS = (
    _need(
        _starting(MEMBER_OPTIONS, "sslproxy"), lambda member: member.scheme == "https", "https://"
    ),
    _need(
        "tunneltimeout",
        lambda member: member.upgrade.upper() != "NONE",
        "an upgrade other than NONE",
    ),
    _need(
        "hcinterval hctimeout hcpasses hcfails hccounting",
        lambda member: member.hcmethod != "none",
        "hcmethod",
    ),
    _need(
        "hcuri hcexpr",
        lambda member: member.hcmethod not in ("none", "tcp"),
        "an hcmethod that asks for it, such as get",
    ),
    _need("acquire maxqueue", lambda member: member.max, "max"),
    _need("smax min", lambda member: member.ttl, "ttl: nothing is closed for age"),
    _need("min", lambda member: not member.disablereuse, "reuse: disablereuse is On"),
    Need(
        frozenset({"min"}),
        lambda member: not member.max or member.min <= member.max,
        "is above max: there are never so many connections",
    ),
    _need("failwindow", lambda member: member.maxfails > 1, "maxfails above 1"),
    Need(
        frozenset({"status"}),
        lambda member: member.status & _STANDBY_AND_SPARE != _STANDBY_AND_SPARE,
        "has H and R: H has no effect, the member is a spare",  # APACHE W42
    ),
)
OF_STICKY = _need("redirect", lambda member: False, _ANY_STICKY)
"""Of members in a balancer that is not sticky."""


def check_effects(
    listeners: Sequence[Placed[ListenerSpec]],
    balancers: Sequence[Placed[BalancerSpec]],
    mounts: Sequence[Placed[MountSpec]],
    findings: Findings,
) -> None:
    """
    Warn of each option that has no effect where it was written.
    """
    for listener in listeners:
        _check_section(listener.section, [listener.spec], OF_LISTENERS, findings)
    for balancer in balancers:
        _check_section(balancer.section, [balancer.spec], OF_BALANCERS, findings)
        _check_members(balancer, findings)
    for mount in mounts:
        _check_section(mount.section, [mount.spec], OF_MOUNTS, findings)
        target, section = mount.spec.target, mount.section
        if isinstance(target, ToMember):
            entry = section.entries["to"]
            for text in _faults(entry.value, target.member, OF_MEMBERS):
                findings.warn(entry.line, section.title, "to", text)


def _check_section(
    section: Section,
    holders: Sequence[Any],
    needs: Sequence[Need],
    findings: Findings,
    names: Callable[[str], str] = str,
) -> None:
    """
    @param holders: the specs that the section's options are for; one that can use them is enough.
    @param names: name in C{needs} of a key.
    """
    for key, entry in section.entries.items():
        for need in needs:
            name = names(key)
            if name in need.keys and not any(_is_well(spec, name, need) for spec in holders):
                findings.warn(entry.line, section.title, key, need.fault)
                break


def _check_members(placed: Placed[BalancerSpec], findings: Findings) -> None:
    spec, section = placed.spec, placed.section
    needs = OF_MEMBERS if is_sticky(spec) else (*OF_MEMBERS, OF_STICKY)
    _check_section(section, spec.members, needs, findings, _member_option)
    written = dict(section.entries["members"].lines)
    for line, member in zip(placed.lines, spec.members, strict=True):
        for text in _faults(written[line], member, needs):
            findings.warn(line, section.title, "members", text)


def _is_well(spec: Any, key: str, need: Need) -> bool:
    """
    Tell whether an option has what it needs; one that says what would be so anyway needs nothing.
    """
    attribute, option = _options(type(spec))[key]
    return need.met(spec) or getattr(spec, attribute) in (option.modern, option.apache)


_options = cache(table)


def _member_option(key: str) -> str:
    """
    Name the option of members that a key of a balancer's section gives; empty for the others.
    """
    return "" if key in TABLES["balancer"] else key.removeprefix("member.")


def _faults(text: str, member: MemberSpec, needs: Sequence[Need]) -> Iterator[str]:
    for word in words.split(text)[1:]:
        key = word.partition("=")[0].lower()
        fault = next(
            (need.fault for need in needs if key in need.keys and not _is_well(member, key, need)),
            "",
        )
        if fault:
            yield f"{member.url}: {key} {fault}"
