"""
What the page shows, worked out from live balancers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.orders import STATUSES
from txbalancer.control.manager.words import Condition, condition, short_size, since, summary
from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.overrides import Override, of_balancer, of_members, removed
from txbalancer.core.specs import ToBalancer, sticky_names

_PLAIN = "!$'()*,/:;=@[]"
"""What stays as it is in a link, so that scripts find a member's URL there."""

_CHECKS = ("HC Method", "HC Interval", "Passes", "Fails", "HC uri", "HC Expr", "Last check")


class Cell(NamedTuple):
    """
    @ivar text: as scripts expect it below Apache's headings.
    @ivar link: where it leads; empty for nowhere.
    @ivar tone: of a L{Condition}; empty for none.
    """

    name: str
    text: str
    link: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class MemberView:
    """
    @ivar cells: Apache's columns (APACHE M5), and after them ours.
    @ivar overrides: options that were changed at run time; C{None} for one that was added.
    """

    member: Member
    condition: Condition
    cells: Sequence[Cell]
    overrides: list[Override] | None


@dataclass(frozen=True, slots=True)
class BalancerView:
    """
    @ivar cells: Apache's columns (APACHE M4).
    @ivar removed: names of configured members that were removed at run time.
    @ivar room: whether another member may be added.
    """

    name: str
    balancer: Balancer
    nonce: str
    link: str
    summary: str
    cells: Sequence[Cell]
    members: Sequence[MemberView]
    overrides: list[Override]
    removed: list[str]
    room: bool

    @property
    def columns(self) -> list[str]:
        """
        The headings of the table of members.
        """
        return [cell.name for cell in self.members[0].cells] if self.members else []


def view_balancer(board: Board, name: str, path: str) -> BalancerView:
    """
    Work out what is shown of one balancer.

    @param path: of the page, for links.
    """
    balancer, now = board.balancer(name), board.now()
    nonce = board.nonce(name)
    changed = of_members(balancer)
    checked = any(each.spec.hcmethod != "none" for each in balancer.members)

    def link(member: Member) -> str:
        return f"{path}?b={name}&w={quote(member.name, _PLAIN)}&nonce={quote(nonce)}"

    return BalancerView(
        name=name,
        balancer=balancer,
        nonce=nonce,
        link=f"{path}?b={name}&nonce={quote(nonce)}",
        summary=summary(balancer.members, now),
        cells=tuple(_balancer_cells(board, balancer)),
        members=[
            MemberView(
                each,
                condition(each, now),
                tuple(_member_cells(balancer, each, link(each), checked, now, changed[each.name])),
                changed[each.name],
            )
            for each in balancer.members
        ],
        overrides=of_balancer(balancer),
        removed=removed(balancer),
        room=len(balancer.members) < _most(balancer),
    )


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


def _member_cells(
    balancer: Balancer,
    member: Member,
    link: str,
    checked: bool,
    now: float,
    changed: list[Override] | None,
) -> Iterator[Cell]:
    state = condition(member, now)
    yield Cell("Worker URL", member.name, link)
    yield Cell("Route", member.route.decode())
    yield Cell("RouteRedir", member.redirect.decode())
    yield Cell("Factor", f"{member.lbfactor / 100:.2f}")
    yield Cell("Set", str(member.lbset))
    yield Cell("Status", flags.describe(member.flags), tone=state.tone)
    yield Cell("Elected", str(member.elected))
    yield Cell("Busy", str(member.busy))
    yield Cell("Load", str(balancer.lbstatus(member)))
    yield Cell("To", short_size(member.transferred))
    yield Cell("From", short_size(member.read))
    if checked:
        yield from _check_cells(member, now)
    if changed is None:
        yield Cell("Changed", "added at run time")
    else:
        yield Cell("Changed", ", ".join(each.name for each in changed))
    lasting = since(member.since, now)
    yield Cell("State", f"{state.text} (for {lasting})" if lasting else state.text, tone=state.tone)


def _check_cells(member: Member, now: float) -> Iterator[Cell]:
    spec, health = member.spec, member.health
    sums = spec.hccounting == "sums"
    passes = health.passes if sums else max(health.run, 0)
    fails = health.fails if sums else max(-health.run, 0)
    texts = (
        spec.hcmethod.upper(),
        f"{spec.hcinterval * 1000:.0f}ms",
        f"{spec.hcpasses} ({passes})",
        f"{spec.hcfails} ({fails})",
        spec.hcuri,
        spec.hcexpr,
        _last_check(member, now),
    )
    for name, text in zip(_CHECKS, texts, strict=True):
        yield Cell(name, text)


def _last_check(member: Member, now: float) -> str:
    probe = member.probe
    if probe is None:
        return ""
    words = f"{'passed' if probe.passed else 'failed'}{f': {probe.text}' if probe.text else ''}"
    seconds = f"{probe.duration * 1000:.0f} ms"
    # What passed tells its time in its text already.
    took = "" if f" in {seconds}" in probe.text else f", took {seconds}"
    return f"{words}, {since(member.probed, now)} ago{took}"


# -- forms


class Switch(NamedTuple):
    """
    One flag in a form.
    """

    field: str
    name: str
    on: bool


def switches(member: Member) -> list[Switch]:
    """
    Return the flags that a form can set.
    """
    return [
        Switch(f"w_status_{letter}", name, bool(member.flags & bit))
        for letter, (bit, name) in STATUSES.items()
    ]


def choices(board: Board) -> dict[str, Any]:
    """
    Return what the lists in forms offer.
    """
    return {
        "lbmethods": sorted(board.registry.lbmethods),
        "probes": ["none", *sorted(set(board.registry.probes) - {"none"})],
        "expressions": board.spec.service.hcexpr,
    }
