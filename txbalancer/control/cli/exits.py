"""
How a command ends: exit codes, and faults that say what to do about them.
"""

from __future__ import annotations

from typing import IO, Any

import click

from txbalancer.control.cli.plain import plain

REFUSED = 1
USAGE = 2
UNREACHED = 3
UNKNOWN = 4
TIMED_OUT = 5
CHANGED = 6
INTERRUPTED = 130

MEANINGS = {
    0: "done",
    REFUSED: "refused, or something failed",
    USAGE: "the command was not written right",
    UNREACHED: "the service was not reached",
    UNKNOWN: "no such balancer or member",
    TIMED_OUT: "the --timeout of a --wait was over",
    CHANGED: "somebody else changed it meanwhile",
    INTERRUPTED: "ended by Ctrl-C",
}


class Fault(click.ClickException):
    """
    Ends the command, with what is wrong and what to do about it on standard error.

    @ivar remedy: the latter.
    """

    exit_code: int  # type: ignore[misc]  # click has one for the class

    def __init__(self, message: str, code: int = REFUSED, remedy: str = "") -> None:
        """
        @param code: one of L{MEANINGS}.
        @param remedy: what to do about it, in one or more lines; may be empty.
        """
        super().__init__(message)
        self.exit_code = code
        self.remedy = remedy

    def show(self, file: IO[Any] | None = None) -> None:
        """
        Print it.
        """
        first, *more = self.message.splitlines() or [""]
        click.echo(f"txbalancer: {plain(first)}", file=file, err=file is None)
        for line in (*more, *self.remedy.splitlines()):
            click.echo(f"  {plain(line)}", file=file, err=file is None)


def exit_codes() -> str:
    """
    Return the table of exit codes for the help.
    """
    rows = "\n".join(f"  {code:<4}{meaning}" for code, meaning in MEANINGS.items())
    return f"Exit codes:\n{rows}"
