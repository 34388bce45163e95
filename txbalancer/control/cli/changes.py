"""
Changes that were made, in one line each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.text import Text

from txbalancer.control.cli.naming import Target
from txbalancer.control.cli.plain import plain
from txbalancer.control.cli.session import Session
from txbalancer.control.cli.tables import show, toned


def warn(answer: Mapping[str, Any]) -> None:
    """
    Print what an answer warns of.
    """
    if answer.get("warning"):
        click.echo(f"warning: {plain(answer['warning'])}", err=True)


def note(session: Session, balancer: str, answer: Mapping[str, Any]) -> None:
    """
    Remember what a command changed, and print what that brought about.

    @param answer: of the API, with C{change}; without differences there was none.
    """
    warn(answer)
    change = answer.get("change") or {}
    if change.get("before") or change.get("after"):
        session.changed.append(balancer)


def tell_undo(session: Session) -> None:
    """
    Say how a command is taken back that made several changes: undo is for one.
    """
    made = session.changed
    if len(made) < 2 or session.as_json:
        return
    where = f" {made[0]}" if len(set(made)) == 1 else ""
    click.echo(
        f"{len(made)} changes; `txbalancer undo{plain(where)}` takes back one at a time,"
        " the last one first",
        err=True,
    )


def told(change: Mapping[str, Any]) -> str:
    """
    Say what a change made of what: C{loadfactor 1 -> 2}; flags are told by their effect.
    """
    before, after = change.get("before") or {}, change.get("after") or {}
    parts = []
    for key in {**before, **after}:
        if key == "member":
            parts.append("added" if after.get(key) else "removed")
        elif key not in ("state", "status"):
            parts.append(f"{key} {_value(before.get(key))} -> {_value(after.get(key))}")
    return ", ".join(parts)


def _value(value: Any) -> str:
    return "unset" if value in (None, "") else str(value)


def tell_member(session: Session, target: Target, answer: Mapping[str, Any]) -> None:
    """
    Print what became of a member.

    @param answer: of the API: the member's report, with C{change}.
    """
    note(session, target.balancer, answer)
    if session.as_json:
        return
    change = answer.get("change") or {}
    status, changed = answer["status"], told(change)
    line = Text(plain(f"{target.shown}: {changed}; " if changed else f"{target.shown}: "))
    line.append_text(toned(status["text"], status["tone"]))
    if not change.get("after") and not change.get("before"):
        line.append(" (was so already)")
    show(session.world.console, line)
