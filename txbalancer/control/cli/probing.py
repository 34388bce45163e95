"""
C{txbalancer probe}: ask a member now, and see what it said.
"""

from __future__ import annotations

import time
from typing import Any

import click
from rich.text import Text

from txbalancer.control.cli import completion
from txbalancer.control.cli.exits import REFUSED
from txbalancer.control.cli.members import balancer_argument, chosen, where
from txbalancer.control.cli.naming import Target, find_balancers
from txbalancer.control.cli.plain import moment, plain
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.tables import show, toned

Report = dict[str, Any]


def add_probe(group: click.Group) -> None:
    """
    Add C{probe} to a group.
    """

    @command(group, "probe")
    @balancer_argument
    @click.argument("members", metavar="[MEMBER…]", nargs=-1, shell_complete=completion.members)
    @click.option("--past", is_flag=True, help="Show the last probes instead of asking now.")
    def probe(session: Session, balancer: str, members: tuple[str, ...], past: bool) -> None:
        """
        Ask members now whether they are well.

        Without a MEMBER all of the balancer are asked, one after the other.

        It shows what was said. What is asked is the member's own health check; it counts like
        any other. The exit code is 1 when one does not pass.
        """
        found = [
            (target, each)
            for target in _asked(session, balancer, members)
            for each in (_past(session, target) if past else _now(session, target))
        ]
        if session.as_json:
            session.json(
                {
                    "probes": [
                        {"balancer": target.balancer, "member": target.url, **each}
                        for target, each in found
                    ]
                }
            )
        if not past and not all(each["passed"] for _, each in found):
            click.get_current_context().exit(REFUSED)


def _asked(session: Session, balancer: str, members: tuple[str, ...]) -> list[Target]:
    if members:
        return chosen(session, balancer, members)
    found = find_balancers(session.client.get("/").value, (balancer,))
    return [Target(one["name"], each["url"]) for one in found for each in one["members"]]


def _now(session: Session, target: Target) -> list[Report]:
    result = session.client.send("POST", f"{where(target)}/probe").value
    if not session.as_json:
        _tell(session, target, result)
    return [result]


def _past(session: Session, target: Target) -> list[Report]:
    found: list[Report] = session.client.get(f"{where(target)}/probes").value["probes"]
    if not session.as_json:
        for each in found:
            _tell(session, target, each)
        if not found:
            click.echo(f"{plain(target.shown)}: no probe so far")
    return found


def _tell(session: Session, target: Target, result: Report) -> None:
    words = "passed" if result["passed"] else "failed"
    line = Text(f"{_when(result)}{plain(target.shown)}: ")
    line.append_text(toned(words, "good" if result["passed"] else "bad"))
    line.append(f" in {moment(result['seconds'])}: {plain(result['text'])}")
    lines = [Text(f"    {plain(each)}") for each in result["transcript"].splitlines()]
    show(session.world.console, line, *lines)


def _when(result: Report) -> str:
    if result.get("when") is None:
        return ""
    return time.strftime("%H:%M:%S ", time.localtime(result["when"]))
