"""
What the page shows of balancers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from txbalancer.control.manager import sparks
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import Cell, Shown, member_cells
from txbalancer.control.manager.draining import Draining, draining
from txbalancer.control.manager.numbers import rate, share
from txbalancer.control.manager.words import Condition, condition, since, summary
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.overrides import Override, of_balancer, of_members, removed
from txbalancer.core.past import Done
from txbalancer.core.specs import ToBalancer, sticky_names

_PLAIN = "!$'()*,/:;=@[]"
"""What stays as it is in a link, so that scripts find a member's URL there."""


@dataclass(frozen=True, slots=True)
class MemberView:
    """
    @ivar cells: of the table.
    @ivar overrides: options that were changed at run time; C{None} for one that was added.
    """

    member: Member
    condition: Condition
    draining: Draining | None
    cells: Sequence[Cell]
    overrides: list[Override] | None


class Undoing(NamedTuple):
    """
    The change that undo would take back.

    @ivar number: of its event.
    """

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class BalancerView:
    """
    @ivar cells: Apache's columns (APACHE M4).
    @ivar traffic: what it serves now, in words.
    @ivar out: the first members that are out, those with a fault before those put out by hand;
        C{more}: how many there are besides. Empty where all can be seen at a glance.
    @ivar removed: names of configured members that were removed at run time.
    @ivar room: whether another member may be added.
    """

    name: str
    balancer: Balancer
    nonce: str
    link: str
    summary: str
    traffic: str
    out: Sequence[MemberView]
    more: int
    cells: Sequence[Cell]
    members: Sequence[MemberView]
    overrides: list[Override]
    removed: list[str]
    room: bool
    undoing: Undoing | None

    @property
    def columns(self) -> list[str]:
        """
        The headings of the table of members.
        """
        return [cell.name for cell in self.members[0].cells] if self.members else []


def view_balancer(
    board: Board,
    name: str,
    path: str = "",
    nonce: str = "",
    bare: bool = False,
    graphs: bool = True,
) -> BalancerView:
    """
    Work out what is shown of one balancer.

    @param path: of the page, for links.
    @param nonce: for forms, and for links unless these are to be C{bare}; empty for none.
    @param graphs: whether they are to be drawn; they cost the most.
    """
    balancer, now = board.balancer(name), board.now()
    changed = of_members(balancer)
    checked = any(each.spec.hcmethod != "none" for each in balancer.members)
    shown = [_shown(board, name, each, changed[each.name], graphs) for each in balancer.members]
    scale = sparks.scale(each.trace for each in shown)
    link = _links(path, name, "" if bare else nonce)
    members = [
        MemberView(
            each.member,
            each.condition,
            each.draining,
            tuple(member_cells(board, balancer, each, scale, link(each.member.name), checked)),
            each.changed,
        )
        for each in shown
    ]
    out = _out(members)
    return BalancerView(
        name=name,
        balancer=balancer,
        nonce=nonce,
        link=link(""),
        summary=summary(balancer.members, now),
        traffic=_traffic(board, name, shown),
        cells=tuple(_balancer_cells(board, balancer)),
        out=out[:_NAMED],
        more=max(0, len(out) - _NAMED),
        members=members,
        overrides=of_balancer(balancer),
        removed=removed(balancer),
        room=len(balancer.members) < _most(balancer),
        undoing=_undoing(board, name),
    )


_FEW = 3
"""Members of which nobody has to be told where the faulty ones are."""

_NAMED = 10
"""Members that are named as out; more would be another table."""


def _out(members: Sequence[MemberView]) -> list[MemberView]:
    if len(members) <= _FEW:
        return []
    return [each for tone in ("bad", "off") for each in members if each.condition.tone == tone]


_NO_GRAPH = sparks.Trace((), (), (), ())


def _shown(
    board: Board, name: str, member: Member, changed: list[Override] | None, graphs: bool
) -> Shown:
    history = board.telemetry.history(name, member.name)
    trace = sparks.trace(history, board.wall()) if graphs else _NO_GRAPH
    now = board.now()
    drain = draining(member, history, now, board.balancer(name).sticky)
    return Shown(member, condition(member, now), history, drain, trace, changed)


def _links(path: str, name: str, nonce: str) -> Callable[[str], str]:
    end = f"&nonce={quote(nonce)}" if nonce else ""

    def link(member: str) -> str:
        return f"{path}?b={name}{f'&w={quote(member, _PLAIN)}' if member else ''}{end}"

    return link


def last_change(board: Board, name: str) -> Done | None:
    """
    Return the change of a balancer that undo would take back.
    """
    return next((each for each in reversed(board.past) if each.event.balancer == name), None)


def _undoing(board: Board, name: str) -> Undoing | None:
    done = last_change(board, name)
    if done is None:
        return None
    event = done.event
    subject = f"{event.member}: " if event.member else ""
    ago = since(event.time, board.wall())
    return Undoing(event.number, f"{subject}{event.text}, by {event.who}, {ago} ago")


def _traffic(board: Board, name: str, shown: Sequence[Shown]) -> str:
    recent = [each.history.recent(12) for each in shown]
    requests = sum(step.requests for steps in recent for step in steps)
    errors = sum(step.errors for steps in recent for step in steps)
    words = rate(sum(each.history.rate() for each in shown)).replace("/s", " requests/s")
    words += (
        f", {share(errors, requests)} errors, {sum(each.member.busy for each in shown)} in progress"
    )
    waiting = board.waiting(name)
    return f"{words}, {waiting} wait for a member" if waiting else words


def _balancer_cells(board: Board, balancer: Balancer) -> Iterator[Cell]:
    spec = balancer.spec
    most = max(_most(balancer), len(balancer.members))
    names = spec.stickysession
    yield Cell("MaxMembers", f"{most} [{len(balancer.members)} Used]")
    own = f"{spec.stickycookie} (set here)" if spec.stickycookie else " (None) "
    yield Cell("StickySession", sticky_names.show(names) if names else own)
    yield Cell("DisableFailover", "On" if spec.nofailover else "Off")
    yield Cell("Timeout", f"{spec.timeout:g}")
    yield Cell("FailoverAttempts", str(balancer.maxattempts))
    yield Cell("Method", spec.lbmethod)
    yield Cell("Path", _path(board, spec.name))
    yield Cell("Active", "Yes")


def _most(balancer: Balancer) -> int:
    return len(balancer.configured.members) + balancer.spec.growth


def _path(board: Board, name: str) -> str:
    for mount in board.spec.mounts:
        if isinstance(mount.target, ToBalancer) and mount.target.name == name:
            return mount.path or mount.match
    return ""
