"""
Balancers: looked at and changed.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from txbalancer.control.api import tags
from txbalancer.control.api.call import Answer, Call, Operation, Route, no_fields
from txbalancer.control.api.commands import balancer_fields, set_balancer
from txbalancer.control.api.members import change_report
from txbalancer.control.report import balancer_report, balancers_report
from txbalancer.control.slices import Steps, at_once
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import Change, Revert


def _answer(call: Call, balancer: Balancer) -> Steps[Answer]:
    report = yield from balancer_report(call.board, balancer.spec.name)
    tag = yield from tags.of_balancer(balancer)
    return Answer(report, headers={"ETag": tag})


def _changed(call: Call, balancer: Balancer, change: Change) -> Deferred[Answer]:
    def make() -> Steps[Answer]:
        answer = yield from _answer(call, balancer)
        answer.value["change"] = change_report(change)
        return answer

    return call.settle(make, change.warning)


def listed(call: Call) -> Steps[Answer]:
    """
    Tell about all balancers.
    """
    return Answer({"balancers": (yield from balancers_report(call.board, call.names))})


def shown(call: Call) -> Steps[Answer]:
    """
    Tell about a balancer.
    """
    return (yield from _answer(call, call.balancer))


def changed(call: Call) -> Deferred[Answer]:
    """
    Change a balancer.
    """
    balancer = call.balancer
    wanted = call.header("If-Match")
    if wanted is not None:
        # In one go, for nobody may change anything between this and the change.
        tags.check_match(wanted, at_once(tags.of_balancer(balancer)))
    return _changed(call, balancer, call.apply(set_balancer(balancer, call.body)))


def reverted(call: Call) -> Deferred[Answer]:
    """
    Make a balancer as it is configured.
    """
    balancer = call.balancer
    return _changed(call, balancer, call.apply(Revert(balancer.spec.name)))


ROUTES = (
    Route(
        "/balancers",
        {"GET": Operation("listBalancers", "All balancers.", listed, "Balancers")},
    ),
    Route(
        "/balancers/{balancer}",
        {
            "GET": Operation(
                "getBalancer", "A balancer with its members.", shown, "Balancer", tagged=True
            ),
            "PATCH": Operation(
                "setBalancer",
                "Change options of a balancer.",
                changed,
                "ChangedBalancer",
                "What is not named stays. It is in force for the next request.",
                fields=balancer_fields,
                changes=True,
                tagged=True,
            ),
        },
    ),
    Route(
        "/balancers/{balancer}/revert",
        {
            "POST": Operation(
                "revertBalancer",
                "Give up what was changed about a balancer's options, not its members'.",
                reverted,
                "ChangedBalancer",
                fields=no_fields,
                changes=True,
            )
        },
    ),
)
