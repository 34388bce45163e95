"""
What became of a balancer since its configuration was read, as plain values to be
written down, and put back over a configuration that may be another by then.

Two parts are kept apart. The overrides, what people changed, hold wherever the
configuration still says what it said when they were made; an option that was edited
since has the configuration's value (APACHE X21; there, M41, the old state wins). The
condition, what traffic and health checks found, is put back as it was.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member, Origin, Temporary
from txbalancer.core.overrides import (
    RANKING,
    Override,
    configured_spec,
    kept_options,
    live_spec,
    of_balancer,
    of_members,
    removed,
    set_ranking,
    shown_options,
)
from txbalancer.core.passive import record
from txbalancer.core.specs import MemberSpec
from txbalancer.core.state import PLACE, BalancerState, Condition, MemberState, read_values
from txbalancer.core.values import show_loadfactor
from txbalancer.core.values import status as parse_status

_COUNTS = ("elected", "transferred", "read", "retries")


def export(balancer: Balancer, now: float) -> dict[str, Any]:
    """
    Return a balancer's overrides and its members' condition, made of JSON's types.

    Times are ages in seconds, for a monotonic clock means nothing to another process.
    Attempts in progress and connections are not part of it.
    """
    overrides, breaker = of_members(balancer), record.show_breaker(balancer.breaker, now)
    return {
        "lbmethod": balancer.spec.lbmethod,
        "options": [list(each) for each in of_balancer(balancer)],
        "removed": [each for each in removed(balancer) if each not in balancer.dismissed],
        "dismissed": {name: _said(each) for name, each in balancer.dismissed.items()},
        **({"breaker": breaker} if breaker else {}),
        "members": {
            member.name: {
                **_changes(member, overrides[member.name]),
                **_passing(balancer, member, now),
                **_condition(balancer, member, now),
                **_passive(balancer, member, now),
            }
            for member in balancer.members
        },
    }


def _changes(member: Member, overrides: list[Override] | None) -> dict[str, Any]:
    if overrides is None:
        place, options = _whole(live_spec(member))
        return {"added": place, "options": options}
    changed = {"options": [list(each) for each in overrides]}
    if member.origin is None:
        return changed
    return {**_said(member.origin), **changed}


def _said(origin: Origin) -> dict[str, Any]:
    place, said = _whole(origin.spec)
    return {"source": origin.source, "place": place, "said": said}


def _whole(spec: MemberSpec) -> tuple[dict[str, Any], list[Any]]:
    return (
        {name: getattr(spec, name) for name in PLACE},
        [[name, None, value] for name, value in kept_options(spec).items()],
    )


def _passing(balancer: Balancer, member: Member, now: float) -> dict[str, Any]:
    if member.temporary is None:
        return {}
    until, back = member.temporary
    configured = _configured_factor(balancer, member)
    shown = None if configured is None else show_loadfactor(configured)
    return {"passing": [max(0.0, until - now), show_loadfactor(back), shown]}


def _configured_factor(balancer: Balancer, member: Member) -> int | None:
    spec = configured_spec(balancer, member.name)
    return None if spec is None else spec.loadfactor


def _passive(balancer: Balancer, member: Member, now: float) -> dict[str, Any]:
    found = record.show(member.watched, balancer.slowly.get(member), now)
    return {"passive": found} if found else {}


def _condition(balancer: Balancer, member: Member, now: float) -> dict[str, Any]:
    return {**_found(member, now), "lbstatus": balancer.lbstatus(member)}


def _found(member: Member, now: float) -> dict[str, Any]:
    return {
        "flags": member.flags,
        "cause": member.cause,
        "age": _age(member.since, now),
        **{name: getattr(member, name) for name in _COUNTS},
        "error_age": _age(member.error_time, now),
        "up": member.health.up,
        "run": member.health.run,
        "passes": member.health.passes,
        "fails": member.health.fails,
    }


def export_gone(member: Member, now: float) -> dict[str, Any]:
    """
    Return a member that was removed and may be put back, made of JSON's types.
    """
    place, options = _whole(live_spec(member))
    data = {"added": place, "options": options, **_found(member, now), "lbstatus": member.base}
    if member.origin is not None:
        place, said = _whole(member.origin.spec)
        data |= {"source": member.origin.source, "place": place, "said": said}
    return data


def made_of(state: MemberState, now: float) -> Member:
    """
    Make a member of what L{export_gone} wrote.

    @raise ValueError: when that is not all of a member.
    """
    if state.added is None:
        raise ValueError("its options are missing")
    member, was = Member(state.added), state.condition
    member.origin, member.health = state.origin, was.health
    member.flags, member.cause, member.since = was.flags, was.cause, _time(was.age, now)
    member.error_time, member.retries = _time(was.error_age, now), was.retries
    member.base, member.elected = was.lbstatus, was.elected
    member.transferred, member.read = was.transferred, was.read
    return member


def _age(time: float, now: float) -> float | None:
    return None if time == -inf else now - time


def restore(
    balancer: Balancer, state: BalancerState, since: float, now: float | None = None
) -> list[str]:
    """
    Put overrides and condition back over a balancer that is as configured.

    @param since: when the state was written, by the balancers' clock.
    @param now: the time by that clock; C{None} for the same.
    @return: for people, what was not put back and why.
    @raise KeyError: for an lbmethod that is not there any more; nothing is changed then.
    """
    name = balancer.spec.name
    now = since if now is None else now
    notes = [f"{name}: {each}" for each in state.faults]
    chosen = _chosen(balancer.configured, state.options, name, notes)
    balancer.respec(replace(balancer.spec, **chosen))
    configured = {each.url for each in balancer.configured.members}
    gone = configured.intersection(state.removed)
    added = [
        Member(each.added)
        for url, each in state.members.items()
        if each.added is not None and url not in configured
    ]
    added += _discovered(balancer, state, configured)
    balancer.dismissed = {
        name: each
        for name, each in state.dismissed.items()
        if name not in configured and each.source in _asked(balancer)
    }
    balancer.install([*(each for each in balancer.members if each.name not in gone), *added])
    for member in balancer.members:
        found = state.members.get(member.name)
        if found is None:
            continue
        if found.added is None:
            _override(member, found.options, f"{name}: {member.name}", notes)
        passing = found.passing
        if passing is not None and passing.configured == _configured_factor(balancer, member):
            member.temporary = Temporary(since + passing.left, passing.loadfactor)
        balancer.recall(member, found.passive, since, now)
        # Another lbmethod starts even (APACHE A17).
        _recondition(member, found.condition, since, state.lbmethod == balancer.spec.lbmethod)
    balancer.recall_all(state.breaker, since, now)
    balancer.index()
    left = [url for url in state.members if url not in {each.name for each in balancer.members}]
    notes += [f"{name}: {url} is not in the configuration any more" for url in left]
    return notes


def _discovered(balancer: Balancer, state: BalancerState, configured: set[str]) -> list[Member]:
    """
    Return the members that sources knew which are still asked: until they answer, they are the
    last good ones.
    """
    asked = _asked(balancer)
    found = []
    for url, each in state.members.items():
        if each.origin is not None and each.origin.source in asked and url not in configured:
            member = Member(each.origin.spec)
            member.origin = each.origin
            found.append(member)
    return found


def _asked(balancer: Balancer) -> set[str]:
    return {each.place for each in balancer.configured.discover}


def _chosen(
    spec: Any, options: tuple[Override, ...], what: str, notes: list[str]
) -> dict[str, Any]:
    """
    Return attribute -> live value of the overrides that still hold.
    """
    shown = shown_options(spec)
    holding = []
    for each in options:
        if shown.get(each.name) == each.configured:
            holding.append(each)
        elif shown.get(each.name) != each.live:
            notes.append(
                f"{what}: {each.name} = {shown.get(each.name)} as the configuration says now;"
                f" {each.live} was set at run time before that"
            )
    return read_values(type(spec), tuple(holding))


def _override(member: Member, options: tuple[Override, ...], what: str, notes: list[str]) -> None:
    status = [each for each in options if each.name == "status"]
    chosen = _chosen(
        member.spec, tuple(each for each in options if each.name != "status"), what, notes
    )
    set_ranking(member, {name: chosen.pop(name) for name in RANKING if name in chosen})
    member.spec = replace(member.spec, **chosen)
    for each in status:
        # Flag by flag: those that the configuration changed since are the configuration's.
        before, live = (parse_status(text or "") for text in each[1:])
        bits = (before ^ live) & ~(before ^ member.spec.status)
        member.flags = (member.flags & ~bits) | (live & bits)


def _recondition(member: Member, was: Condition, now: float, same: bool) -> None:
    bits = flags.IN_ERROR
    if member.spec.hcmethod != "none":
        bits |= flags.HC_FAILED
        member.health = was.health
    member.flags = (member.flags & ~bits) | (was.flags & bits)
    if member.flags == was.flags:
        member.cause, member.since = was.cause, _time(was.age, now)
    member.error_time = _time(was.error_age, now)
    member.elected, member.retries = was.elected, was.retries
    if same:
        member.base = was.lbstatus
        member.transferred, member.read = was.transferred, was.read


def _time(age: float | None, now: float) -> float:
    return -inf if age is None else now - age
