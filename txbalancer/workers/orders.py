"""
What a supervisor and its workers tell each other, as commands of AMP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from twisted.protocols.amp import Argument, Boolean, Command, Descriptor, Integer, Unicode

from txbalancer.core.commands import Command as Order
from txbalancer.core.commands import PutBack, SetMember
from txbalancer.core.member import Member
from txbalancer.core.overrides import live_spec
from txbalancer.core.specs import MemberSpec
from txbalancer.workers.parcels import Packed, Parcel
from txbalancer.workers.word import Word

Arguments = list[tuple[bytes, Argument]]


@dataclass(frozen=True, slots=True)
class Outset:
    """
    How balancers are when a worker begins.

    @ivar now: when that was, by the clock that all processes of a machine share.
    @ivar states: of each balancer by its name, as
        L{snapshot.export<txbalancer.core.snapshot.export>} gives it.
    @ivar word: what else is known: who is left out for its traffic, addresses of clients, rooms.
    @ivar rows: where in the shared table what is.
    @ivar filters: which lines of the access log are watched, by number.
    @ivar guesses: who has guessed passwords wrong, as
        L{Guards.owing<txbalancer.services.guards.Guards.owing>} tells it.
    """

    now: float
    states: Mapping[str, Any]
    word: Word
    rows: Mapping[tuple[str, ...], int]
    filters: Mapping[int, Any]
    guesses: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setup:
    """
    Everything that a worker serves by.

    @ivar spec: the configuration in force; packed, for it stays the same for long.
    @ivar edition: which one it is, counted from 1.
    @ivar outset: how all is.
    @ivar workers: how many workers there are to be.
    @ivar secret: signs sticky cookies where the configuration has no secret.
    @ivar folder: where the supervisor's own sockets are, see
        L{inner_path<txbalancer.services.inside.inner_path>}.
    @ivar sessions: the members of clients that send datagrams, from another process, by
        listener; C{None} for a worker that takes no datagrams before it is told by L{Expect}.
    """

    spec: Packed
    edition: int
    outset: Outset
    workers: int
    secret: bytes
    folder: str
    sessions: Mapping[str, Any] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Return:
    """
    A L{PutBack} for those who do not have the member that was removed.

    @ivar spec: of the member, with its options in force; all else as of L{Member}.
    """

    balancer: str
    spec: MemberSpec
    flags: int
    error_time: float
    place: int


def order_of(command: Order) -> Order | Return:
    """
    Return a command as it can be sent.
    """
    if not isinstance(command, PutBack):
        return command
    gone = command.gone
    spec = live_spec(gone)
    return Return(command.balancer, spec, gone.flags, gone.error_time, command.place)


def command_of(order: Order | Return) -> Order:
    """
    Return the command that a worker carries out for an order.
    """
    if isinstance(order, SetMember):
        # The supervisor says when that is over.
        return replace(order, lasting=None, temporary=None)
    if not isinstance(order, Return):
        return order
    member = Member(order.spec)
    member.flags, member.error_time = order.flags, order.error_time
    return PutBack(order.balancer, member, order.place)


# -- from the supervisor to a worker


class TakeSocket(Command):
    """
    A socket that the supervisor listens with, to be used from the next L{Configure} on.

    The key is that of its endpoint, the index tells the sockets of one endpoint apart.
    """

    arguments: ClassVar[Arguments] = [
        (b"key", Integer()),
        (b"index", Integer()),
        (b"endpoint", Unicode()),
        (b"family", Integer()),
        (b"socket", Descriptor()),
    ]


class TakeRates(Command):
    """
    The memory of a rate limit's keys, to be used from the next L{Configure} on.
    """

    arguments: ClassVar[Arguments] = [(b"name", Unicode()), (b"memory", Descriptor())]


class TakeBox(Command):
    """
    Another box for connections that others pass on: the former one is not found any more.
    """

    arguments: ClassVar[Arguments] = [(b"box", Descriptor())]


class Configure(Command):
    """
    Serve by this in this place among the workers, with no other sockets than these, a pair of key
    and index each; answered once it is so.
    """

    arguments: ClassVar[Arguments] = [
        (b"setup", Parcel()),
        (b"place", Integer()),
        (b"sockets", Parcel()),
    ]
    response: ClassVar[Arguments] = [(b"fault", Unicode())]


class Perform(Command):
    """
    Carry out an order of somebody, with rows of the shared table that are new with it.
    """

    arguments: ClassVar[Arguments] = [(b"order", Parcel()), (b"rows", Parcel())]


class Heed(Command):
    """
    A L{Word<txbalancer.workers.word.Word>} of what has changed elsewhere.
    """

    arguments: ClassVar[Arguments] = [(b"word", Parcel())]
    requiresAnswer = False


class Reopen(Command):
    """
    Open the access logs anew.
    """


class Watch(Command):
    """
    Which lines of the access log somebody wants to see as it happens: a
    L{LineFilter<txbalancer.control.tap.LineFilter>} each, by number.
    """

    arguments: ClassVar[Arguments] = [(b"filters", Parcel())]
    requiresAnswer = False


class Known(Command):
    """
    Let datagrams wait from now on, and tell the members of clients that have sent some.
    """

    response: ClassVar[Arguments] = [(b"sessions", Parcel())]


class Expect(Command):
    """
    Take the datagrams that wait, those of these clients for the members that they had.
    """

    arguments: ClassVar[Arguments] = [(b"sessions", Parcel())]


class Leave(Command):
    """
    Leave new clients to another process, and end with the last connection.
    """


class Stop(Command):
    """
    Take no more connections, and end with the last one; a second time, end them all. Answered
    when none is taken any more.

    Where others go on, those that have just come, or are about to ask for something more, get
    their answer first.
    """

    arguments: ClassVar[Arguments] = [(b"others", Boolean())]


# -- from a worker to the supervisor


class Reported(Command):
    """
    A L{Report<txbalancer.workers.reports.Report>}.
    """

    arguments: ClassVar[Arguments] = [(b"report", Parcel())]
    requiresAnswer = False


class Noted(Command):
    """
    A L{Word<txbalancer.workers.word.Word>} of what has changed here, and in answer what has come
    of that.
    """

    arguments: ClassVar[Arguments] = [(b"word", Parcel())]
    response: ClassVar[Arguments] = [(b"word", Parcel())]


class Troubled(Command):
    """
    It cannot go on, and another should take its place.
    """

    arguments: ClassVar[Arguments] = [(b"why", Unicode())]
    requiresAnswer = False


class Seen(Command):
    """
    Lines of the access log, each with the number of the filter that wanted it.
    """

    arguments: ClassVar[Arguments] = [(b"lines", Parcel())]
    requiresAnswer = False


class Warned(Command):
    """
    Something that people should look at.
    """

    arguments: ClassVar[Arguments] = [(b"text", Unicode())]
    requiresAnswer = False
