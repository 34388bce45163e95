"""
Balancers: looked at and changed.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from txbalancer.control.api import tags
from txbalancer.control.api.call import Answer, Call, Operation, Route, no_fields
from txbalancer.control.api.commands import balancer_fields, set_balancer
from txbalancer.control.api.members import change_report
from txbalancer.control.report import balancer_report
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import Change, Revert


def _answer(call: Call, balancer: Balancer) -> Answer:
    report = balancer_report(call.board, balancer.spec.name)
    return Answer(report, headers={"ETag": tags.of_balancer(balancer)})


def _changed(call: Call, balancer: Balancer, change: Change) -> Deferred[Answer]:
    def make() -> Answer:
        answer = _answer(call, balancer)
        answer.value["change"] = change_report(change)
        return answer

    return call.settle(make, change.warning)


def listed(call: Call) -> Answer:
    """
    Tell about all balancers.
    """
    return Answer({"balancers": [balancer_report(call.board, each) for each in call.names]})


def shown(call: Call) -> Answer:
    """
    Tell about a balancer.
    """
    return _answer(call, call.balancer)


def changed(call: Call) -> Deferred[Answer]:
    """
    Change a balancer.
    """
    balancer = call.balancer
    tags.check_match(call.header("If-Match"), tags.of_balancer(balancer))
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
