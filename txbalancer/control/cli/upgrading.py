"""
C{txbalancer upgrade}: another process takes the place of the one that serves.
"""

from __future__ import annotations

from typing import Any

import click

from txbalancer.control.cli.plain import counted, plain
from txbalancer.control.cli.session import Session, command
from txbalancer.control.cli.waiting import INTERVAL

_LONGEST = 3600.0
"""Seconds that C{upgrade-timeout} may be."""


def add_upgrade(group: click.Group) -> None:
    """
    Add C{upgrade} to the command.
    """

    @command(group, "upgrade")
    @click.option("--wait", is_flag=True, help="Wait until the process of before has ended, too.")
    def upgrade(session: Session, wait: bool) -> None:
        """
        Let a new process take over, without a connection being refused.

        It does what SIGUSR2 does: the command line of the service is run again, with the
        program and the configuration as they are on the disk now. The new process gets the
        open sockets and all that was changed, found and counted; the old one ends with its
        last connection, after graceful-timeout at the latest. If the new one fails to start,
        nothing changes, and the exit code is 1.
        """
        answer = session.client.send("POST", "/upgrade", seconds=_LONGEST).value
        if not session.as_json:
            click.echo(
                f"process {answer['pid']}, version {plain(answer['version'])}, serves in place"
                f" of process {answer['former']}"
            )
        if wait:
            _wait(session, answer)
        if session.as_json:
            session.json(answer)


def _wait(session: Session, answer: dict[str, Any]) -> None:
    told = None
    while True:
        former = session.client.get("/upgrade").value["former"]
        if former is None or former["pid"] != answer["former"]:
            break
        if former["connections"] != told and not session.as_json:
            told = former["connections"]
            click.echo(f"process {former['pid']}: {counted(told, 'connection')} left")
        session.world.sleep(INTERVAL)
    if not session.as_json:
        click.echo(f"process {answer['former']} has ended")
