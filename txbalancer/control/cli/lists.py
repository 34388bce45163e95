"""
C{member list}, C{balancer …} and C{sessions}: tables, and options of balancers.
"""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from txbalancer.control.cli import completion
from txbalancer.control.cli.changes import note, tell_undo, told
from txbalancer.control.cli.client import path
from txbalancer.control.cli.members import member_group
from txbalancer.control.cli.naming import find_balancers, short
from txbalancer.control.cli.pairs import BALANCER, complete_pairs, read_pairs
from txbalancer.control.cli.plain import plain, span
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.status import ask
from txbalancer.control.cli.tables import Cell, Column, show, table
from txbalancer.control.cli.view import (
    BALANCER_COLUMNS,
    MEMBER_COLUMNS,
    balancer_row,
    member_row,
    quiet,
)

Report = dict[str, Any]
_OPTIONS = ("lbmethod", "timeout", "maxattempts", "stickysession", "nofailover")

SESSION_COLUMNS = (
    Column("balancer"),
    Column("member"),
    Column("route", 60),
    Column("last minute", 100, number=True),
    Column("minute before", 80, number=True),
    Column("busy", 50, number=True),
    Column("since start", 40, number=True),
    Column("if drained", 90, words=True),
)

NO_SESSIONS = "No sessions are kept: stickysession, stickycookie or stickysource would keep them."

balancer_group = click.Group("balancer", help="See balancers, and change their options.")
balancer_argument = click.argument("balancer", shell_complete=completion.balancers)
balancers_argument = click.argument(
    "balancers", metavar="[BALANCER…]", nargs=-1, shell_complete=completion.balancers
)


@command(member_group, "list")
@balancers_argument
def list_members(session: Session, balancers: tuple[str, ...]) -> None:
    """
    Show the members of all balancers, or of some.
    """
    service = ask(session, balancers)
    found = [(each["name"], member) for each in service["balancers"] for member in each["members"]]
    if session.as_json:
        session.json({"members": [{"balancer": name, **member} for name, member in found]})
        return
    columns = (Column("balancer", 90), *MEMBER_COLUMNS)
    now = session.world.wall()
    rows: list[list[Cell]] = [[name, *member_row(member, now)] for name, member in found]
    console = session.world.console
    show(console, table(columns, quiet(columns, rows, console.width), console.width))


@command(balancer_group, "list")
@balancers_argument
def list_balancers(session: Session, balancers: tuple[str, ...]) -> None:
    """
    Show balancers, one a line.
    """
    service = ask(session, balancers)
    if session.as_json:
        session.json({"balancers": service["balancers"]})
        return
    rows = [balancer_row(each) for each in service["balancers"]]
    console = session.world.console
    show(console, table(BALANCER_COLUMNS, rows, console.width))


@command(balancer_group, "set")
@balancer_argument
@click.argument(
    "pairs", metavar="KEY=VALUE…", nargs=-1, required=True, shell_complete=complete_pairs(_OPTIONS)
)
def set_balancer(session: Session, balancer: str, pairs: tuple[str, ...]) -> None:
    """
    Change options of a balancer, as they are written in conf.ini.

    \b
    lbmethod=bybusyness     how a member is chosen
    timeout=5s              how long a request may wait for a usable member
    maxattempts=2           further members tried in one request; empty = all
    stickysession=NAME      cookie and parameter of the route; empty = none
    nofailover=on           503 rather than move a session
    """
    fields = read_pairs(pairs, BALANCER)
    for each in _found(session, balancer):
        name = each["name"]
        etag = session.client.get(path("balancers", name)).etag
        answer = session.client.send("PATCH", path("balancers", name), fields, etag).value
        _tell(session, name, answer)
    tell_undo(session)


@command(balancer_group, "revert")
@balancer_argument
def revert_balancer(session: Session, balancer: str) -> None:
    """
    Let the configuration of a balancer's own options hold again.
    """
    for each in _found(session, balancer):
        answer = session.client.send("POST", path("balancers", each["name"], "revert")).value
        _tell(session, each["name"], answer)
    tell_undo(session)


def _found(session: Session, balancer: str) -> list[Report]:
    found = find_balancers(session.client.get("/").value, (balancer,))
    return found


def _tell(session: Session, name: str, answer: Report) -> None:
    note(session, name, answer)
    if session.as_json:
        session.json(answer)
        return
    click.echo(f"{plain(name)}: {plain(told(answer['change']) or 'was so already')}")


def add_sessions(group: click.Group) -> None:
    """
    Add C{sessions} to the command.
    """

    @command(group, "sessions")
    @balancers_argument
    def sessions(session: Session, balancers: tuple[str, ...]) -> None:
        """
        Show which members have sessions.

        Counted are requests that came for their session: in the last minute, in the one before
        and since the start; busy is what is in progress. The last column says how long a drain
        of each would take, as far as that can be told: while sessions come, only two minutes of a
        drain show.
        """
        names = [each["name"] for each in ask(session, balancers)["balancers"]]
        found: list[Report] = session.client.get("/sessions").value["sessions"]
        found = [each for each in found if each["balancer"] in names]
        if session.as_json:
            session.json({"sessions": found})
            return
        console = session.world.console
        if not any(each["sessions"] for each in found):
            show(console, Text(NO_SESSIONS))
            return
        show(console, table(SESSION_COLUMNS, [_session_row(each) for each in found], console.width))


def _session_row(each: Report) -> list[Cell]:
    return [
        each["balancer"],
        short(each["member"]),
        each["route"],
        str(each["sticky"]),
        str(each["sticky_before"]),
        str(each["busy"]),
        str(each["total"]),
        _outlook(each),
    ]


def _outlook(each: Report) -> str:
    if not each["sessions"]:
        return "has no sessions"
    if not each["total"] and not each["busy"]:
        return "none seen so far"
    if each["done"]:
        return "empty at once"
    if each.get("early"):
        return "too early to tell"
    if each["left"] is None:
        return "no end in sight"
    return f"empty in about {span(each['left'])}" if each["left"] else "empty soon"
