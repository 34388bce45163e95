"""
A service's report as tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from txbalancer.control.cli.naming import short
from txbalancer.control.cli.plain import counted, moment, plain, rate, share, size, span
from txbalancer.control.cli.tables import NONE, Cell, Column, table, toned
from txbalancer.control.cli.waiting import drain_line
from txbalancer.control.cli.world import UNBOUND
from txbalancer.control.discovered import in_words
from txbalancer.core.values import for_so_long

Report = dict[str, Any]

MEMBER_COLUMNS = (
    Column("member"),
    Column("route", 60),
    Column("factor", 50, number=True),
    Column("set", 25, number=True),
    Column("elected", 30, number=True),
    Column("busy", 75, number=True),
    Column("req/s", 80, number=True),
    Column("failed", 70, number=True),
    Column("p50", 40, number=True),
    Column("p95", 65, number=True),
    Column("to", 15, number=True),
    Column("from", 14, number=True),
    Column("pool", 20, number=True),
    Column("probe", 35),
    Column("state", 100, words=True),
)

WORKER_COLUMNS = (
    Column("worker", number=True),
    Column("process", 60, number=True),
    Column("up", 50, number=True),
    Column("cpu", 90, number=True),
    Column("memory", 80, number=True),
    Column("connections", 85, number=True),
    Column("busy", 70, number=True),
    Column("requests", 95, number=True),
)

BALANCER_COLUMNS = (
    Column("balancer"),
    Column("lbmethod", 50),
    Column("sticky", 30),
    Column("requests", 40, number=True),
    Column("req/s", 80, number=True),
    Column("failed", 70, number=True),
    Column("busy", 60, number=True),
    Column("queue", 65, number=True),
    Column("members", 100, words=True),
)


_START = 1.0
"""Seconds by which a process may be younger than its service without an upgrade."""


def failed(requests: Report) -> int:
    """
    Count what was answered with 5xx, or not at all.
    """
    classes = requests["classes"]
    return int(classes["5xx"] + classes["none"])


def attempts(member: Report) -> tuple[int, int]:
    """
    Count the attempts at a member that failed, or were answered with 5xx, and all of them; also
    those after which another member was asked, of which clients know nothing.
    """
    requests = member["requests"]
    last = requests["failures"]
    retried = sum(
        max(0, count - last.get(reason, 0)) for reason, count in requests["failed_attempts"].items()
    )
    return failed(requests) + retried, requests["total"] + retried


def service_lines(service: Report, shown: str) -> Iterator[RenderableType]:
    """
    Tell about a service as a whole.
    """
    requests = service["requests"]
    total = requests["total"]
    up = f"up {span(service['uptime'])}"
    # Not there in answers of older services. A start takes some time itself.
    younger = service["uptime"] - service.get("process_uptime", service["uptime"])
    if younger > _START:
        up += f", upgraded {span(service['process_uptime'])} ago"
    yield Text(
        f"txbalancer {plain(service['version'])}, process {service['pid']}, {up}, {plain(shown)}",
        style="bold",
    )
    ended = f"{counted(total, 'request')}, {share(failed(requests), total)} failed"
    yield Text(f"{counted(service['connections'], 'connection')} of clients, {ended}")


def workers_table(service: Report, now: float, width: int) -> Iterator[RenderableType]:
    """
    Tell about worker processes, if there are any.

    @param now: seconds since the epoch.
    """
    rows: list[list[Cell]] = [
        [
            str(each["number"]),
            str(each["pid"]),
            span(max(0.0, now - each["started"])),
            span(each["cpu"]),
            size(each["memory"]),
            str(each["connections"]),
            str(each["in_flight"]),
            str(each["requests"]),
        ]
        for each in service.get("workers", ())
    ]
    if rows:
        yield Text("")
        yield table(WORKER_COLUMNS, rows, width)


def balancer_parts(balancer: Report, now: float, width: int) -> Iterator[RenderableType]:
    """
    Tell about a balancer and its members.

    @param now: seconds since the epoch.
    """
    yield Text("")
    yield _title(balancer)
    for text in balancer["alarms"]:
        yield Text(plain(text), style="bold red")
    if balancer["members"]:
        rows = [member_row(each, now) for each in balancer["members"]]
        yield table(MEMBER_COLUMNS, quiet(MEMBER_COLUMNS, rows, width), width)
    for note in _notes(balancer, now):
        yield Text(f"* {plain(note)}")


def _title(balancer: Report) -> Text:
    requests = balancer["requests"]
    title = Text(plain(balancer["name"]), style="bold")
    parts = [balancer["summary"], f"{rate(_rate(balancer))} req/s"]
    parts.append(f"{share(failed(requests), requests['total'])} failed")
    if balancer["queue"]:
        parts.append(f"{balancer['queue']} waiting")
    title.append(f"  {plain(', '.join(map(str, parts)))}", style="not bold")
    return title


def _rate(balancer: Report) -> float:
    return sum(float(each["rate"]) for each in balancer["members"])


def member_row(member: Report, now: float) -> list[Cell]:
    """
    Return the cells of a member, in the order of L{MEMBER_COLUMNS}.

    @param now: seconds since the epoch.
    """
    times, pool = member["times"], member["pool"]
    last = member["health"]["last"]
    changed = "*" if member["overrides"] or member["temporary"] or member["added"] else ""
    return [
        short(member["url"]) + changed,
        member["route"],
        f"{member['loadfactor']:g}",
        str(member["lbset"]),
        str(member["elected"]),
        str(member["busy"]),
        rate(member["rate"]),
        share(*attempts(member)),
        moment(times["p50"]),
        moment(times["p95"]),
        size(member["to"]),
        size(member["from"]),
        "" if pool is None else f"{pool['busy']}+{pool['idle']}",
        "" if last is None else f"{'ok' if last['passed'] else 'failed'} {moment(last['seconds'])}",
        _state(member["status"], now),
    ]


def _state(status: Report, now: float) -> Cell:
    text, since = status["text"], status["since"]
    if status["tone"] != "good" and since is not None:
        text = for_so_long(text, span(now - since))
    return toned(text, status["tone"])


def quiet(columns: Sequence[Column], rows: list[list[Cell]], width: int) -> list[list[Cell]]:
    """
    Empty what no person asks about, so that its column goes away: times of members without
    requests, and sets where there is one.
    """
    for place, column in enumerate(columns):
        nothing = {"p50": NONE, "p95": NONE, "set": "0"}.get(column.name)
        if width < UNBOUND and nothing and all(row[place] == nothing for row in rows):
            for row in rows:
                row[place] = ""
    return rows


def _notes(balancer: Report, now: float) -> Iterator[str]:
    """
    Yield what is not as the configuration says, and how sources of members do.
    """
    for each in balancer["overrides"]:
        yield _override(each)
    for each in balancer.get("discovery", ()):  # not there in answers of older services
        yield in_words(each, now)
    named = {each["url"]: each["source"] for each in balancer.get("dismissed", ())}
    for url in balancer["removed"]:
        text = f"{short(url)} was removed at run time"
        if url in named:
            text += f"; {named[url]} still names it, `member add` brings it back"
        yield text
    for member in balancer["members"]:
        name, temporary = short(member["url"]), member["temporary"]
        if member["added"]:
            yield f"{name} was added at run time"
        if member["drain"] is not None:
            yield f"{name}: {drain_line(member)}"
        for each in member["overrides"]:
            yield f"{name}: {_override(each)}"
        if temporary is not None:
            left = span(temporary["until"] - now)
            yield f"{name}: loadfactor {temporary['loadfactor']:g} comes back in {left}"


def _override(each: Report) -> str:
    live, configured = each["live"] or "unset", each["configured"] or "unset"
    return f"{each['option']} = {live}, in the configuration {configured}"


def balancer_row(balancer: Report) -> list[Cell]:
    """
    Return the cells of a balancer, in the order of L{BALANCER_COLUMNS}.
    """
    requests, options = balancer["requests"], balancer["options"]
    return [
        balancer["name"] + ("*" if balancer["overrides"] or balancer["removed"] else ""),
        options["lbmethod"],
        options.get("stickysession") or options.get("stickycookie") or "",
        str(requests["total"]),
        rate(_rate(balancer)),
        share(failed(requests), requests["total"]),
        str(sum(each["busy"] for each in balancer["members"])),
        str(balancer["queue"]),
        toned(balancer["summary"], _tone(balancer)),
    ]


def _tone(balancer: Report) -> str:
    usable = [each["status"]["usable"] for each in balancer["members"]]
    return "good" if all(usable) and usable else "watch" if any(usable) else "bad"
