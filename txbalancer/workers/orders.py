"""
What a supervisor and its workers tell each other, as commands of AMP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from twisted.protocols.amp import Argument, Boolean, Command, Descriptor, Integer, Unicode

from txbalancer.core.commands import Command as Order
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.standing import Flip
from txbalancer.workers.parcels import Parcel

Arguments = list[tuple[bytes, Argument]]


@dataclass(frozen=True, slots=True)
class Setup:
    """
    Everything that a worker serves by.

    @ivar spec: the configuration in force.
    @ivar states: of each balancer by its name, as
        L{snapshot.export<txbalancer.core.snapshot.export>} gives it.
    @ivar secret: signs sticky cookies where the configuration has no secret.
    @ivar folder: where the supervisor's own sockets are, see
        L{inner_path<txbalancer.services.inside.inner_path>}.
    """

    spec: ServiceSpec
    states: Mapping[str, Any]
    secret: bytes
    folder: str


class Turn(NamedTuple):
    """
    A change of a member's flags, for those who did not see it happen.

    @ivar on: flags that are set now; C{off}: flags that are not any more.
    @ivar error_time: of the member, by the clock that all processes of a machine share.
    """

    balancer: str
    member: str
    on: int
    off: int
    cause: str
    error_time: float


def turn_of(flip: Flip, balancer: str) -> Turn:
    """
    Describe a change that happened here.
    """
    on, off = flip.after & ~flip.before, flip.before & ~flip.after
    return Turn(balancer, flip.member.name, on, off, flip.cause, flip.member.error_time)


# -- from the supervisor to a worker


class TakeSocket(Command):
    """
    A socket that the supervisor listens with, to be used from the next L{Configure} on.
    """

    arguments: ClassVar[Arguments] = [
        (b"endpoint", Unicode()),
        (b"family", Integer()),
        (b"socket", Descriptor()),
    ]


class Configure(Command):
    """
    Serve by this; answered once it is so.
    """

    arguments: ClassVar[Arguments] = [(b"setup", Parcel())]
    response: ClassVar[Arguments] = [(b"fault", Unicode())]


class Perform(Command):
    """
    Carry out an order of somebody.
    """

    arguments: ClassVar[Arguments] = [(b"order", Parcel())]


class Turned(Command):
    """
    A member's flags changed elsewhere. Also from worker to supervisor.
    """

    arguments: ClassVar[Arguments] = [(b"turn", Parcel())]
    requiresAnswer = False


class Reopen(Command):
    """
    Open the access logs anew.
    """


class Watch(Command):
    """
    Whether somebody watches the access log as it happens.
    """

    arguments: ClassVar[Arguments] = [(b"on", Boolean())]


class Stop(Command):
    """
    Take no more connections, and end with the last one.
    """


# -- from a worker to the supervisor


class Reported(Command):
    """
    A L{Report<txbalancer.workers.reports.Report>}; it is the sign of life, too.
    """

    arguments: ClassVar[Arguments] = [(b"report", Parcel())]
    requiresAnswer = False


class Seen(Command):
    """
    Lines of the access log, for those who watch.
    """

    arguments: ClassVar[Arguments] = [(b"lines", Parcel())]
    requiresAnswer = False


__all__ = [
    "Configure",
    "Order",
    "Perform",
    "Reopen",
    "Reported",
    "Seen",
    "Setup",
    "Stop",
    "TakeSocket",
    "Turn",
    "Turned",
    "Watch",
    "turn_of",
]
