"""
C{--wait}: a command that ends when what it asked for has come about.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import click
from rich.live import Live
from rich.text import Text

from txbalancer.control.cli.client import path
from txbalancer.control.cli.exits import CHANGED, TIMED_OUT, UNKNOWN, Fault
from txbalancer.control.cli.naming import Target
from txbalancer.control.cli.plain import counted, plain, span
from txbalancer.control.cli.session import Session
from txbalancer.control.cli.tables import toned
from txbalancer.core import values

INTERVAL = 0.5
"""Seconds between two looks."""

Report = dict[str, Any]


class Goal(NamedTuple):
    """
    What is waited for.

    @ivar help: what C{--wait} says of it.
    @ivar reached: tells from a member's report.
    @ivar line: says how far it is.
    @ivar broken: says that somebody undid what was asked for; empty while nobody did.
    @ivar goes_on: what is true when nobody waits any more.
    """

    help: str
    reached: Callable[[Report], bool]
    line: Callable[[Report], str]
    broken: Callable[[Report], str]
    goes_on: str


def _text(report: Report) -> str:
    return str(report["status"]["text"])


def _letters(report: Report) -> str:
    return str(report["status"]["letters"])


def _busy(report: Report) -> str:
    return f"{_text(report)}, {report['busy']} in progress"


def drain_line(report: Report) -> str:
    """
    Say what a draining member still has, since when it drains, and when that may be over.
    """
    found = report["drain"]
    if found["done"]:
        return (
            f"empty: no request of a session for {span(found['quiet'])}"
            if found["quiet"]
            else "empty"
        )
    parts = [f"{_since(found)}{report['busy']} in progress", _sessions(found)]
    if found.get("early"):
        parts.append("too early to tell for how long")
    elif found["left"] is None and found["sticky"]:
        parts.append("no end in sight: sessions do not become fewer")
    elif found["left"]:
        parts.append(f"empty in about {span(found['left'])}")
    return ", ".join(parts)


def _since(found: Report) -> str:
    if found["since"] is None:
        return ""
    return time.strftime("draining since %H:%M:%S: ", time.localtime(found["since"]))


def _sessions(found: Report) -> str:
    if not found["sticky"] and not found["quiet"]:
        return "no request of a session so far"
    if not found["sticky"]:
        return f"no request of a session for {span(found['quiet'])}"
    before = f", {found['sticky_before']} in the one before" if found["sticky_before"] else ""
    return f"{counted(found['sticky'], 'request')} of sessions in the last minute{before}"


USED = Goal(
    "Wait until it is in use, as its health checks and failures allow.",
    lambda report: bool(report["status"]["usable"]),
    _text,
    lambda report: "disabled" if "D" in _letters(report) else "",
    "It goes on by itself.",
)
IDLE = Goal(
    "Wait until no request is in progress.",
    lambda report: not report["busy"],
    _busy,
    lambda report: "" if set(_letters(report)) & {"D", "S"} else "in use again",
    "It stays so; requests in progress go on.",
)
EMPTY = Goal(
    "Wait until nothing is in progress and no session comes any more.",
    lambda report: bool(report["drain"] and report["drain"]["done"]),
    drain_line,
    lambda report: "no longer draining" if report["drain"] is None else "",
    "It goes on draining; `txbalancer member enable` ends that.",
)


def wait_option(text: str) -> Callable[..., Any]:
    """
    Make C{--wait}.
    """
    return click.option("--wait", is_flag=True, help=text)


def _duration(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    if value is None:
        return None
    try:
        return values.duration()(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


timeout_option = click.option(
    "--timeout",
    metavar="TIME",
    callback=_duration,
    help="Give up waiting after that, such as 90s or 10min, with exit code 5.",
)


class _Screen:
    """
    How far each member is: lines that change on a terminal, else a new line for each change.
    """

    def __init__(self, session: Session) -> None:
        console = session.world.console
        self._lines: dict[Target, Text] = {}
        self._told: dict[Target, str] = {}
        self._quiet = session.as_json
        self._live = (
            Live(console=console, auto_refresh=False, transient=True)
            if console.is_terminal and not self._quiet
            else None
        )

    def __enter__(self) -> _Screen:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, target: Target, report: Report, text: str) -> None:
        """
        Show how far one is.
        """
        if self._live is not None:
            self._lines[target] = toned(f"{target.shown}: {text}", report["status"]["tone"])
            self._live.update(Text("\n").join(self._lines.values()), refresh=True)
        else:
            self._print(target, report, text)

    def end(self, target: Target, report: Report, text: str) -> None:
        """
        Show that one is where it should be.
        """
        self._lines.pop(target, None)
        if self._live is not None:
            self._live.console.print(toned(f"{target.shown}: {text}", "good"))
        else:
            self._print(target, report, text)

    def _print(self, target: Target, report: Report, text: str) -> None:
        # What the change itself has told is not told again.
        told = self._told.setdefault(target, _steady(_text(report)))
        if not self._quiet and _steady(text) != told:
            self._told[target] = _steady(text)
            click.echo(f"{plain(target.shown)}: {plain(text)}")


def _steady(text: str) -> str:
    """
    Leave out of a line the times that pass by themselves.
    """
    for passing in (" so far", " for ", ", empty in", "; tried again", ", next check"):
        text = text.partition(passing)[0]
    return text


Then = Callable[[Target, Report, str], None]


def wait_for(
    session: Session,
    targets: list[Target],
    goal: Goal,
    timeout: float | None,
    then: Then | None = None,
) -> dict[Target, Report]:
    """
    Wait until all members have reached a goal.

    @param then: is called for each that has, with its report and the tag of its state.
    @return: the last reports.
    @raise Fault: C{TIMED_OUT}, or C{CHANGED} when somebody else interferes.
    """
    begun = session.world.clock()
    reports: dict[Target, Report] = {}
    pending = list(targets)
    try:
        with _Screen(session) as screen:
            while True:
                since = session.world.clock() - begun
                for target in list(pending):
                    report, etag = _look(session, target, goal)
                    reports[target] = report
                    if goal.reached(report):
                        pending.remove(target)
                        screen.end(target, report, goal.line(report))
                        if then is not None:
                            then(target, report, etag)
                    else:
                        screen.tell(target, report, goal.line(report))
                if not pending:
                    return reports
                if timeout is not None and since >= timeout:
                    raise _timed_out(pending[0], reports[pending[0]], goal, timeout)
                session.world.sleep(INTERVAL)
    except KeyboardInterrupt:
        click.echo(f"not waiting any more. {goal.goes_on}", err=True)
        raise


def _look(session: Session, target: Target, goal: Goal) -> tuple[Report, str]:
    try:
        answer = session.client.get(path("balancers", target.balancer, "members", target.url))
    except Fault as fault:
        if fault.exit_code == UNKNOWN:
            raise Fault(f"{target.shown} was removed meanwhile", CHANGED) from fault
        raise
    broken = goal.broken(answer.value)
    if broken:
        raise Fault(
            f"{target.shown} is {broken}",
            CHANGED,
            "Somebody else changed it meanwhile; `txbalancer events` shows who.",
        )
    return answer.value, answer.etag


def _timed_out(target: Target, report: Report, goal: Goal, timeout: float) -> Fault:
    return Fault(
        f"{target.shown} after {span(timeout)}: {goal.line(report)}", TIMED_OUT, goal.goes_on
    )
