"""
C{txbalancer status}: what runs, once or for as long as somebody watches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from txbalancer.control.cli import completion
from txbalancer.control.cli.exits import UNREACHED, USAGE, Fault
from txbalancer.control.cli.naming import find_balancers
from txbalancer.control.cli.plain import plain
from txbalancer.control.cli.session import ServiceCommand, Session, command
from txbalancer.control.cli.tables import show
from txbalancer.control.cli.view import balancer_parts, service_lines, workers_table

EVERY = 2.0
LEAST = 0.2
Report = dict[str, Any]


class _WatchCommand(ServiceCommand):
    """
    Takes C{--watch} without a number, too, even before the name of a balancer.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """
        Give C{--watch} its usual number where none follows.
        """
        filled: list[str] = []
        for place, word in enumerate(args):
            following = args[place + 1] if place + 1 < len(args) else ""
            if word in ("-w", "--watch") and not _is_number(following):
                word = f"--watch={EVERY:g}"
            filled.append(word)
        return super().parse_args(ctx, filled)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def add_status(group: click.Group) -> None:
    """
    Add C{status} to the command.
    """

    @command(group, "status", cls=_WatchCommand)
    @click.argument(
        "balancers", metavar="[BALANCER…]", nargs=-1, shell_complete=completion.balancers
    )
    @click.option(
        "-w",
        "--watch",
        type=float,
        metavar="[SECONDS]",
        help=f"Go on, anew every so many seconds; {EVERY:g} if none are given. Ctrl-C ends it.",
    )
    def status(session: Session, balancers: tuple[str, ...], watch: float | None) -> None:
        """
        Show balancers and members, what they do and how they are.

        failed is the share of requests answered with 5xx or not at all; p50 and p95 are what
        half and 95 % of the last minute's requests did not exceed; pool is busy and idle
        connections. A star marks what was changed at run time; below stands what.
        Where the terminal is narrow, the columns that matter least are left out.
        """
        if watch is None:
            _once(session, balancers)
        elif watch < LEAST:
            raise Fault(f"--watch {watch:g}: {LEAST:g} seconds or more", USAGE)
        else:
            _watch(session, balancers, watch)


def ask(session: Session, balancers: tuple[str, ...]) -> Report:
    """
    Ask for the report, and leave out balancers that nobody asked for.
    """
    service: Report = session.client.get("/").value
    return {**service, "balancers": find_balancers(service, balancers)}


def parts(session: Session, service: Report) -> list[RenderableType]:
    """
    Lay out a report for the terminal.
    """
    width, now = session.world.console.width, session.world.wall()
    found = list(service_lines(service, session.client.shown))
    found.extend(workers_table(service, now, width))
    for each in service["balancers"]:
        found.extend(balancer_parts(each, now, width))
    if not service["balancers"]:
        found.append(Text("There is no balancer."))
    return found


def _once(session: Session, balancers: tuple[str, ...]) -> None:
    service = ask(session, balancers)
    if session.as_json:
        session.json(service)
    else:
        show(session.world.console, *parts(session, service))


def _watch(session: Session, balancers: tuple[str, ...], seconds: float) -> None:
    console = session.world.console
    if session.as_json:
        _repeat(session, seconds, lambda: session.line(ask(session, balancers)))
    if not console.is_terminal:
        _repeat(session, seconds, lambda: _print(session, balancers))
    last: list[RenderableType] = []
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def refresh() -> None:
            try:
                last[:] = parts(session, ask(session, balancers))
                head: list[RenderableType] = []
            except Fault as fault:
                # It may be back soon: a restart is what people watch.
                if fault.exit_code != UNREACHED:
                    raise
                head = [Text(plain(fault.message), style="bold red")]
            clock = Text(f"{_clock(session)}  every {seconds:g} s, Ctrl-C ends it", style="dim")
            live.update(Group(clock, *head, *last), refresh=True)

        _repeat(session, seconds, refresh)


def _print(session: Session, balancers: tuple[str, ...]) -> None:
    click.echo(_clock(session))
    show(session.world.console, *parts(session, ask(session, balancers)))
    click.echo()


def _clock(session: Session) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(session.world.wall()))


def _repeat(session: Session, seconds: float, do: Callable[[], None]) -> None:
    while True:
        do()
        session.world.sleep(seconds)
