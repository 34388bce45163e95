"""
Commands that take something back, on their way to another process: as values of JSON's types, and
back.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

from txbalancer.core import snapshot
from txbalancer.core.commands import (
    KEEP,
    Command,
    PutBack,
    RemoveMember,
    SetBalancer,
    SetMember,
)
from txbalancer.core.member import Temporary
from txbalancer.core.specs import StickyNames
from txbalancer.core.state import of_type, read_member, seconds

_PLAIN = {each.__name__: each for each in (SetMember, SetBalancer, RemoveMember)}
_TYPES = {name: get_type_hints(kind) for name, kind in _PLAIN.items()}


def pack(command: Command, now: float) -> dict[str, Any]:
    """
    Write down a command as L{inverse<txbalancer.core.undo.inverse>} makes it.

    @param now: by the balancers' clock; times are told as they are from there.
    @raise ValueError: for one that takes nothing back.
    """
    name = type(command).__name__
    if isinstance(command, PutBack):
        gone = snapshot.export_gone(command.gone, now)
        return {"do": name, "balancer": command.balancer, "gone": gone, "place": command.place}
    if name not in _PLAIN:
        raise ValueError(f"{name} takes nothing back")
    given = {each.name: getattr(command, each.name) for each in fields(command)}
    return {
        "do": name,
        **{key: _show(each, now) for key, each in given.items() if each is not KEEP},
    }


def _show(value: Any, now: float) -> Any:
    if isinstance(value, Temporary):
        return [value.until - now, value.loadfactor]
    if isinstance(value, StickyNames):
        return [value.cookie, value.url]
    return value


def unpack(data: Any, now: float) -> Command:
    """
    Read what L{pack} wrote.

    @raise ValueError: when it is something else; also L{KeyError} and L{TypeError}.
    """
    name = data["do"]
    if name == "PutBack":
        gone = snapshot.made_of(read_member(data["gone"]), now)
        return PutBack(of_type(str, data["balancer"]), gone, of_type(int, data["place"]))
    kind, types = _PLAIN[name], _TYPES[name]
    given = {key: _read(each, types[key], now) for key, each in data.items() if key != "do"}
    command: Command = kind(**given)
    return command


def _read(value: Any, kind: Any, now: float) -> Any:
    if isinstance(value, list):
        first, second = value
        if isinstance(None, kind) and isinstance(first, str):
            return StickyNames(first, of_type(str, second))
        return Temporary(now + (seconds(first) or 0.0), of_type(int, second))
    if type(value) is int and isinstance(0.0, kind):
        value = float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not of type {kind}")
    return value
