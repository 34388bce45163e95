"""
What one request to the API asks for, and what is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.web.http import Request

from txbalancer.control.api.finding import find_balancer, find_member
from txbalancer.control.api.problem import Problem
from txbalancer.control.api.shapes import Fields
from txbalancer.control.manager.board import Board
from txbalancer.control.rights import Role
from txbalancer.control.said import header
from txbalancer.control.slices import Steps
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import Change, Command
from txbalancer.core.member import Member
from txbalancer.core.schemes import Unfit


class Access(Protocol):
    """
    The way by which requests come, with the rights that go with it.

    @ivar typed: whether even an empty body has to be marked as JSON, which no form of
        somebody else's page can be.
    """

    typed: bool

    def names(self, board: Board) -> tuple[str, ...]:
        """
        Return the balancers that may be seen.
        """
        ...

    def role(self, request: Request) -> Role:
        """
        Return what the sender may do.
        """
        ...

    def challenge(self, request: Request) -> bytes | None:
        """
        Return C{WWW-Authenticate} for a sender whom a log-in might give more rights.
        """
        ...

    def who(self, request: Request) -> str:
        """
        Say who sends a request, for the audit line.
        """
        ...

    def distrust(self, request: Request) -> str:
        """
        Say why a change may be the wish of somebody else's page; empty when it is not.
        """
        ...

    def whole(self) -> bool:
        """
        Tell whether the whole service may be seen and steered, not only some balancers.
        """
        ...


@dataclass(slots=True)
class Answer:
    """
    @ivar value: of JSON's types; C{None} for no body.
    """

    value: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


STREAM: Any = object()
"""Is returned instead of an answer by what goes on by itself."""

Result = Answer | Deferred[Answer] | Steps[Answer]


@dataclass(slots=True)
class Call:
    """
    One request.

    @ivar params: what its path names.
    @ivar query: what stands behind the path, read.
    @ivar body: the fields of its body, read.
    @ivar media: the type of the answer that the sender likes best.
    """

    board: Board
    access: Access
    request: Request
    params: Mapping[str, str]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    media: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """
        The balancers that may be seen.
        """
        return self.access.names(self.board)

    @property
    def who(self) -> str:
        """
        Who asks.
        """
        return self.access.who(self.request)

    @property
    def balancer(self) -> Balancer:
        """
        The balancer in the path.

        @raise Problem: when there is none.
        """
        return find_balancer(self.board, self.names, self.params["balancer"])

    @property
    def member(self) -> Member:
        """
        The member in the path.

        @raise Problem: when there is none.
        """
        return find_member(self.balancer, self.params["member"])

    @property
    def head(self) -> bool:
        """
        Whether only the head of the answer is wanted, so that nothing can go on.
        """
        return self.request.method == b"HEAD"

    def header(self, name: str) -> str | None:
        """
        Return a header of the request, repeated ones joined; C{None} where it is not sent.
        """
        return header(self.request, name)

    def apply(self, command: Command) -> Change:
        """
        Carry out a command.

        @raise Problem: 400 for what cannot be, 409 for what does not go with what there is.
        """
        try:
            return self.board.apply(command, self.who)
        except Unfit as error:
            raise Problem(409, str(error)) from error
        except (LookupError, ValueError) as error:
            raise Problem(400, str(error)) from error

    def settle(
        self, make: Callable[[], Answer | Steps[Answer]], warning: str = ""
    ) -> Deferred[Answer]:
        """
        Answer once all changes would outlive a crash, or with a warning that they do not.

        @param make: makes the answer, of what there is then.
        @param warning: what there is to warn of anyway.
        """

        def settled(fault: str) -> Steps[Answer]:
            made = make()
            answer = made if isinstance(made, Answer) else (yield from made)
            lost = f"this will not outlive a restart: {fault}" if fault else ""
            answer.value["warning"] = "; ".join(filter(None, (warning, lost))) or None
            return answer

        run = self.board.slices.run
        return self.board.settled().addCallback(lambda fault: run(settled(fault)))


Run = Callable[[Call], Any]

NOTHING = Fields({})


def no_fields(board: Board) -> Fields:
    """
    Return the fields of a body that says nothing.
    """
    return NOTHING


@dataclass(frozen=True, slots=True)
class Operation:
    """
    What a method does at a path.

    @ivar name: of the operation, for programs made of the API's description.
    @ivar summary: what it does, for people; C{more} in detail.
    @ivar run: returns an L{Answer}, a Deferred of one, the work for one, or C{STREAM}; or raises
        L{Problem}.
    @ivar answer: name of the schema of what is answered.
    @ivar fields: makes the fields of the body; C{None} where there is none.
    @ivar query: the fields of the query.
    @ivar changes: whether it takes an operator.
    @ivar whole: whether it takes somebody who may see all of the service.
    @ivar status: of the answer that is good.
    @ivar tagged: whether it looks at If-Match, or a reader's If-None-Match.
    @ivar media: types of the answer.
    @ivar problems: statuses of problems that are its own.
    @ivar links: names of operations on the member that it answers with.
    """

    name: str
    summary: str
    run: Run
    answer: str
    more: str = ""
    fields: Callable[[Board], Fields] | None = None
    query: Fields = NOTHING
    changes: bool = False
    whole: bool = False
    status: int = 200
    tagged: bool = False
    media: tuple[str, ...] = ("application/json",)
    problems: tuple[int, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """
    @ivar template: path with C{{names}}.
    @ivar operations: by method.
    """

    template: str
    operations: Mapping[str, Operation]

    @property
    def parts(self) -> tuple[str, ...]:
        """
        The segments of the path.
        """
        return tuple(self.template.strip("/").split("/")) if self.template != "/" else ()

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """
        Return what a path names; C{None} when it is another one.
        """
        parts = self.parts
        if len(parts) != len(segments):
            return None
        found: dict[str, str] = {}
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                found[part.strip("{}")] = segment
            elif part != segment:
                return None
        return found
