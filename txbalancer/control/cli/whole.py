"""
C{txbalancer undo} and C{txbalancer reload}.
"""

from __future__ import annotations

import click

from txbalancer.control.cli import completion
from txbalancer.control.cli.changes import told, warn
from txbalancer.control.cli.naming import short
from txbalancer.control.cli.plain import counted, plain
from txbalancer.control.cli.session import Session, command


def add_whole(group: click.Group) -> None:
    """
    Add both to the command.
    """

    @command(group, "undo")
    @click.argument("balancer", required=False, shell_complete=completion.balancers)
    def undo(session: Session, balancer: str | None) -> None:
        """
        Take back the last change that somebody made.

        With BALANCER the last one there. Again takes back the one before it.
        """
        answer = session.client.send(
            "POST", "/undo", {"balancer": balancer} if balancer else {}
        ).value
        warn(answer)
        if session.as_json:
            session.json(answer)
            return
        subject = " ".join(filter(None, (answer["balancer"], short(answer["member"]))))
        click.echo(f"undone: {plain(subject)}: {plain(_told(answer['change']))}")

    @command(group, "reload")
    def reload(session: Session) -> None:
        """
        Let the service read its configuration again.

        It does what SIGHUP does, and drops no request. A file with faults changes nothing:
        see `txbalancer check -c FILE`.
        """
        answer = session.client.send("POST", "/reload").value
        warn(answer)
        if session.as_json:
            session.json(answer)
            return
        for each in answer["changes"]:
            click.echo(plain(each))
        click.echo(f"reload done: {counted(len(answer['changes']), 'change')}")


def _told(change: dict[str, dict[str, str | None]]) -> str:
    if "member" in change["after"]:
        return "is there again" if change["after"]["member"] else "is gone again"
    state = {key: each.get("state") for key, each in change.items()}
    flags = f"state {state.get('before')} -> {state.get('after')}" if state.get("after") else ""
    return ", ".join(filter(None, (told(change), flags))) or "that had changed nothing"
