"""
Options of members and balancers as shapes of JSON, made of what their specs say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from txbalancer.control.api.shapes import (
    Shape,
    choice,
    either,
    exactly,
    number,
    size,
    span,
    text,
    whole,
)
from txbalancer.control.api.shapes import switch as switch_shape
from txbalancer.core import specs, values
from txbalancer.core.overrides import show
from txbalancer.core.registry import Registry
from txbalancer.core.specs import BalancerSpec, MemberSpec, Option

LONGEST = 10 * 365 * 86400.0
"""Seconds of the longest span that options take."""

_WHOLE = re.compile(r"whole number, (\d+) to (\d+)")
_NUMBER = re.compile(r"number, (\S+) to (\S+)")
_SPAN = re.compile(r"duration, (\S+) or more.*")
_SIZE = re.compile(r"size, (\S+) to (\S+)")
_WORD_OR = re.compile(r"(-1 for ever|0|max|auto), or (.+)")
_WORDS = {"-1 for ever": (-1, -1.0), "0": (0, 0), "max": ("max", None), "auto": ("auto", None)}

MEMBER: Mapping[str, Option] = dict(specs.options(MemberSpec))
BALANCER: Mapping[str, Option] = dict(specs.options(BalancerSpec))


def shape_of(option: Option, registry: Registry, names: tuple[str, ...] = ()) -> Shape:
    """
    Return the shape of an option, with what its spec says about it.

    @param names: what may be named, where neither spec nor registry knows.
    """
    return _shape(option, option.kind.allowed, registry, names).described(option.doc)


def _shape(option: Option, allowed: str, registry: Registry, names: tuple[str, ...]) -> Shape:
    parse = option.kind.parse
    if option.names or names:
        known = names or tuple(getattr(registry, option.names))
        return choice(sorted({*known, option.modern} - {None}))
    if option.kind is values.loadfactor:
        return _loadfactor()
    if allowed == values.flag.allowed:
        return switch_shape()
    word = _WORD_OR.fullmatch(allowed)
    if word is not None:
        wanted, meaning = _WORDS[word[1]]
        return either(exactly(wanted, meaning), _shape(option, word[2], registry, names))
    for pattern, make in ((_WHOLE, _whole), (_NUMBER, _number), (_SPAN, _span), (_SIZE, _size)):
        match = pattern.fullmatch(allowed)
        if match is not None:
            return make(match, parse)
    if option.modern and option.modern in allowed.split(", "):
        return choice(allowed.split(", "))
    example = show(option, option.modern)
    return text(f"option-{option.name}", parse, [example] if example is not None else [])


def _loadfactor() -> Shape:
    factor = number(1, 100)
    return Shape(
        {**factor.schema, "examples": [2, 1.5]},
        # To hundredths, as everywhere; what is between them is cut off (APACHE W1).
        lambda value: int(round(factor.read(value) * 100, 6)),
    )


def _whole(match: re.Match[str], parse: Any) -> Shape:
    return whole(int(match[1]), int(match[2]))


def _number(match: re.Match[str], parse: Any) -> Shape:
    return number(float(match[1]), float(match[2]))


def _span(match: re.Match[str], parse: Any) -> Shape:
    return span(values.duration()(match[1]), LONGEST, parse)


def _size(match: re.Match[str], parse: Any) -> Shape:
    sizes = values.size()
    return size(sizes(match[1]), sizes(match[2]), parse)
