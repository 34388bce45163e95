"""
What the page shows of balancers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import quote

from txbalancer.control.manager import sparks
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import (
    Cell,
    Shown,
    member_cells,
    member_columns,
    traffic_cells,
)
from txbalancer.control.manager.draining import Draining, draining
from txbalancer.control.manager.numbers import rate, share
from txbalancer.control.manager.words import Condition, alarms, condition, since, summary
from txbalancer.control.slices import Steps, of_each
from txbalancer.core.balancer import Balancer
from txbalancer.core.history import History
from txbalancer.core.member import Member
from txbalancer.core.overrides import (
    Override,
    configured_specs,
    of_balancer,
    of_configured,
    removed,
)
from txbalancer.core.past import Done
from txbalancer.core.performing import most_members
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


class Standing(NamedTuple):
    """
    A member with the tone of its condition.
    """

    tone: str
    name: str


@dataclass(frozen=True, slots=True)
class BalancerView:
    """
    @ivar cells: Apache's columns (APACHE M4).
    @ivar traffic: what it serves now, in words.
    @ivar alarms: what is wrong with it as a whole.
    @ivar out: the first members that are out, those with a fault before those put out by hand;
        C{more}: how many there are besides. Empty where all can be seen at a glance.
    @ivar columns: the headings of the table of members.
    @ivar row: makes what is shown of a member; of thousands they are not all kept.
    @ivar discovery: how the sources of members do.
    """

    name: str
    balancer: Balancer
    nonce: str
    link: str
    summary: str
    traffic: str
    alarms: Sequence[str]
    out: Sequence[Standing]
    more: int
    cells: Sequence[Cell]
    columns: Sequence[str]
    members: Sequence[Member]
    row: Callable[[Member], MemberView]
    discovery: Sequence[str]
    undoing: Undoing | None

    @property
    def rows(self) -> Iterator[MemberView]:
        """
        All rows, one after the other.
        """
        return map(self.row, self.members)

    @property
    def overrides(self) -> list[Override]:
        """
        Options of the balancer itself that were changed at run time.
        """
        return of_balancer(self.balancer)

    @property
    def removed(self) -> list[str]:
        """
        Names of configured members that were removed at run time.
        """
        return removed(self.balancer)

    @property
    def room(self) -> bool:
        """
        Whether another member may be added.
        """
        balancer = self.balancer
        return bool(balancer.dismissed) or len(balancer.members) < most_members(balancer)


Traffic = Callable[[Member, History, sparks.Scale], Iterable[Cell]]
"""Makes the cells of L{traffic_cells}."""


def view_balancer(
    board: Board,
    name: str,
    path: str = "",
    nonce: str = "",
    bare: bool = False,
    traffic: Traffic = lambda member, history, scale: traffic_cells(history, scale),
) -> Steps[BalancerView]:
    """
    Work out what is shown of one balancer.

    @param path: of the page, for links.
    @param nonce: for forms, and for links unless these are to be C{bare}; empty for none.
    """
    balancer = board.balancer(name)
    members, configured = balancer.members, configured_specs(balancer)
    checked = any(each.spec.hcmethod != "none" for each in members)
    history = partial(board.telemetry.history, name)

    minute = _Minute()

    def look(member: Member) -> None:
        minute.add(member, history(member.name), condition(member, board.now()).tone)

    yield from of_each(look, members, _MANY)
    scale = minute.scale
    link = _links(path, name, "" if bare else nonce)

    def row(member: Member) -> MemberView:
        its, now = history(member.name), board.now()
        changed = of_configured(member, configured.get(member.name))
        drain = draining(member, its, now, balancer.sticky)
        shown = Shown(member, condition(member, now), its, drain, changed)
        cells = member_cells(
            board, balancer, shown, traffic(member, its, scale), link(member.name), checked
        )
        return MemberView(member, shown.condition, drain, tuple(cells), changed)

    out = minute.out if len(members) > _FEW else []
    return BalancerView(
        name=name,
        balancer=balancer,
        nonce=nonce,
        link=link(""),
        summary=summary(minute.tones),
        traffic=minute.words(board.waiting(name)),
        alarms=alarms(balancer, board.now()),
        out=out[:_NAMED],
        more=max(0, len(out) - _NAMED),
        cells=tuple(_balancer_cells(board, balancer)),
        columns=member_columns(checked) if members else (),
        members=members,
        row=row,
        discovery=[each.words(board.wall()) for each in board.facts.discovery(name)],
        undoing=_undoing(board, name),
    )


_MANY = 100
"""Members whose traffic is summed up in one slice."""

_FEW = 3
"""Members of which nobody has to be told where the faulty ones are."""

_NAMED = 10
"""Members that are named as out; more would be another table."""


def _links(path: str, name: str, nonce: str) -> Callable[[str], str]:
    end = f"&nonce={quote(nonce)}" if nonce else ""

    def link(member: str) -> str:
        return f"{path}?b={name}{f'&w={_quoted(member)}' if member else ''}{end}"

    return link


@lru_cache(maxsize=1024)
def _quoted(member: str) -> str:
    return quote(member, _PLAIN)


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


class _Minute:
    """
    What members did in the last minute, and how they are.
    """

    def __init__(self) -> None:
        self.tones: list[str] = []
        self.scale = sparks.scale(())
        self._out: dict[str, list[Standing]] = {"bad": [], "off": []}
        self._rate = 0.0
        self._requests = self._errors = self._busy = 0

    def add(self, member: Member, history: History, tone: str) -> None:
        """
        Add a member.
        """
        self.tones.append(tone)
        if tone in self._out:
            self._out[tone].append(Standing(tone, member.name))
        self.scale = sparks.scale((self.scale, sparks.top(history)))
        recent = history.recent()
        self._rate += recent.rate
        self._requests += recent.requests
        self._errors += recent.errors
        self._busy += member.busy

    @property
    def out(self) -> list[Standing]:
        """
        Those that are out, those with a fault first.
        """
        return [*self._out["bad"], *self._out["off"]]

    def words(self, waiting: int) -> str:
        """
        Say how much traffic that is.

        @param waiting: exchanges that wait for any of the members.
        """
        words = rate(self._rate).replace("/s", " requests/s")
        words += f", {share(self._errors, self._requests)} errors, {self._busy} in progress"
        return f"{words}, {waiting} wait for a member" if waiting else words


def _balancer_cells(board: Board, balancer: Balancer) -> Iterator[Cell]:
    spec = balancer.spec
    most = max(most_members(balancer), len(balancer.members))
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


def _path(board: Board, name: str) -> str:
    for mount in board.spec.mounts:
        if isinstance(mount.target, ToBalancer) and mount.target.name == name:
            return mount.path or mount.match
    return ""
