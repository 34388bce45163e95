"""
What happened that people want to know of, as values with numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from txbalancer.core.forms import count, moment, plain, text

KINDS = (
    *("flip", "slow-start", "panic", "breaker", "retries", "spared", "change", "discovery"),
    *("probe", "reload", "start", "stop", "warning", "worker"),
)
"""C{flip}: a member's flags changed by itself; C{slow-start}: it has a part of its share only;
C{panic}, C{breaker}, C{retries}, C{spared}: a balancer ignores health, its circuit breaker opens,
its budget of retries is spent, outliers stay in use, and the ends of all that; C{change}: somebody
changed something; C{discovery}: a source of members fails, answers again, or knows many others
than before; C{probe}: a check was asked for by hand; C{reload}, C{start}, C{stop}: of the service;
C{warning}: what somebody should look at, such as a balancer that a change left without a member;
C{worker}: a worker process was lost, and replaced."""


_TEXTS = ("kind", "balancer", "member", "text", "who")


class Event(NamedTuple):
    """
    @ivar number: counts up from 1 without gaps in one process.
    @ivar time: seconds since the epoch.
    @ivar kind: one of L{KINDS}.
    @ivar balancer: its name; empty when it is about the service. C{member} likewise.
    @ivar text: for people, one line.
    @ivar who: who caused it; empty for the service itself.
    @ivar details: for programs, of JSON's types: of a flip C{before} and C{after} in words
        and C{cause}, of a change C{before} and C{after} by option.
    """

    number: int
    time: float
    kind: str
    balancer: str
    member: str
    text: str
    who: str
    details: Mapping[str, Any]

    @classmethod
    def read(cls, data: Any) -> Event:
        """
        Read what L{as_json} gave.

        @raise TypeError: when it is something else; also L{KeyError}.
        """
        texts = {name: text(data[name]) for name in _TEXTS}
        number, details = count(data["number"]), plain(data["details"])
        return cls(number=number, time=moment(data["time"]), details=details, **texts)

    def as_json(self) -> dict[str, Any]:
        """
        Return it in the form of the API and the event log.
        """
        return {**self._asdict(), "details": dict(self.details)}
