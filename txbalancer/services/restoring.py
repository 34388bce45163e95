"""
State of a former process, put over the balancers of this one as far as it fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from txbalancer.config.members import parse_url
from txbalancer.config.options import MEMBER_OPTIONS, TABLES, Table, parse
from txbalancer.core import overrides, snapshot
from txbalancer.core.overrides import Override, shown_options
from txbalancer.core.specs import MemberSpec
from txbalancer.core.state import PLACE, BalancerState, read
from txbalancer.core.values import counted
from txbalancer.services.steering import Steering
from txbalancer.services.vetting import check_expression, check_files


def put_back(steering: Steering, state: Any) -> Iterator[str]:
    """
    Restore every balancer that is there still.

    @param state: what L{Persistence<txbalancer.services.persistence.Persistence>} wrote;
        nothing in it is taken for granted.
    @return: for people, what was not put back and why.
    """
    if not isinstance(state, dict) or not isinstance(state.get("balancers"), dict):
        yield "there are no balancers in it"
        return
    try:
        age = steering.runtime.wall() - float(state["written"])
    except (KeyError, TypeError, ValueError, OverflowError):
        age = 0.0
    for name in steering.names():
        if name in state["balancers"]:
            yield from _put_back_one(steering, name, state["balancers"][name], max(0.0, age))
    for name in state["balancers"].keys() - set(steering.names()):
        yield f"balancer {name} is not in the configuration any more: its state is left out"
    steering.follow_temporaries()


def told(steering: Steering) -> Iterator[str]:
    """
    Say what of every balancer is not as configured, which is what was put back.
    """
    for name in steering.names():
        balancer = steering.balancer(name)
        for each in overrides.of_balancer(balancer):
            yield _line(name, each)
        for member, changed in overrides.of_members(balancer).items():
            if changed is None:
                yield f"{name} {member}: added at run time before the restart"
            for each in changed or ():
                yield _line(f"{name} {member}", each)
        found = Counter(each.origin.source for each in balancer.members if each.origin is not None)
        for source, number in found.items():
            yield f"{name}: {counted(number, 'member')} that {source} knew before the restart"
        for member in overrides.removed(balancer):
            yield f"{name} {member}: removed at run time before the restart"


def _line(title: str, each: Override) -> str:
    live, configured = (value or "unset" for value in (each.live, each.configured))
    return (
        f"{title}: {each.name} {live}, set at run time before the restart"
        f" (configured: {configured})"
    )


def _put_back_one(steering: Steering, name: str, data: Any, age: float) -> Iterator[str]:
    try:
        found = read(data)
    except ValueError as error:
        yield f"balancer {name} is as configured: {error}"
        return
    notes: list[str] = []
    fitting = _Fitting(steering, notes).of_balancer(found, name)
    yield from notes
    now = steering.now()
    yield from snapshot.restore(steering.balancer(name), fitting, now - age, now)
    steering.resource(name).open_pools()
    if isinstance(data.get("nonce"), str):
        steering.set_secret(name, data["nonce"])


class _Fitting:
    """
    Leaves out what this installation does not have any more: plugins, files, expressions.
    """

    def __init__(self, steering: Steering, notes: list[str]) -> None:
        self._steering = steering
        self._notes = notes

    def of_balancer(self, state: BalancerState, name: str) -> BalancerState:
        """
        Return the state without what cannot be.
        """
        members = {}
        for url, each in state.members.items():
            what = f"{name}: {url}"
            spec = each.added if each.origin is None else each.origin.spec
            fault = self._misfit(spec) if spec is not None else ""
            if fault:
                self._notes.append(f"{what} is left out: {fault}")
            else:
                members[url] = replace(
                    each, options=self._known(MEMBER_OPTIONS, each.options, what)
                )
        options = self._known(TABLES["balancer"], state.options, name)
        dismissed = {
            url: each for url, each in state.dismissed.items() if not self._misfit(each.spec)
        }
        return replace(state, options=options, members=members, dismissed=dismissed)

    def _known(
        self, table: Table, options: tuple[Override, ...], what: str
    ) -> tuple[Override, ...]:
        known = []
        for each in options:
            try:
                self._check(table, each.name, each.live)
            except (ValueError, LookupError) as error:
                self._notes.append(f"{what}: {each.name} is as configured: {error}")
            else:
                known.append(each)
        return tuple(known)

    def _check(self, table: Table, name: str, text: str | None) -> None:
        if name in table and text is not None:
            parse(table[name][1], text, self._steering.registry)
        if name == "hcexpr" and text:
            check_expression(text, self._steering.spec)

    def _misfit(self, member: MemberSpec) -> str:
        try:
            place = parse_url(member.url)
            if any(getattr(place, name) != getattr(member, name) for name in PLACE):
                return f"it is not at {place.url}"
            for name, text in shown_options(member).items():
                self._check(MEMBER_OPTIONS, name, text)
            check_files(member)
        except (ValueError, LookupError) as error:
            return str(error)
        return ""
