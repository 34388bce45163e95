"""
C{txbalancer limits}: what is limited, and how much of it is used.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from txbalancer.control.cli.plain import share, size
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.tables import Cell, Column, table, toned
from txbalancer.control.cli.watching import Shown, WatchCommand, look, watch_option

Report = dict[str, Any]

COLUMNS = (
    Column("of"),
    Column("option"),
    Column("used", 95, number=True),
    Column("most", 85, number=True),
    Column("full", 90, number=True),
    Column("waiting", 70, number=True),
    Column("passed", 40, number=True),
    Column("refused", 80, number=True),
    Column("keys", 20, number=True),
    Column("note", 30),
)

_NEARLY = 0.8
"""The part of a limit from which on it is one to watch."""


def add_limits(group: click.Group) -> None:
    """
    Add C{limits} to the command.
    """

    @command(group, "limits", cls=WatchCommand)
    @watch_option
    def limits(session: Session, watch: float | None) -> None:
        """
        Show each limit that is set, and how it is used.

        used is, of a limit per client, what the client uses that uses most, and of a rate what
        the key has used that came most, of as many as may come at once; keys is how many are
        remembered. passed is what a rate let through. With dry run a rate refuses nothing:
        refused is what it would have.
        """
        shown = Shown(lambda: session.client.get("/limits").value, lambda of: _parts(session, of))
        look(session, shown, watch)


def _parts(session: Session, report: Report) -> list[RenderableType]:
    rows = [_row(each) for each in report["limits"]]
    if not rows:
        return [Text("No limit is set.")]
    return [table(COLUMNS, rows, session.world.console.width)]


def _row(limit: Report) -> list[Cell]:
    used, most, option = limit["used"], limit["most"], limit["option"]
    amount = size if option == "memory-limit" else str
    rates, keys = option == "rate", ""
    if rates and limit.get("rate"):  # not there in answers of older services
        keys = str(used)
        used, most, option = limit["spent"], limit["burst"], f"rate {limit['rate']}"
    return [
        limit["of"],
        option,
        toned(amount(used), _tone(used, most)),
        amount(most),
        share(used, most),
        "" if rates else str(limit["waiting"]),
        str(limit["passed"]) if rates else "",
        str(limit["refused"]),
        keys,
        "dry run" if limit["dry_run"] else "",
    ]


def _tone(used: int, most: int) -> str:
    if used >= most:
        return "bad"
    return "watch" if used >= _NEARLY * most else ""
