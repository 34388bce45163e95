"""
C{key=value} as in a configuration file, as fields of the API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from txbalancer.control.cli.exits import USAGE, Fault
from txbalancer.core import flags, specs, values
from txbalancer.core.specs import BalancerSpec, MemberSpec

FLAGS = {
    "drain": flags.DRAIN,
    "disabled": flags.DISABLED,
    "stopped": flags.STOPPED,
    "standby": flags.STANDBY,
    "spare": flags.SPARE,
    "ignore_errors": flags.IGNORE_ERRORS,
    "hc_failed": flags.HC_FAILED,
}
"""Fields that are switches of a member."""

Kinds = Mapping[str, values.Kind[Any]]

MEMBER: Kinds = {
    **{option.name: option.kind for _, option in specs.options(MemberSpec)},
    **dict.fromkeys((*FLAGS, "error", "ejected", "tripped"), values.flag),
    "lasting": values.duration(1.0),
}
BALANCER: Kinds = {option.name: option.kind for _, option in specs.options(BalancerSpec)}
_UNSET = frozenset({"maxattempts", "stickysession"})
"""Options that are taken away by an empty value."""


def read_pairs(words: Iterable[str], kinds: Kinds) -> dict[str, Any]:
    """
    Read words such as C{loadfactor=2} and C{lasting=10min}.

    @raise Fault: for one that is no such pair, or a value that is not allowed. Keys that are
        not known here are left to the service, which may be another version.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.strip().lower()
        if not equals or not key:
            raise Fault(
                f"{word!r} is not KEY=VALUE", USAGE, "Write it as in conf.ini: loadfactor=2"
            )
        if key in found:
            raise Fault(f"{key} is there twice", USAGE)
        try:
            found |= _fields(key, value.strip(), kinds)
        except ValueError as error:
            raise Fault(f"{key}: {error}", USAGE) from error
    return found


def _fields(key: str, value: str, kinds: Kinds) -> dict[str, Any]:
    kind = kinds.get(key)
    if kind is None:
        return {key: value}
    key = key.replace("-", "_")
    if not value and key in _UNSET:
        return {key: None}
    parsed = kind(value)
    if key == "status":
        return {name: True for name, bit in FLAGS.items() if parsed & bit}
    if kind is values.loadfactor:
        parsed /= 100
    if isinstance(parsed, float) and parsed.is_integer():
        return {key: int(parsed)}
    return {key: parsed if isinstance(parsed, bool | int | float) else value}


def complete_pairs(kinds: Iterable[str]) -> Any:
    """
    Make a completion of keys.
    """

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        return [] if "=" in begun else [f"{key}=" for key in kinds if key.startswith(begun)]

    return complete
