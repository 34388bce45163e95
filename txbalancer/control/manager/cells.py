"""
What a table of the page shows of a member: Apache's columns (APACHE M5), and after them ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from txbalancer.control.manager import sparks
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.draining import Draining
from txbalancer.control.manager.numbers import rate, share, spans
from txbalancer.control.manager.words import Condition, found, short_size, since
from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.history import STEP, History
from txbalancer.core.member import Member
from txbalancer.core.overrides import Override
from txbalancer.core.values import for_so_long

CHECKS = ("HC Method", "HC Interval", "Passes", "Fails", "HC uri", "HC Expr")
"""Apache's columns of health checks, there where any member has one."""

_APACHES = (
    *("Worker URL", "Route", "RouteRedir", "Factor", "Set", "Status"),
    *("Elected", "Busy", "Load", "To", "From"),
)
_OURS = ("Requests", "Errors", "p50 / p95 / p99", "Pool")
_COLUMNS = {
    False: (*_APACHES, *_OURS, "Changed", "State"),
    True: (*_APACHES, *CHECKS, *_OURS, "Last check", "Changed", "State"),
}


class Graph(NamedTuple):
    """
    @ivar paths: (class, C{d}) of each SVG path.
    @ivar label: what it shows, in words.
    """

    paths: tuple[tuple[str, str], ...]
    label: str


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
    graph: Graph | None = None


class Shown(NamedTuple):
    """
    A member as it is now.
    """

    member: Member
    condition: Condition
    history: History
    draining: Draining | None
    changed: list[Override] | None


def member_columns(checked: bool) -> Sequence[str]:
    """
    Return the names of the cells of L{member_cells}.
    """
    return _COLUMNS[checked]


def member_cells(
    board: Board,
    balancer: Balancer,
    shown: Shown,
    traffic: Iterable[Cell],
    link: str,
    checked: bool,
) -> Iterator[Cell]:
    """
    Make a row.

    @param traffic: those of L{traffic_cells}.
    @param link: to the member's form.
    @param checked: whether there are columns of checks.
    """
    member, now = shown.member, board.now()
    yield Cell("Worker URL", member.name, link)
    yield Cell("Route", member.route.decode())
    yield Cell("RouteRedir", member.redirect.decode())
    yield Cell("Factor", f"{member.lbfactor / 100:.2f}")
    yield Cell("Set", str(member.lbset))
    yield Cell("Status", flags.describe(member.flags), tone=shown.condition.tone)
    yield Cell("Elected", str(member.elected))
    yield Cell("Busy", str(member.busy))
    yield Cell("Load", str(balancer.lbstatus(member)))
    yield Cell("To", short_size(member.transferred))
    yield Cell("From", short_size(member.read))
    if checked:
        yield from _check_cells(member)
    yield from traffic
    yield Cell("Pool", _pool(member))
    if checked:
        yield Cell("Last check", _last_check(member, now))
    yield Cell("Changed", _changed(shown.changed, member, now))
    yield Cell("State", _state(shown, now), tone=shown.condition.tone)


def _check_cells(member: Member) -> Iterator[Cell]:
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
    )
    for name, text in zip(CHECKS, texts, strict=True):
        yield Cell(name, text)


def traffic_cells(history: History, scale: sparks.Scale) -> Iterator[Cell]:
    """
    Make those cells of a row that change with a sample only: half of the work.
    """
    points = history.points
    requests, errors, often, tops = history.recent()
    total, failed = sum(history.requests), sum(history.errors)
    minutes = max(1, round(len(history.requests) * STEP / 60))
    yield Cell(
        "Requests",
        rate(often),
        graph=Graph(
            (("much", sparks.area(points.requests, scale.requests)),),
            f"{total} requests in {minutes} min, at most {rate(tops[0])}",
        ),
    )
    yield Cell(
        "Errors",
        share(errors, requests),
        tone="bad" if errors else "",
        graph=Graph(
            (("bad", sparks.area(points.errors, scale.errors)),),
            f"{failed} errors in {minutes} min, {share(failed, total)} of all requests",
        ),
    )
    times = history.percentiles()
    worst = spans((tops[3],))
    yield Cell(
        "p50 / p95 / p99",
        spans((times.p50, times.p95, times.p99)),
        graph=Graph(
            (
                ("slow", sparks.area(points.slow, scale.seconds)),
                ("much", sparks.area(points.median, scale.seconds)),
            ),
            f"response times in {minutes} min, median and 95 %, {worst} at the worst",
        ),
    )


def _pool(member: Member) -> str:
    pool = member.pool
    if pool is None:
        return ""
    idle, opening = pool.at_rest, pool.connecting
    text = f"{max(0, pool.open - idle - opening)} busy, {idle} idle"
    text += f", {opening} opening" if opening else ""
    text += f" of {member.spec.max}" if member.spec.max else ""
    return f"{text}, {pool.waiting} wait" if pool.waiting else text


def _last_check(member: Member, now: float) -> str:
    probe = member.probe
    if probe is None:
        return ""
    words = "passed" if probe.passed else "failed"
    return f"{words}: {found(probe)}; {since(member.probed, now)} ago"


def _changed(changed: list[Override] | None, member: Member, now: float) -> str:
    words = "added at run time" if changed is None else ", ".join(each.name for each in changed)
    if member.origin is not None:
        words = f"from {member.origin.source}" + (f"; {words}" if words else "")
    if member.temporary is None:
        return words
    until = since(now, member.temporary.until)
    back = f"factor {member.temporary.loadfactor / 100:.2f} again in {until}"
    return f"{words}; {back}" if words else back


def _state(shown: Shown, now: float) -> str:
    member, text = shown.member, shown.condition.text
    if shown.draining is not None:
        text += f"; {shown.draining.text}"
    lasting = since(member.since, now)
    return for_so_long(text, lasting) if lasting else text


def clock(time: float) -> str:
    """
    Write seconds since the epoch as a time of day with its date.
    """
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
