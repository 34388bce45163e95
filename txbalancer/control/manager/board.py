"""
What the page asks of the service.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from txbalancer.control.facts import Facts
from txbalancer.control.journal import Journal
from txbalancer.control.slices import Slices
from txbalancer.control.stream import Streams
from txbalancer.control.tap import Tap
from txbalancer.control.telemetry import Telemetry
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import Change, Command
from txbalancer.core.health import ProbeResult
from txbalancer.core.member import Temporary
from txbalancer.core.past import Done
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec


class Board(Protocol):
    """
    The balancers and the way to change them; see
    L{Steering<txbalancer.services.steering.Steering>}.
    """

    settled: Callable[[], Deferred[str]]
    upgrade: Callable[[str], Deferred[dict[str, Any]]]
    former: Callable[[], dict[str, Any] | None]
    leaving: bool

    @property
    def spec(self) -> ServiceSpec:
        """
        The configuration in force.
        """
        ...

    @property
    def registry(self) -> Registry:
        """
        What commands may name.
        """
        ...

    @property
    def journal(self) -> Journal:
        """
        What happened.
        """
        ...

    @property
    def telemetry(self) -> Telemetry:
        """
        What members served.
        """
        ...

    @property
    def streams(self) -> Streams:
        """
        The answers that go on for as long as somebody watches.
        """
        ...

    @property
    def slices(self) -> Slices:
        """
        The work for those who look that takes long.
        """
        ...

    @property
    def tap(self) -> Tap:
        """
        The access log for those who watch it.
        """
        ...

    @property
    def facts(self) -> Facts:
        """
        What is known of the service as a whole.
        """
        ...

    def waiting(self, name: str) -> int:
        """
        Return how many exchanges wait for any member of a balancer.
        """
        ...

    def now(self) -> float:
        """
        Return the time of the balancers' clock.
        """
        ...

    def wall(self) -> float:
        """
        Return seconds since the epoch.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """
        Return the names of all balancers.
        """
        ...

    def balancer(self, name: str) -> Balancer:
        """
        Return a balancer, or raise L{LookupError}.
        """
        ...

    def nonce(self, name: str) -> str:
        """
        Return what a form has to bring for a change.
        """
        ...

    def permits(self, name: str, nonce: str) -> bool:
        """
        Tell whether a form with this nonce may change a balancer.
        """
        ...

    def check(self, command: Command) -> None:
        """
        Raise L{LookupError} or L{ValueError} for a command that names what is not there.
        """
        ...

    def apply(self, command: Command, who: str) -> Change:
        """
        Carry out a command, or raise L{LookupError} or L{ValueError}.
        """
        ...

    @property
    def past(self) -> deque[Done]:
        """
        The changes that can be undone, the oldest first.
        """
        ...

    def undo(self, who: str, balancer: str = "") -> Change:
        """
        Take back the last change of a balancer, or of all; L{ValueError} when there is none.
        """
        ...

    def temporary(self, balancer: str, member: str) -> Temporary | None:
        """
        Tell until when, since the epoch, a load factor holds that does so for some time only.
        """
        ...

    def probe(self, balancer: str, member: str, who: str) -> Deferred[ProbeResult]:
        """
        Ask a member now whether it is well, or raise L{LookupError} or L{ValueError}.
        """
        ...

    def reload(self, who: str = "") -> list[str]:
        """
        Read the configuration again, or raise L{BalancerError<txbalancer.errors.BalancerError>}.
        """
        ...
