"""
C{txbalancer member …}: one member or several, by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from txbalancer.control.cli import completion, waiting
from txbalancer.control.cli.changes import note, tell_member, tell_undo
from txbalancer.control.cli.client import path
from txbalancer.control.cli.naming import Target, find_members
from txbalancer.control.cli.pairs import MEMBER, complete_pairs, read_pairs
from txbalancer.control.cli.plain import plain
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.waiting import timeout_option, wait_option

Fields = dict[str, Any]

member_group = click.Group(
    "member",
    help="See and steer members of a balancer. A MEMBER is meant by its URL, its route or"
    " HOST:PORT; a pattern in quotes means several: 'web*'. A pattern as BALANCER means the"
    " members in each that has them.",
    short_help="See and steer members of a balancer.",
)

balancer_argument = click.argument("balancer", shell_complete=completion.balancers)
members_argument = click.argument(
    "members", metavar="MEMBER…", nargs=-1, required=True, shell_complete=completion.members
)
member_argument = click.argument("member", metavar="MEMBER", shell_complete=completion.members)


def where(target: Target) -> str:
    """
    Return the path of a member in the API.
    """
    return path("balancers", target.balancer, "members", target.url)


def chosen(session: Session, balancer: str, members: tuple[str, ...]) -> list[Target]:
    """
    Ask for the members that are meant.
    """
    return find_members(session.client.get("/").value, balancer, members)


def change(session: Session, target: Target, fields: Fields) -> dict[str, Any]:
    """
    Change a member unless somebody else does so at the same moment, and tell it.

    @return: what the service answered.
    """
    etag = session.client.get(where(target)).etag
    answer: dict[str, Any] = session.client.send("PATCH", where(target), fields, etag).value
    tell_member(session, target, answer)
    return answer


def finish(session: Session, changed: list[tuple[Target, dict[str, Any]]]) -> None:
    """
    Print the document of a command for members, or how to take back what it did.
    """
    tell_undo(session)
    if session.as_json:
        members = [{"balancer": target.balancer, **answer} for target, answer in changed]
        session.json({"members": members})


def _set_all(
    session: Session,
    targets: list[Target],
    fields: Fields,
    goal: waiting.Goal | None,
    timeout: float | None,
) -> None:
    changed = [(target, change(session, target, fields)) for target in targets]
    if goal is not None:
        reports = waiting.wait_for(session, targets, goal, timeout)
        changed = [(target, reports[target]) for target in targets]
    finish(session, changed)


def _flag_command(name: str, fields: Fields, text: str, goal: waiting.Goal | None) -> None:
    def run(
        session: Session,
        balancer: str,
        members: tuple[str, ...],
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        targets = chosen(session, balancer, members)
        _set_all(session, targets, fields, goal if wait else None, timeout)

    run.__doc__ = text
    function: Callable[..., None] = run
    if goal is not None:
        function = wait_option(goal.help)(timeout_option(function))
    command(member_group, name)(balancer_argument(members_argument(function)))


_flag_command(
    "enable",
    {"disabled": False, "drain": False, "ejected": False, "tripped": False},
    "Let members take requests again.\n\nIt ends `disable` and `drain`, an ejection for what their"
    " traffic showed, and closes their circuit breakers.",
    waiting.USED,
)
_flag_command(
    "disable",
    {"disabled": True},
    "Let members take no requests.\n\nThose in progress go on.",
    waiting.IDLE,
)
_flag_command(
    "stop",
    {"stopped": True},
    "Let members take neither requests nor health checks.",
    waiting.IDLE,
)
_flag_command(
    "start",
    {"stopped": False},
    "Let stopped members take requests and health checks again.",
    waiting.USED,
)


def _role_command(name: str, text: str) -> None:
    def run(session: Session, balancer: str, members: tuple[str, ...], off: bool) -> None:
        _set_all(session, chosen(session, balancer, members), {name: not off}, None, None)

    run.__doc__ = text
    off = click.option("--off", is_flag=True, help="End it.")
    command(member_group, name)(balancer_argument(members_argument(off(run))))


_role_command("standby", "Keep members in reserve until all others are out.")
_role_command("spare", "Keep members in reserve until another one is out.")


@command(member_group, "set")
@balancer_argument
@member_argument
@click.argument(
    "pairs", metavar="KEY=VALUE…", nargs=-1, required=True, shell_complete=complete_pairs(MEMBER)
)
def set_(session: Session, balancer: str, member: str, pairs: tuple[str, ...]) -> None:
    """
    Change options of members, as they are written in conf.ini.

    \b
    loadfactor=2               another share of the traffic, 1 to 100
    loadfactor=2 lasting=10min for some time, then the former one again
    lbset=1  route=a  redirect=b
    hcmethod=get  hcuri=/up  hcinterval=5s  hcpasses=1  hcfails=2  hcexpr=NAME
    drain=on  disabled=on  stopped=on  standby=on  spare=on  ignore_errors=on
    error=off  hc_failed=off   try one that is out again at once
    ejected=off  tripped=off   the same after an ejection, or its circuit breaker
    """
    fields = read_pairs(pairs, MEMBER)
    _set_all(session, chosen(session, balancer, (member,)), fields, None, None)


@command(member_group, "add")
@balancer_argument
@click.argument("url")
@click.argument("pairs", metavar="[KEY=VALUE…]", nargs=-1, shell_complete=complete_pairs(MEMBER))
@wait_option(waiting.USED.help)
@timeout_option
def add(
    session: Session,
    balancer: str,
    url: str,
    pairs: tuple[str, ...],
    wait: bool,
    timeout: float | None,
) -> None:
    """
    Add a member, or bring back one that was removed.

    Options are written as in conf.ini. It takes requests at once; where that is too early:
    status=+D, then `member enable`.
    """
    fields = {"url": url, **read_pairs(pairs, MEMBER)}
    there = {409: "Change it with `txbalancer member set`."}
    members = path("balancers", balancer, "members")
    answer = session.client.send("POST", members, fields, remedies=there).value
    target = Target(balancer, answer["url"])
    tell_member(session, target, answer)
    if wait:
        answer = waiting.wait_for(session, [target], waiting.USED, timeout)[target]
    finish(session, [(target, answer)])


def take_away(session: Session, target: Target, etag: str = "") -> dict[str, Any]:
    """
    Remove a member.

    @param etag: of the state in which it may be removed; empty for that of now.
    """
    etag = etag or session.client.get(where(target)).etag
    answer: dict[str, Any] = session.client.send("DELETE", where(target), None, etag).value or {}
    note(session, target.balancer, answer)
    if not session.as_json:
        click.echo(f"{plain(target.shown)}: removed")
    return {"url": target.url, **answer}


@command(member_group, "revert")
@balancer_argument
@members_argument
def revert(session: Session, balancer: str, members: tuple[str, ...]) -> None:
    """
    Let the configuration of members hold again.

    What was changed about them at run time is given up.
    """
    changed = []
    for target in chosen(session, balancer, members):
        answer = session.client.send("POST", f"{where(target)}/revert").value
        tell_member(session, target, answer)
        changed.append((target, answer))
    finish(session, changed)
