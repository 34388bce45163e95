"""
What passive health has found, on its way to another process or over a restart: as values of JSON's
types, and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from txbalancer.core.passive.breaker import CLOSED, STATES, Breaker, Circuit
from txbalancer.core.passive.ejection import KINDS, Ejection
from txbalancer.core.passive.watched import Watched

_MOST = 1 << 31


@dataclass(frozen=True, slots=True)
class Record:
    """
    What is known of a member. Times are seconds from when it was written.

    @ivar ejection: why it is ejected; C{None} while it is not.
    @ivar times: ejections that the next one is added to.
    @ivar ejections: how many there were, by kind.
    @ivar breaker: of its circuit breaker; C{None} for none.
    @ivar warming: seconds since it began to start slowly; C{None} when it does not.
    """

    ejection: Ejection | None = None
    times: int = 0
    ejections: Mapping[str, int] = field(default_factory=dict)
    breaker: Circuit | None = None
    warming: float | None = None


def show(watched: Watched, since: float | None, now: float) -> dict[str, Any]:
    """
    Write down what there is; empty for nothing.

    @param since: when the member began to start slowly, if it does.
    """
    ejection = watched.ejection
    found = {
        "ejection": ejection and list(ejection._replace(until=ejection.until - now)),
        "times": watched.times,
        "ejections": {kind: count for kind, count in watched.ejections.items() if count},
        "breaker": show_breaker(watched.breaker, now),
        "warming": None if since is None else now - since,
    }
    return {name: each for name, each in found.items() if each}


def show_breaker(breaker: Breaker | None, now: float) -> list[Any] | None:
    """
    Write down how a circuit breaker is; C{None} for one that never opened.
    """
    if breaker is None or not breaker.openings:
        return None
    left = 0.0 if breaker.state == CLOSED else breaker.until - now
    return [breaker.state, breaker.cause, left, breaker.openings]


def read(data: Any) -> Record:
    """
    Read what L{show} wrote.

    @raise ValueError: when it is something else; also L{TypeError}, L{AttributeError} and
        L{LookupError}.
    """
    ejection, warming = data.get("ejection"), data.get("warming")
    return Record(
        ejection and _ejection(*ejection),
        _count(data.get("times", 0)),
        {_of(KINDS, kind): _count(each) for kind, each in data.get("ejections", {}).items()},
        read_breaker(data.get("breaker")),
        None if warming is None else _span(warming),
    )


def read_breaker(data: Any) -> Circuit | None:
    """
    Read what L{show_breaker} wrote; raises as L{read}.
    """
    if data is None:
        return None
    state, cause, left, openings = data
    return Circuit(_of(STATES, state), str(cause), _span(left), _count(openings))


def _ejection(kind: Any, cause: Any, left: Any, times: Any) -> Ejection:
    return Ejection(_of(KINDS, kind), str(cause), _span(left), _count(times))


def _of(known: tuple[str, ...], word: Any) -> str:
    if word not in known:
        raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return str(word)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise ValueError(f"{value!r} is no count")
    return value


def _span(value: Any) -> float:
    if type(value) not in (int, float) or not -inf < value < _MOST:
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)
