"""
C{txbalancer member drain}, to the end.
"""

from __future__ import annotations

from typing import Any

import click

from txbalancer.control.cli.changes import tell_member
from txbalancer.control.cli.members import (
    balancer_argument,
    change,
    chosen,
    finish,
    members_argument,
    take_away,
    where,
)
from txbalancer.control.cli.naming import Target
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.waiting import EMPTY, timeout_option, wait_for, wait_option

Reports = dict[Target, dict[str, Any]]


def add_drain(group: click.Group) -> None:
    """
    Add C{drain} and C{remove} to the commands of members.
    """

    @command(group, "drain")
    @balancer_argument
    @members_argument
    @wait_option(EMPTY.help)
    @timeout_option
    @click.option(
        "--then",
        type=click.Choice(("disable", "remove")),
        help="What to do with each when it is empty; waits for that.",
    )
    def drain(
        session: Session,
        balancer: str,
        members: tuple[str, ...],
        wait: bool,
        timeout: float | None,
        then: str | None,
    ) -> None:
        """
        Let members keep their sessions, and take no others.

        With --wait it shows the end coming: what is in progress, what sessions still come, and
        when that may be over. A member is empty when nothing is in progress and no session was
        heard of for a minute.
        """
        drain_members(session, chosen(session, balancer, members), then, timeout, wait)

    @command(group, "remove")
    @balancer_argument
    @members_argument
    @wait_option("Drain each first, and remove it when it is empty.")
    @timeout_option
    def remove(
        session: Session, balancer: str, members: tuple[str, ...], wait: bool, timeout: float | None
    ) -> None:
        """
        Take members away.

        Requests in progress go on. `txbalancer undo` brings one back.
        """
        targets = chosen(session, balancer, members)
        if wait:
            drain_members(session, targets, "remove", timeout)
        else:
            finish(session, [(target, take_away(session, target)) for target in targets])


def drain_members(
    session: Session,
    targets: list[Target],
    then: str | None,
    timeout: float | None,
    waits: bool = True,
) -> None:
    """
    Drain members.

    @param then: C{disable} or C{remove}, once one is empty, if nobody else has changed it.
    @param waits: whether to wait for the end where nothing comes then.
    """
    changed = [(target, change(session, target, {"drain": True})) for target in targets]
    if not waits and then is None:
        finish(session, changed)
        return
    reports: Reports = {}

    def empty(target: Target, report: dict[str, Any], etag: str) -> None:
        if then == "remove":
            reports[target] = take_away(session, target, etag)
        elif then == "disable":
            answer = session.client.send("PATCH", where(target), {"disabled": True}, etag).value
            tell_member(session, target, answer)
            reports[target] = answer

    last = wait_for(session, targets, EMPTY, timeout, empty)
    finish(session, [(target, reports.get(target, last[target])) for target in targets])
