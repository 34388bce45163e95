"""
C{txbalancer status}: what runs, once or for as long as somebody watches.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from txbalancer.control.cli import completion
from txbalancer.control.cli.naming import find_balancers
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.view import balancer_parts, service_lines, workers_table
from txbalancer.control.cli.watching import Shown, WatchCommand, look, watch_option

Report = dict[str, Any]


def add_status(group: click.Group) -> None:
    """
    Add C{status} to the command.
    """

    @command(group, "status", cls=WatchCommand)
    @click.argument(
        "balancers", metavar="[BALANCER…]", nargs=-1, shell_complete=completion.balancers
    )
    @watch_option
    def status(session: Session, balancers: tuple[str, ...], watch: float | None) -> None:
        """
        Show balancers and members, what they do and how they are.

        failed is the share of requests answered with 5xx or not at all, of a member of attempts,
        also where another one answered then; p50 and p95 are what half and 95 % of the last
        minute's requests did not exceed; pool is busy and idle connections. A star marks what was
        changed at run time; below stands what. Where the terminal is narrow, the columns that
        matter least are left out.
        """
        look(session, Shown(lambda: ask(session, balancers), lambda of: parts(session, of)), watch)


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
