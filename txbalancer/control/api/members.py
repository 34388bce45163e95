"""
Members: looked at, changed, added, removed, asked.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txbalancer.control.api import tags
from txbalancer.control.api.call import Answer, Call, Operation, Route, no_fields
from txbalancer.control.api.commands import (
    add_member,
    member_fields,
    new_member_fields,
    set_member,
)
from txbalancer.control.api.problem import Problem
from txbalancer.control.report import balancer_report, member_report
from txbalancer.control.slices import Steps
from txbalancer.core.commands import Change, RemoveMember, Revert
from txbalancer.core.health import ProbeResult
from txbalancer.core.member import Member
from txbalancer.core.performing import most_members


def change_report(change: Change) -> dict[str, Any]:
    """
    Tell what a command changed: empty when all was so already.
    """
    return {"before": change.before, "after": change.after}


def _answer(call: Call, member: Member) -> Answer:
    report = member_report(call.board, call.balancer.spec.name, member.name)
    return Answer(report, headers={"ETag": tags.of_member(member)})


def _changed(call: Call, member: Member, change: Change) -> Deferred[Answer]:
    def make() -> Answer:
        answer = _answer(call, member)
        answer.value["change"] = change_report(change)
        return answer

    return call.settle(make, change.warning)


def listed(call: Call) -> Steps[Answer]:
    """
    Tell about all members.
    """
    report = yield from balancer_report(call.board, call.balancer.spec.name)
    return Answer({"members": report["members"]})


def shown(call: Call) -> Answer:
    """
    Tell about a member.
    """
    return _answer(call, call.member)


def added(call: Call) -> Deferred[Answer]:
    """
    Add a member.
    """
    balancer = call.balancer
    try:
        command = add_member(call.board, balancer, call.body)
    except ValueError as error:
        raise Problem(400, str(error)) from error
    if any(each.name == command.spec.url for each in balancer.members):
        raise Problem(
            409,
            f"{balancer.spec.name} has a member {command.spec.url} already",
            "change it with PATCH at its own path",
        )
    if not command.source and len(balancer.members) >= most_members(balancer):
        raise Problem(
            409,
            f"{balancer.spec.name} has {len(balancer.members)} members, all that growth ="
            f" {balancer.spec.growth} leaves room for",
            "raise growth in the configuration, or remove a member",
        )
    change = call.apply(command)
    member = next(each for each in balancer.members if each.name == command.spec.url)

    def make() -> Answer:
        answer = _answer(call, member)
        answer.value["change"] = change_report(change)
        answer.status = 201
        answer.headers["Location"] = quote(member.name, "")
        return answer

    return call.settle(make, change.warning)


def changed(call: Call) -> Deferred[Answer]:
    """
    Change a member.
    """
    balancer, member = call.balancer, call.member
    tags.check_match(call.header("If-Match"), tags.of_member(member))
    return _changed(call, member, call.apply(set_member(balancer, member, call.body)))


def removed(call: Call) -> Deferred[Answer]:
    """
    Remove a member.
    """
    balancer, member = call.balancer, call.member
    tags.check_match(call.header("If-Match"), tags.of_member(member))
    change = call.apply(RemoveMember(balancer.spec.name, member.name))
    return call.settle(lambda: Answer({"change": change_report(change)}), change.warning)


def reverted(call: Call) -> Deferred[Answer]:
    """
    Make a member as it is configured.
    """
    balancer, member = call.balancer, call.member
    return _changed(call, member, call.apply(Revert(balancer.spec.name, member.name)))


def probe_report(result: ProbeResult, when: float | None) -> dict[str, Any]:
    """
    Tell what a probe found.
    """
    return {
        "passed": result.passed,
        "text": result.text,
        "seconds": result.duration,
        "when": when,
        "transcript": result.transcript,
    }


def probed(call: Call) -> Deferred[Answer]:
    """
    Ask a member now.
    """
    balancer, member = call.balancer, call.member
    try:
        asking = call.board.probe(balancer.spec.name, member.name, call.who)
    except (LookupError, ValueError) as error:
        raise Problem(409, str(error)) from error

    def failed(reason: Failure) -> Answer:
        reason.trap(LookupError, ValueError)
        raise Problem(409, str(reason.value))

    return asking.addCallbacks(
        lambda result: Answer(probe_report(result, call.board.wall())), failed
    )


def probes(call: Call) -> Answer:
    """
    Tell what the last probes found.
    """
    return Answer({"probes": [probe_report(each, when) for when, each in call.member.probes]})


_MEMBER = "/balancers/{balancer}/members/{member}"

ROUTES = (
    Route(
        "/balancers/{balancer}/members",
        {
            "GET": Operation("listMembers", "The members of a balancer.", listed, "Members"),
            "POST": Operation(
                "addMember",
                "Add a member.",
                added,
                "ChangedMember",
                "It is as it would be after the others in the configuration file, which gives"
                " room for more by growth. One that was removed comes back as configured, or as"
                " its source says.",
                fields=new_member_fields,
                changes=True,
                status=201,
                problems=(409,),
                links=("getMember", "setMember", "removeMember"),
            ),
        },
    ),
    Route(
        _MEMBER,
        {
            "GET": Operation("getMember", "A member.", shown, "WholeMember", tagged=True),
            "PATCH": Operation(
                "setMember",
                "Change a member.",
                changed,
                "ChangedMember",
                "What is not named stays. It is in force for the next request.",
                fields=member_fields,
                changes=True,
                tagged=True,
            ),
            "DELETE": Operation(
                "removeMember",
                "Remove a member.",
                removed,
                "Done",
                "Requests in progress go on.",
                changes=True,
                tagged=True,
            ),
        },
    ),
    Route(
        f"{_MEMBER}/revert",
        {
            "POST": Operation(
                "revertMember",
                "Give up what was changed about a member: the configuration holds again.",
                reverted,
                "ChangedMember",
                fields=no_fields,
                changes=True,
            )
        },
    ),
    Route(
        f"{_MEMBER}/probe",
        {
            "POST": Operation(
                "probeMember",
                "Ask a member now whether it is well.",
                probed,
                "Probe",
                fields=no_fields,
                changes=True,
                problems=(409,),
            )
        },
    ),
    Route(
        f"{_MEMBER}/probes",
        {
            "GET": Operation(
                "listProbes", "The last probes of a member, the oldest first.", probes, "Probes"
            )
        },
    ),
)
