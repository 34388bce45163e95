"""
The form in which a balancer's changes and condition are written down, and its checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from txbalancer.core import specs, values
from txbalancer.core.health import Health
from txbalancer.core.member import Origin
from txbalancer.core.overrides import Override
from txbalancer.core.passive import record
from txbalancer.core.passive.breaker import Circuit
from txbalancer.core.passive.record import Record
from txbalancer.core.specs import BalancerSpec, MemberSpec

T = TypeVar("T")

_TOO_LARGE = 1 << 63
"""Nothing that is counted here comes near."""
PLACE = ("url", "scheme", "host", "port", "path", "socket")
"""Attributes of a L{MemberSpec} that are no options."""

_OPTIONS: dict[type, dict[str, tuple[str, specs.Option]]] = {
    spec: {option.name: (attribute, option) for attribute, option in specs.options(spec)}
    for spec in (BalancerSpec, MemberSpec)
}


@dataclass(frozen=True, slots=True)
class Condition:
    """
    What traffic and checks had made of a member.

    @ivar age: seconds since its flags changed; C{None} = never.
    @ivar error_age: seconds since it went into error; C{None} = never.
    """

    flags: int
    cause: str
    age: float | None
    lbstatus: int
    elected: int
    transferred: int
    read: int
    retries: int
    error_age: float | None
    health: Health


@dataclass(frozen=True, slots=True)
class Passing:
    """
    A load factor that held for some time only.

    @ivar left: seconds to its end.
    @ivar loadfactor: the one that comes back then, in hundredths.
    @ivar configured: the one that the configuration gave; C{None} for an added member.
    """

    left: float
    loadfactor: int
    configured: int | None


NOTHING = Record()


@dataclass(frozen=True, slots=True)
class MemberState:
    """
    @ivar added: the options of a member that was added at run time; C{None} otherwise.
    @ivar options: what was changed of a configured one.
    @ivar passing: how long its load factor holds; C{None} = for good.
    @ivar origin: the source that knew it, if any, and what it said.
    @ivar passive: what passive health had found.
    """

    added: MemberSpec | None
    options: tuple[Override, ...]
    condition: Condition
    passing: Passing | None = None
    origin: Origin | None = None
    passive: Record = NOTHING


@dataclass(frozen=True, slots=True)
class BalancerState:
    """
    What L{snapshot.export<txbalancer.core.snapshot.export>} wrote, checked.

    @ivar removed: configured members that people removed; C{dismissed}: those that a source
        named, with what it said.
    @ivar breaker: of its own circuit breaker; C{None} for none.
    @ivar faults: for people, what of passive health could not be read.
    """

    lbmethod: str
    options: tuple[Override, ...]
    removed: tuple[str, ...]
    members: dict[str, MemberState]
    dismissed: dict[str, Origin] = field(default_factory=dict)
    breaker: Circuit | None = None
    faults: tuple[str, ...] = ()


def read(data: Any) -> BalancerState:
    """
    Check what was written and somebody may have spoiled since.

    @raise ValueError: when it is not of that form.
    """
    faults: list[str] = []
    try:
        members = {
            of_type(str, name): _with_passive(name, each, faults)
            for name, each in of_type(dict, data["members"]).items()
        }
        return BalancerState(
            of_type(str, data["lbmethod"]),
            _overrides(BalancerSpec, data["options"]),
            tuple(of_type(str, each) for each in of_type(list, data["removed"])),
            members,
            # Not there in files of versions that did not know of it.
            {
                of_type(str, name): _origin(each)
                for name, each in of_type(dict, data.get("dismissed", {})).items()
            },
            _passive(record.read_breaker, data.get("breaker"), None, "circuit breaker", faults),
            tuple(faults),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the state of a balancer: {error!r}") from error


def _with_passive(name: str, data: Any, faults: list[str]) -> MemberState:
    found = read_member(data)
    passive = _passive(record.read, data.get("passive", {}), NOTHING, name, faults)
    return replace(found, passive=passive)


def _passive(read: Callable[[Any], T], data: Any, nothing: T, what: str, faults: list[str]) -> T:
    """
    Read a part that is lost alone when it is damaged.
    """
    try:
        return read(data)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        faults.append(f"{what}: what passive health had found is lost: {error}")
        return nothing


def read_member(data: Any) -> MemberState:
    """
    Check what was written of one member.

    @raise KeyError: when it is not of that form; also L{TypeError} and L{ValueError}.
    """
    options = _overrides(MemberSpec, data["options"])
    added = _spec(data["added"], options) if "added" in data else None
    origin = _origin(data) if "source" in data else None
    condition = Condition(
        flags=of_type(int, data["flags"]),
        cause=of_type(str, data["cause"]),
        age=seconds(data["age"]),
        lbstatus=of_type(int, data["lbstatus"]),
        elected=of_type(int, data["elected"]),
        transferred=of_type(int, data["transferred"]),
        read=of_type(int, data["read"]),
        retries=of_type(int, data["retries"]),
        error_age=seconds(data["error_age"]),
        health=Health(
            None if data["up"] is None else of_type(bool, data["up"]),
            *(of_type(int, data[name]) for name in ("run", "passes", "fails")),
        ),
    )
    return MemberState(added, () if added else options, condition, _passing(data), origin)


def _origin(data: Any) -> Origin:
    said = _overrides(MemberSpec, data["said"])
    return Origin(of_type(str, data["source"]), _spec(data["place"], said))


def _spec(data: Any, options: tuple[Override, ...]) -> MemberSpec:
    place = {name: of_type(int if name == "port" else str, data[name]) for name in PLACE}
    return replace(MemberSpec(**place), **read_values(MemberSpec, options))


def _passing(data: Any) -> Passing | None:
    if "passing" not in data:  # as in files of versions that did not know of it
        return None
    left, loadfactor, configured = of_type(list, data["passing"])
    return Passing(
        seconds(left) or 0.0,
        values.loadfactor(of_type(str, loadfactor)),
        None if configured is None else values.loadfactor(of_type(str, configured)),
    )


def _overrides(spec: type, data: Any) -> tuple[Override, ...]:
    """
    @param spec: the class whose options these are; their values have to be readable.
    """
    found = []
    for each in of_type(list, data):
        name, configured, live = of_type(list, each)
        texts = [None if text is None else of_type(str, text) for text in (configured, live)]
        found.append(Override(of_type(str, name), *texts))
        if name == "status":
            # Read flag by flag when it is put back; else what was configured is only compared.
            values.status(configured or "")
    read_values(spec, tuple(found))
    return tuple(found)


def read_values(spec: type, options: tuple[Override, ...]) -> dict[str, Any]:
    """
    Return attribute -> live value; options that this version does not know are passed over.
    """
    known = _OPTIONS[spec]
    return {
        known[each.name][0]: _value(known[each.name][1], each.live)
        for each in options
        if each.name in known
    }


def _value(option: specs.Option, text: str | None) -> Any:
    if text is not None:
        return option.parse(text)
    if None in (option.modern, option.apache):
        return None
    raise ValueError(f"{option.name} cannot be unset")


def of_type(kind: type, value: Any) -> Any:
    """
    Return a value of JSON's, if it is of a type and of a sensible size.

    @raise TypeError: when it is not.
    """
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    if type(value) is int and abs(value) >= _TOO_LARGE:
        raise TypeError("a number is too large")
    return value


def seconds(value: Any) -> float | None:
    """
    Return a number of seconds, or C{None}.

    @raise TypeError: for anything else.
    """
    if value is None:
        return None
    if type(value) not in (int, float) or not abs(value) < _TOO_LARGE:
        raise TypeError("that is not a number of seconds")
    return float(value)
