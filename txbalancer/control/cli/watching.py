"""
C{--watch}: a report once, or for as long as somebody looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from txbalancer.control.cli.exits import UNREACHED, USAGE, Fault
from txbalancer.control.cli.plain import plain
from txbalancer.control.cli.session import ServiceCommand, Session
from txbalancer.control.cli.tables import show

EVERY = 2.0
LEAST = 0.2
Report = dict[str, Any]


class WatchCommand(ServiceCommand):
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


watch_option = click.option(
    "-w",
    "--watch",
    type=float,
    metavar="[SECONDS]",
    help=f"Go on, anew every so many seconds; {EVERY:g} if none are given. Ctrl-C ends it.",
)


class Shown(NamedTuple):
    """
    What is looked at.

    @ivar ask: asks the service for it.
    @ivar parts: lays it out for the terminal.
    """

    ask: Callable[[], Report]
    parts: Callable[[Report], list[RenderableType]]


def look(session: Session, shown: Shown, seconds: float | None) -> None:
    """
    Print a report.

    @param seconds: between two of them; C{None} for one only.
    """
    if seconds is None:
        _once(session, shown)
    elif seconds < LEAST:
        raise Fault(f"--watch {seconds:g}: {LEAST:g} seconds or more", USAGE)
    else:
        _watch(session, shown, seconds)


def _once(session: Session, shown: Shown) -> None:
    report = shown.ask()
    if session.as_json:
        session.json(report)
    else:
        show(session.world.console, *shown.parts(report))


def _watch(session: Session, shown: Shown, seconds: float) -> NoReturn:
    console = session.world.console
    if session.as_json:
        _repeat(session, seconds, lambda: session.line(shown.ask()))
    if not console.is_terminal:
        _repeat(session, seconds, lambda: _print(session, shown))
    last: list[RenderableType] = []
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def refresh() -> None:
            try:
                last[:] = shown.parts(shown.ask())
                head: list[RenderableType] = []
            except Fault as fault:
                # It may be back soon: a restart is what people watch.
                if fault.exit_code != UNREACHED:
                    raise
                head = [Text(plain(fault.message), style="bold red")]
            clock = Text(f"{_clock(session)}  every {seconds:g} s, Ctrl-C ends it", style="dim")
            live.update(Group(clock, *head, *last), refresh=True)

        _repeat(session, seconds, refresh)


def _print(session: Session, shown: Shown) -> None:
    click.echo(_clock(session))
    show(session.world.console, *shown.parts(shown.ask()))
    click.echo()


def _clock(session: Session) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(session.world.wall()))


def _repeat(session: Session, seconds: float, do: Callable[[], None]) -> NoReturn:
    while True:
        do()
        session.world.sleep(seconds)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
