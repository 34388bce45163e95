"""
Specs to INI text, such that reading the text gives the same specs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from txbalancer.config import words
from txbalancer.config.discover import KEY, PREFIX, SOURCE_OPTIONS
from txbalancer.config.effects import OF_LISTENERS, OF_SERVICE
from txbalancer.config.ini import escape, escape_line
from txbalancer.config.logs import show_file
from txbalancer.config.needs import Need
from txbalancer.config.targets import NEEDS_BALANCER, show_target
from txbalancer.core import specs
from txbalancer.core.specs import (
    OF_SOME,
    BalancerSpec,
    Condition,
    LimitSpec,
    ListenerSpec,
    LogSpec,
    MountSpec,
    ServiceSpec,
    SourceSpec,
    ToMember,
    rate,
)


@dataclass(frozen=True, slots=True)
class Style:
    """
    Which options are written.

    @ivar every: whether those that have their default come too.
    @ivar apache: whether the defaults in force are Apache's.
    """

    every: bool = False
    apache: bool = False


def render(
    spec: ServiceSpec,
    *,
    defaults: bool = False,
    comments: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> str:
    """
    Write a configuration as INI text.

    @param defaults: whether options that have their default are written too.
    @param comments: lines to write before a section, by its title.
    """
    style = Style(defaults, spec.service.defaults == "apache")
    sections = [
        ("txbalancer", _options(spec.service, style, OF_SERVICE)),
        *((f"listener:{each.name}", _listener(each, style)) for each in spec.listeners),
        *((f"balancer:{each.name}", _balancer(each, style)) for each in spec.balancers),
        *((f"mount:{each.label}", _mount(each, style)) for each in spec.mounts),
        *((f"log:{each.name}", _log(each)) for each in spec.logs),
        *((f"limit:{each.name}", _limit(each, style)) for each in spec.limits),
    ]
    return "\n".join(
        "".join(map(comment, comments.get(title, ()))) + _section(title, lines)
        for title, lines in sections
    )


def comment(text: str) -> str:
    """
    Write a line that says nothing to a reader of the file but people.
    """
    return f"# {''.join(char if char.isprintable() else '?' for char in text)}\n"


def shown_options(spec: Any, style: Style) -> Iterator[tuple[str, str]]:
    """
    Yield (key, text) for the options of a spec, in the order of their declaration.

    Options that are unset, and are so by default, have no text and never come.
    """
    for attribute, option in specs.options(type(spec)):
        value = getattr(spec, attribute)
        default = option.apache if style.apache else option.modern
        if value != default or (style.every and (value, option.modern) != (None, None)):
            yield option.name, option.kind.show(value)


def _section(title: str, lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in (escape(f"[{title}]"), *lines))


def _line(key: str, value: str) -> str:
    return f"{key} = {escape(value)}".rstrip(" ")


def _options(spec: Any, style: Style, needs: Sequence[Need] = ()) -> Iterator[str]:
    shown = dict(shown_options(spec, style))
    if style.every:
        # To say the default of these would be doubted, as if it were meant to do something.
        said = dict(shown_options(spec, Style(apache=style.apache)))
        doubted = {key for need in needs if need.always and not need.met(spec) for key in need.keys}
        shown = {key: text for key, text in shown.items() if key in said or key not in doubted}
    for key, text in shown.items():
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
            yield f"    {escape_line(value)}"


def _listener(spec: ListenerSpec, style: Style) -> Iterator[str]:
    yield from _several("endpoint", list(spec.endpoint))
    yield from _options(spec, style, OF_LISTENERS)


def _balancer(spec: BalancerSpec, style: Style) -> Iterator[str]:
    yield from _options(spec, style)
    if spec.discover:
        yield f"{KEY} ="
        for source in spec.discover:
            yield f"    {escape(_source(source, style))}"
    if spec.discover and not spec.members:
        return
    members = [dict(shown_options(member, style)) for member in spec.members]
    common = _common(members) if style.every else {}
    for key, text in common.items():
        yield _line(f"member.{key}", text)
    yield "members ="
    for member, options in zip(spec.members, members, strict=True):
        own = {key: text for key, text in options.items() if key not in common}
        yield f"    {escape(words.quote(member.url) + _words(own))}"


def _source(source: SourceSpec, style: Style) -> str:
    of_members = {
        f"{PREFIX}{key}" if key in SOURCE_OPTIONS else key: text
        for key, text in shown_options(source.member, style)
    }
    said = dict(shown_options(source, Style()))
    own = {
        key: text
        for key, text in shown_options(source, Style(style.every))
        if key in said or key not in OF_SOME
    }
    return words.quote(source.place) + _words(own) + _words(of_members)


def _common(members: list[dict[str, str]]) -> dict[str, str]:
    if not members:
        return {}
    first, *others = members
    return {
        key: text
        for key, text in first.items()
        if all(key in each and each[key] == text for each in others)
    }


def _words(options: dict[str, str]) -> str:
    return "".join(f" {key}={words.quote(text)}" for key, text in options.items())


def _mount(spec: MountSpec, style: Style) -> Iterator[str]:
    if not spec.match and spec.path != spec.label:
        yield _line("path", spec.path)
    yield _line("to", show_target(spec.target, lambda target: _single_options(target, style)))
    yield from _conditions(spec.conditions)
    yield from _options(spec, style)


def _log(spec: LogSpec) -> Iterator[str]:
    yield from _several("to", [show_file(each) for each in spec.files])
    yield from _conditions(spec.conditions)


def _limit(spec: LimitSpec, style: Style) -> Iterator[str]:
    # Its rate is always written, for it has to be.
    shown = dict(shown_options(spec, style)) | {"rate": rate.show(spec.rate)}
    for key, text in shown.items():
        yield _line(key, text)


def _conditions(conditions: tuple[Condition, ...]) -> Iterator[str]:
    for condition in conditions:
        key = f"{condition.kind}.{condition.name}" if condition.name else condition.kind
        yield _line(key, words.join(condition.allowed))


def _single_options(target: ToMember, style: Style) -> str:
    # Some options are refused for a member without a balancer.
    shown = dict(shown_options(target.member, style))
    return _words(
        {
            key: text
            for key, text in shown.items()
            if key not in NEEDS_BALANCER and not key.startswith("hc")
        }
    )
