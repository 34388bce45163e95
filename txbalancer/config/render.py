"""
Specs to INI text, such that reading the text gives the same specs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from txbalancer.config import words
from txbalancer.config.ini import escape
from txbalancer.config.targets import show_target
from txbalancer.core import specs
from txbalancer.core.specs import (
    BalancerSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    ServiceSpec,
    ToMember,
)


def render(spec: ServiceSpec, *, defaults: bool = False) -> str:
    """
    Write a configuration as INI text.

    @param defaults: whether options that have their default are written too.
    """
    sections = [_section("txbalancer", _options(spec.service, defaults))]
    sections += [
        _section(f"listener:{each.name}", _listener(each, defaults)) for each in spec.listeners
    ]
    sections += [
        _section(f"balancer:{each.name}", _balancer(each, defaults)) for each in spec.balancers
    ]
    sections += [_section(f"mount:{each.label}", _mount(each, defaults)) for each in spec.mounts]
    return "\n".join(sections)


def shown_options(spec: Any, defaults: bool) -> Iterator[tuple[str, str]]:
    """
    Yield (key, text) for the options of a spec, in the order of their declaration.

    @param defaults: whether options that have their default come too; unset ones never do.
    """
    for attribute, option in specs.options(type(spec)):
        value = getattr(spec, attribute)
        if value is not None and (defaults or value != option.modern):
            yield option.name, option.kind.show(value)


def _section(title: str, lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in (escape(f"[{title}]"), *lines))


def _line(key: str, value: str) -> str:
    return f"{key} = {escape(value)}".rstrip()


def _options(spec: Any, defaults: bool) -> Iterator[str]:
    for key, text in shown_options(spec, defaults):
        if "\n" in text:
            yield from _several(key, text.split("\n"))
        else:
            yield _line(key, text)


def _several(key: str, values: list[str]) -> Iterator[str]:
    if len(values) == 1:
        yield _line(key, values[0])
    else:
        yield f"{key} ="
        for value in values:
            yield f"    {escape(value)}"


def _listener(spec: ListenerSpec, defaults: bool) -> Iterator[str]:
    yield from _several("endpoint", list(spec.endpoint))
    yield from _options(spec, defaults)


def _balancer(spec: BalancerSpec, defaults: bool) -> Iterator[str]:
    yield from _options(spec, defaults)
    yield "members ="
    for member in spec.members:
        yield f"    {escape(words.quote(member.url) + _member_options(member, defaults))}"


def _member_options(spec: MemberSpec, defaults: bool) -> str:
    return "".join(f" {key}={words.quote(text)}" for key, text in shown_options(spec, defaults))


def _mount(spec: MountSpec, defaults: bool) -> Iterator[str]:
    if not spec.match and spec.path != spec.label:
        yield _line("path", spec.path)
    yield _line("to", show_target(spec.target, lambda target: _single_options(target)))
    for condition in spec.conditions:
        key = f"{condition.kind}.{condition.name}" if condition.name else condition.kind
        yield _line(key, words.join(condition.allowed))
    yield from _options(spec, defaults)


def _single_options(target: ToMember) -> str:
    # Never with defaults: some options are refused for a member without a balancer.
    return _member_options(target.member, defaults=False)
