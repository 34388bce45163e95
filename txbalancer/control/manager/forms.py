"""
What the forms of the page offer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import clock
from txbalancer.control.manager.orders import STATUSES
from txbalancer.control.manager.view import BalancerView, MemberView
from txbalancer.control.manager.words import found
from txbalancer.core import flags
from txbalancer.core.member import Member
from txbalancer.core.overrides import live_spec
from txbalancer.core.specs import sticky_names


class Switch(NamedTuple):
    """
    One flag in a form.
    """

    field: str
    name: str
    on: bool


class Transcript(NamedTuple):
    """
    A probe as it went.
    """

    title: str
    tone: str
    text: str


def choices(board: Board) -> dict[str, Any]:
    """
    Return what the lists in forms offer.
    """
    return {
        "lbmethods": sorted(board.registry.lbmethods),
        "probes": ["none", *sorted(set(board.registry.probes) - {"none"})],
        "expressions": board.spec.service.hcexpr,
    }


def of_balancer(view: BalancerView) -> dict[str, Any]:
    """
    Return what the form of a balancer shows.
    """
    spec = view.balancer.spec
    sticky = sticky_names.show(spec.stickysession) if spec.stickysession else ""
    return {"options": spec, "sticky": sticky, "room": view.room}


def of_member(view: MemberView) -> dict[str, Any]:
    """
    Return what the form of a member shows.
    """
    member = view.member
    return {
        "member": view,
        "spec": live_spec(member),
        "switches": switches(member),
        "failed": bool(member.flags & (flags.IN_ERROR | flags.PASSIVE)),
        "out": bool(member.flags & (flags.DISABLED | flags.STOPPED | flags.DRAIN)),
        "draining": view.draining,
        "transcripts": _transcripts(member),
    }


def switches(member: Member) -> list[Switch]:
    """
    Return the flags that a form can set.
    """
    return [
        Switch(f"w_status_{letter}", name, bool(member.flags & bit))
        for letter, (bit, name) in STATUSES.items()
    ]


def _transcripts(member: Member) -> list[Transcript]:
    return [
        Transcript(
            f"{clock(when)}: {'passed' if result.passed else 'failed'}: {found(result)}",
            "good" if result.passed else "bad",
            result.transcript or "There is no transcript of this one.",
        )
        for when, result in reversed(member.probes)
    ]
