"""
C{txbalancer log} and C{txbalancer events}: what happens, as it happens.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import click
from rich.text import Text

from txbalancer.control.cli import completion
from txbalancer.control.cli.exits import UNREACHED, Fault
from txbalancer.control.cli.naming import find_members, short
from txbalancer.control.cli.plain import counted, moment, plain
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.tables import hang, toned

Report = dict[str, Any]
_WAIT = 30.0
"""Seconds for which one request waits for the next event."""

_LOCAL = re.compile(r"(uid \d+)(?: \((.+)\))? on the control socket")

_TONES = {"2": "good", "3": "good", "4": "watch", "5": "bad", "0": "bad"}


# -- exchanges


def add_log(group: click.Group) -> None:
    """
    Add C{log} to the command.
    """

    @command(group, "log")
    @click.option(
        "--balancer", metavar="NAME", default="", shell_complete=completion.balancers,
        help="Requests of this balancer.",
    )  # fmt: skip
    @click.option(
        "--member", metavar="MEMBER", default="", shell_complete=completion.members,
        help="Requests that this member answered: its URL, route or HOST:PORT.",
    )  # fmt: skip
    @click.option("--status", metavar="STATUS", default="", help="Such as 404, 5xx or 404,5xx.")
    @click.option("--path", metavar="PREFIX", default="", help="Paths that begin so.")
    @click.option("--slower", metavar="TIME", default="", help="At least so slow: 500ms, 2s.")
    @click.option("-n", "--lines", type=click.IntRange(1), help="End after so many.")
    def log(session: Session, lines: int | None, **filters: str) -> None:
        """
        Show requests as they end, until Ctrl-C.

        Each line has time, status, duration, balancer and member, method, host and path, and the
        reason unless that is ok (docs/operations.rst lists them). All filters have to fit.
        With --json: the lines of the access log in its format json.
        """
        if "*" in filters["member"]:
            raise click.UsageError("--member: names one member, not a pattern")
        if filters["member"]:
            # A wrong word would wait for ever.
            service = session.client.get("/").value
            (target, *_) = find_members(service, filters["balancer"] or "*", [filters["member"]])
            if filters["balancer"]:
                filters["member"] = target.url
        _end_after(lines, _exchanges(session, filters), _tell_exchange, session)


def _exchanges(session: Session, filters: dict[str, str]) -> Iterator[Report]:
    tells = session.world.console.is_terminal and not session.as_json
    for each in session.client.lines("/log", filters):
        if each is None:
            if tells:
                click.echo("waiting for requests; Ctrl-C ends it", err=True)
            tells = False
            continue
        if "lost" in each:
            click.echo(f"{counted(each['lost'], 'line')} lost: too many for this reader", err=True)
        else:
            yield each
    raise Fault(f"the service at {session.client.shown} has ended", UNREACHED)


def _tell_exchange(session: Session, each: Report) -> None:
    status = f"{each['status']:03d}"
    parts = [each["balancer"], short(each["member"])] if each["member"] else [each["balancer"]]
    head = Text(f"{plain(each['time'])[11:23]} ")
    head.append_text(toned(status, _TONES.get(status[0], "")))
    head.append(f" {moment(each['duration']):>6}")
    body = Text(plain(" ".join(filter(None, parts)) or "-"))
    body.append(f" {plain(each['method'])} {plain(each['host'])}{plain(each['target'])}")
    if each["reason"] != "ok":
        body.append(f" {plain(each['reason'])}", style="bold")
    hang(session.world.console, head, body)


# -- events


def add_events(group: click.Group) -> None:
    """
    Add C{events} to the command.
    """

    @command(group, "events")
    @click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
    @click.option("--balancer", metavar="NAME", default="", shell_complete=completion.balancers,
                  help="Events of this balancer.")  # fmt: skip
    @click.option("-n", "--last", type=click.IntRange(0), default=20, show_default=True,
                  help="How many of the past.")  # fmt: skip
    def events(session: Session, follow: bool, balancer: str, last: int) -> None:
        """
        Show what happened, and why.

        Members that went out and came back, changes and who made them, reloads.
        """
        found = session.client.get("/events").value

        def wanted(some: list[Report]) -> list[Report]:
            return [each for each in some if balancer in ("", each["balancer"])]

        past = wanted(found["events"])[-last:] if last else []
        if session.as_json and not follow:
            session.json({"events": past})
            return
        for each in past:
            _tell_event(session, each)
        while follow:
            query = {"after": found["last"], "wait": _WAIT}
            found = session.client.wait("/events", query, _WAIT).value
            for each in wanted(found["events"]):
                _tell_event(session, each)


def _tell_event(session: Session, each: Report) -> None:
    if session.as_json:
        session.line(each)
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["time"]))
    subject = " ".join(filter(None, (each["balancer"], short(each["member"]))))
    text = f"{subject}: {each['text']}" if subject else each["text"]
    who = f" ({_short_who(each['who'])})" if each["who"] else ""
    hang(session.world.console, Text(f"{when} {plain(each['kind']):<7}"), Text(plain(text + who)))


def _short_who(who: str) -> str:
    """
    Leave out of somebody on the control socket what the log is for, but not a user's name.
    """
    found = _LOCAL.fullmatch(who)
    return f"{found[2] or found[1]}, socket" if found else who


def _end_after(
    most: int | None,
    found: Iterator[Report],
    tell: Callable[[Session, Report], None],
    session: Session,
) -> None:
    for number, each in enumerate(found, 1):
        if session.as_json:
            session.line(each)
        else:
            tell(session, each)
        if most is not None and number >= most:
            return
