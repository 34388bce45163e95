"""
The service as a whole: looked at, reloaded, and its last change undone.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txbalancer import __version__
from txbalancer.control.api.call import Answer, Call, Operation, Route, no_fields
from txbalancer.control.api.finding import find_balancer
from txbalancer.control.api.members import change_report
from txbalancer.control.api.problem import Problem
from txbalancer.control.api.shapes import Fields, text
from txbalancer.control.manager.board import Board
from txbalancer.control.report import drain_report, service_report, sum_up, workers_report
from txbalancer.control.slices import Steps
from txbalancer.core.commands import subject
from txbalancer.core.member import Member
from txbalancer.errors import BalancerError, UpgradeError

_REMEDY = "put that right and repeat it; txbalancer check -c FILE shows faults of the file"


def shown(call: Call) -> Steps[Answer]:
    """
    Tell about everything.
    """
    return Answer((yield from service_report(call.board, call.names)))


def workers(call: Call) -> Answer:
    """
    Tell about the processes that carry the traffic.
    """
    return Answer({"workers": workers_report(call.board)})


def undo_fields(board: Board) -> Fields:
    """
    Return what an undo may say.
    """
    names = board.names()
    shape = text("balancer-name", lambda value: value, names[:1]).described(
        "Whose last change; without it the last one of all."
    )
    return Fields({"balancer": shape})


def undone(call: Call) -> Deferred[Answer]:
    """
    Take the last change back.
    """
    board, name = call.board, call.body.get("balancer", "")
    if name:
        name = find_balancer(board, call.names, name).spec.name
    elif not call.access.whole():
        raise Problem(400, "balancer is missing: only some balancers are seen from here")
    try:
        change = board.undo(call.who, name)
    except LookupError as error:
        raise Problem(404, str(error)) from error
    except ValueError as error:
        raise Problem(409, str(error)) from error
    command = change.command
    value: dict[str, Any] = {
        "balancer": command.balancer,
        "member": subject(command),
        "change": change_report(change),
    }
    return call.settle(lambda: Answer(value), change.warning)


def reloaded(call: Call) -> Deferred[Answer]:
    """
    Read the configuration file again.
    """
    try:
        changes = call.board.reload(call.who)
    except BalancerError as error:
        raise Problem(
            409,
            f"reload refused, nothing has changed:\n{error}",
            _REMEDY,
        ) from error
    return call.settle(lambda: Answer({"changes": changes}))


def upgraded(call: Call) -> Deferred[Answer]:
    """
    Let a new process take over, and answer once it does.
    """

    def failed(reason: Failure) -> Answer:
        reason.trap(UpgradeError)
        raise Problem(409, f"the upgrade failed, and nothing has changed: {reason.value}", _REMEDY)

    try:
        waiting = call.board.upgrade(call.who)
    except UpgradeError as error:
        raise Problem(409, f"no upgrade: {error}") from error
    return waiting.addCallbacks(Answer, failed)


def succession(call: Call) -> Answer:
    """
    Tell which process serves, and what is left of the one before it.
    """
    return Answer({"pid": os.getpid(), "version": __version__, "former": call.board.former()})


def sessions(call: Call) -> Steps[Answer]:
    """
    Tell of each member what its sessions do.
    """
    board = call.board
    served = (yield from sum_up(board)).of_member

    def of_one(name: str, sticky: bool, member: Member) -> dict[str, Any]:
        meter = served.get((name, member.name))
        history = board.telemetry.history(name, member.name)
        return {
            "balancer": name,
            "member": member.name,
            "route": member.route.decode(),
            "sessions": sticky,
            "total": meter.sticky if meter is not None else 0,
            **drain_report(history, member, sticky, board.now()),
        }

    found = (
        of_one(name, balancer.sticky, member)
        for name in call.names
        for balancer in (board.balancer(name),)
        for member in balancer.members
    )
    return Answer({"sessions": found})


ROUTES = (
    Route("/", {"GET": Operation("getService", "Everything.", shown, "Service")}),
    Route(
        "/sessions",
        {
            "GET": Operation(
                "listSessions",
                "What sessions do, by member.",
                sessions,
                "Sessions",
                "sticky is how many requests came for their session in the last minute,"
                " sticky_before in the one before; left is when the last session would be gone"
                " if the member were drained, null where that cannot be told: early says that the"
                " member does not drain, or not for two minutes yet.",
            )
        },
    ),
    Route(
        "/workers",
        {
            "GET": Operation(
                "listWorkers",
                "The processes that carry the traffic; none where one process does everything.",
                workers,
                "Workers",
                "number is the worker's place, which another process may come to have; cpu is"
                " seconds of the processor's time since it began, memory bytes.",
            )
        },
    ),
    Route(
        "/undo",
        {
            "POST": Operation(
                "undo",
                "Take the last change back; the one before it comes next.",
                undone,
                "Undone",
                fields=undo_fields,
                changes=True,
                problems=(409,),
            )
        },
    ),
    Route(
        "/reload",
        {
            "POST": Operation(
                "reload",
                "Read the configuration file again, without dropping a request.",
                reloaded,
                "Reloaded",
                fields=no_fields,
                changes=True,
                whole=True,
                problems=(409,),
            )
        },
    ),
    Route(
        "/upgrade",
        {
            "GET": Operation(
                "getUpgrade",
                "Which process serves, and what is left of the one before it.",
                succession,
                "Succession",
                "former is null once that has ended.",
            ),
            "POST": Operation(
                "upgrade",
                "Let a new process with the same command line take over.",
                upgraded,
                "Upgraded",
                "It is answered once that serves, or has failed to: then this one goes on.",
                fields=no_fields,
                changes=True,
                whole=True,
                problems=(409,),
            ),
        },
    ),
)
