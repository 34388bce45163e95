"""
What changes from one configuration to the next, as a value and as lines for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from txbalancer.core import specs
from txbalancer.core.specs import (
    BalancerSpec,
    LimitSpec,
    ListenerSpec,
    LogSpec,
    MountSpec,
    ServiceSpec,
    SourceSpec,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """
    One thing before and after.
    """

    old: T
    new: T


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """
    What came, went and changed among things that have a name, each in file order.

    @ivar moved: whether those that stayed are in another order now.
    """

    added: tuple[T, ...] = ()
    removed: tuple[T, ...] = ()
    changed: tuple[Change[T], ...] = ()
    moved: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How to get from one configuration to another.

    @ivar service: names of the options of C{[txbalancer]} that have another value.
    @ivar listeners: C{changed} are those that keep their endpoints.
    @ivar rebound: listeners that have other endpoints.
    @ivar balancers: which came and went.
    @ivar mounts: mounts by label; C{moved} matters, as the first match wins.
    @ivar logs: access logs of some requests; C{moved} matters.
    @ivar limits: rate limits.
    @ivar lines: the same for people; secrets are not shown.
    """

    service: tuple[str, ...]
    listeners: Changes[ListenerSpec]
    rebound: tuple[Change[ListenerSpec], ...]
    balancers: Changes[BalancerSpec]
    mounts: Changes[MountSpec]
    logs: Changes[LogSpec]
    limits: Changes[LimitSpec]
    lines: tuple[str, ...]

    def in_short(self) -> str:
        """
        Say the first of its lines, and how many more there are.
        """
        more = f" and {len(self.lines) - 3} more" if len(self.lines) > 3 else ""
        return ("; ".join(self.lines[:3]) or "nothing is other") + more

    def __bool__(self) -> bool:
        return bool(self.lines)


def plan(old: ServiceSpec, new: ServiceSpec) -> Plan:
    """
    Compare two configurations.
    """
    listeners = _compare(old.listeners, new.listeners, "name")
    rebound = tuple(each for each in listeners.changed if each.old.endpoint != each.new.endpoint)
    balancers = _compare(old.balancers, new.balancers, "name")
    mounts = _compare(old.mounts, new.mounts, "label")
    logs = _compare(old.logs, new.logs, "name")
    limits = _compare(old.limits, new.limits, "name")
    kept = tuple(each for each in listeners.changed if each not in rebound)
    lines = (
        *_option_lines("txbalancer", old.service, new.service),
        *_lines("listener", "name", listeners),
        *_lines("balancer", "name", balancers),
        *_lines("mount", "label", mounts),
        *_lines("log", "name", logs),
        *_lines("limit", "name", limits),
    )
    return Plan(
        service=changed_options(old.service, new.service),
        listeners=Changes(listeners.added, listeners.removed, kept, listeners.moved),
        rebound=rebound,
        balancers=Changes(balancers.added, balancers.removed, (), balancers.moved),
        mounts=mounts,
        logs=logs,
        limits=limits,
        lines=lines,
    )


def changed_options(old: Any, new: Any) -> tuple[str, ...]:
    """
    Return the names of the options that differ between two specs of one class.
    """
    return tuple(
        option.name
        for attribute, option in specs.options(type(old))
        if getattr(old, attribute) != getattr(new, attribute)
    )


def _compare(old: Sequence[T], new: Sequence[T], key: str) -> Changes[T]:
    before = {getattr(each, key): each for each in old}
    after = {getattr(each, key): each for each in new}
    return Changes(
        added=tuple(each for name, each in after.items() if name not in before),
        removed=tuple(each for name, each in before.items() if name not in after),
        changed=tuple(
            Change(before[name], each)
            for name, each in after.items()
            if name in before and before[name] != each
        ),
        moved=[name for name in before if name in after]
        != [name for name in after if name in before],
    )


def _lines(word: str, key: str, changes: Changes[Any]) -> Iterator[str]:
    for each in changes.added:
        yield f"{word} {getattr(each, key)} added"
    for each in changes.removed:
        yield f"{word} {getattr(each, key)} removed"
    for change in changes.changed:
        yield from _change_lines(f"{word} {getattr(change.new, key)}", change.old, change.new)
    if changes.moved:
        yield f"order of {word}s changed"


def _change_lines(what: str, old: Any, new: Any) -> Iterator[str]:
    yield from _option_lines(what, old, new)
    for part in ("endpoint", "path", "target", "conditions", "files"):
        if getattr(old, part, None) != getattr(new, part, None):
            yield f"{what}: {part} changed"
    if isinstance(old, BalancerSpec):
        for line in _lines("member", "url", _compare(old.members, new.members, "url")):
            yield f"{what}: {line}"
        for line in _lines("source", "place", _compare(old.discover, new.discover, "place")):
            yield f"{what}: {line}"
    if isinstance(old, SourceSpec):
        yield from _option_lines(f"{what}: member", old.member, new.member)


def _option_lines(what: str, old: Any, new: Any) -> Iterator[str]:
    for attribute, option in specs.options(type(old)):
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before == after:
            continue
        if option.secret:
            yield f"{what}: {option.name} changed"
        else:
            yield f"{what}: {option.name} {_show(option, before)} -> {_show(option, after)}"


def _show(option: specs.Option, value: Any) -> str:
    if value is None:
        return "unset"
    # A list has a line for each value.
    return " | ".join(option.kind.show(value).split("\n")) or "empty"
