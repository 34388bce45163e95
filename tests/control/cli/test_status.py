"""
Reports as tables.
"""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.control.cli.services import Service, serving
from txbalancer.control.cli.tables import Column, show, table, toned
from txbalancer.control.cli.world import make_console
from txbalancer.core import flags
from txbalancer.errors import ConnectFailed

COLUMNS = (
    *("member", "route", "factor", "set", "elected", "busy", "req/s", "failed"),
    *("p50", "p95", "to", "from", "pool", "probe", "state"),
)


def test_what_there_is(service: Service) -> None:
    """
    The service, its balancers and their members are shown, with their state in words.
    """
    first, second, empty, title, heading, *rows = service.lines("status", "shop")
    assert first.startswith("txbalancer ")
    assert first.endswith(str(service.path))
    assert second == "0 connections of clients, 0 requests, 0 % failed"
    assert empty == ""
    assert title == "shop  3 members: 2 in use, 1 in reserve or draining, 0 req/s, 0 % failed"
    assert heading.split() == [*COLUMNS]
    assert [row.split()[:2] for row in rows] == [
        ["10.0.0.1", "web1"],
        ["10.0.0.2:8080", "web2"],
        ["10.0.0.3", "db"],
    ]
    assert rows[0].endswith("  in use")
    assert rows[2].endswith("  hot standby: takes requests when all others are out")


def test_how_long_members_are_out(service: Service) -> None:
    """
    Beside the reason stands for how long: C{in use} has none, nor what was so from the start.
    """
    service.run("member", "disable", "shop", "web1")
    service.rig.advance(200)
    rows = service.lines("status", "shop")[5:8]
    assert rows[0].endswith("  out for 3 min 20 s: disabled")
    assert rows[1].endswith("  in use")
    assert rows[2].endswith(" when all others are out")


def test_how_far_a_drain_is(service: Service) -> None:
    """
    What a draining member still has is below the table, with since when.
    """
    service.run("member", "drain", "shop", "web1")
    service.rig.balancer("shop").members[0].busy = 2
    (line,) = [each for each in service.lines("status", "shop") if each.startswith("* 10.0.0.1: d")]
    assert line.startswith("* 10.0.0.1: draining since ")
    assert ": 2 in progress, no request of a session so far" in line


def test_what_is_wrong_with_a_balancer_as_a_whole(service: Service) -> None:
    """
    It stands above its members.
    """
    lb = service.rig.balancer()
    lb.respec(replace(lb.spec, breaker_percent=50, breaker_requests=1))
    lb.lost(ConnectFailed("refused"), service.rig.runtime.now())
    assert service.lines("status", "shop")[4] == (
        "Circuit breaker open: 1 of 1 requests failed; requests get 503 for 10 s"
    )


def test_all_balancers(service: Service) -> None:
    """
    Without a name all balancers are shown; a wrong name ends with code 4.
    """
    assert [line[:4] for line in service.lines("status") if "member" in line[:14]] == [
        "shop",
        "memb",
        "two ",
        "memb",
    ]
    found = service.run("status", "tow")
    assert (found.exit_code, found.stdout) == (4, "")
    assert found.stderr == "txbalancer: no balancer tow; use shop or two (did you mean two?)\n"


def test_changes_at_run_time(service: Service) -> None:
    """
    What is not as configured has a star, and is told below its table.
    """
    service.run("member", "set", "shop", "web1", "loadfactor=4", "lasting=10min")
    service.run("balancer", "set", "shop", "timeout=5s")
    service.run("member", "add", "shop", "http://10.0.0.9")
    service.run("member", "remove", "shop", "db")
    lines = service.lines("status", "shop")
    assert ["10.0.0.1*", "web1", "4"] in [line.split()[:3] for line in lines]
    assert [line for line in lines if line.startswith("*")] == [
        "* timeout = 5s, in the configuration 0",
        "* 10.0.0.3 was removed at run time",
        "* 10.0.0.1: loadfactor = 4, in the configuration 1",
        "* 10.0.0.1: loadfactor 1 comes back in 10 min",
        "* 10.0.0.9 was added at run time",
    ]


def test_json(service: Service) -> None:
    """
    --json prints the API's report as one document, of the balancers that were asked for.
    """
    found = service.json("status", "two")
    assert [each["name"] for each in found["balancers"]] == ["two"]
    assert found["requests"]["total"] == 0


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_it_fits_the_terminal(service: Service, width: int) -> None:
    """
    No line is longer than the terminal is wide; member and state stay to the last.
    """
    service.member("web1").flags |= flags.DRAIN
    assert service.run("status", width=width).exit_code == 0
    lines = service.output.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    heading = next(line for line in lines if line.startswith("member "))
    assert heading.split()[-1] == "state"
    assert "draining" in "".join(lines)


def test_80_columns(service: Service) -> None:
    """
    In 80 columns there is still what an operator looks for first.
    """
    service.run("status", width=80)
    heading = next(
        line for line in service.output.getvalue().splitlines() if line.startswith("member ")
    )
    assert heading.split() == ["member", "route", "factor", "busy", "req/s", "failed", "state"]


def test_lists(service: Service) -> None:
    """
    Lists have one line for each member or balancer.
    """
    assert [line.split()[:2] for line in service.lines("member", "list")] == [
        ["balancer", "member"],
        ["shop", "10.0.0.1"],
        ["shop", "10.0.0.2:8080"],
        ["shop", "10.0.0.3"],
        ["two", "10.0.0.1"],
    ]
    assert [line.split()[0] for line in service.lines("balancer", "list")] == [
        "balancer",
        "shop",
        "two",
    ]
    members = service.json("member", "list", "two")["members"]
    assert [(each["balancer"], each["url"]) for each in members] == [("two", "http://10.0.0.1")]
    assert [each["name"] for each in service.json("balancer", "list")["balancers"]] == [
        "shop",
        "two",
    ]


def test_sessions(service: Service) -> None:
    """
    Members are shown with their sessions, of the balancers that were asked for.
    """
    heading, first, *_, last = service.lines("sessions")
    assert heading.split()[:2] == ["balancer", "member"]
    assert first.split()[:3] == ["shop", "10.0.0.1", "web1"]
    assert first.endswith("  none seen so far")
    assert last.split()[:3] == ["two", "10.0.0.1", "-"]
    assert last.endswith("  has no sessions")
    service.member("web1").busy = 1
    assert not service.lines("sessions", "shop")[1].endswith("none seen so far")
    assert service.lines("sessions", "two") == [
        "No sessions are kept: stickysession, stickycookie or stickysource would keep them."
    ]
    assert service.json("sessions")["sessions"][0]["member"] == "http://10.0.0.1"


def test_sessions_that_stay(service: Service) -> None:
    """
    Where sessions do not become fewer, no end is promised.
    """
    answer = {
        "sessions": [
            {
                "balancer": "two",
                "member": "http://10.0.0.1",
                "route": "",
                "sessions": True,
                "sticky": 9,
                "sticky_before": 9,
                "busy": 1,
                "total": 30,
                "done": False,
                "left": None,
            }
        ]
    }
    service.canned["GET", "/sessions"] = 200, "application/json", json.dumps(answer).encode()
    assert service.lines("sessions")[1].endswith("no end in sight")
    answer["sessions"][0]["early"] = True
    service.canned["GET", "/sessions"] = 200, "application/json", json.dumps(answer).encode()
    assert service.lines("sessions")[1].endswith("too early to tell")


def test_attempts_that_clients_know_nothing_of(service: Service) -> None:
    """
    A member's failures are those of attempts at it, also where another one answered then; a
    balancer's those of requests.
    """
    answer = json.loads(service.answer("GET", "/api/v1/", {}, b"")[2])
    shop = answer["balancers"][0]
    first, second, _ = (each["requests"] for each in shop["members"])
    # It refuses all; of five the other one answered four, and nobody the last.
    first |= {"total": 1, "classes": {**first["classes"], "5xx": 1}}
    first |= {"failures": {"connect-failed": 1}, "failed_attempts": {"connect-failed": 5}}
    second |= {"total": 4}
    shop["requests"] |= {"total": 5, "classes": first["classes"]}
    service.canned["GET", "/"] = 200, "application/json", json.dumps(answer).encode()
    title, heading, *rows = service.lines("status", "shop")[3:6] + service.lines("status")[6:7]
    assert ", 20 % failed" in title
    place = heading.split().index("failed")
    assert [row.split()[place] for row in rows] == ["100", "0"]


def test_columns_are_the_same_at_any_time(service: Service) -> None:
    """
    For programs: whatever there is to tell, and a cell of which there is nothing to tell is not
    empty. A terminal has no columns without content.
    """
    (before, first, *_) = service.lines("status", "two")[4:]
    assert before.split() == [*COLUMNS]
    assert first.split()[:4] == ["10.0.0.1", "-", "1", "0"]
    service.run("status", "two", width=200)
    assert not {"p50", "set", "route"} & set(service.output.getvalue().split())
    heading = service.lines("member", "list")[0]
    assert heading.split() == ["balancer", *COLUMNS]


def test_after_an_upgrade(service: Service) -> None:
    """
    The service is as old as it is, and its process younger.
    """
    service.rig.advance(60)
    assert ", up 1 min, /" in service.lines("status")[0]
    facts = service.rig.targets.steering.facts
    facts.started -= 480.0
    assert ", up 9 min, upgraded 1 min ago, /" in service.lines("status")[0]
    found = service.json("status")
    assert (found["uptime"], found["process_uptime"]) == (540.0, 60.0)


def test_what_is_seldom() -> None:
    """
    Requests that wait, members in other sets and a balancer without members have their place.
    """
    with TemporaryDirectory() as folder, serving(Path(folder) / "s") as service:
        service.member("web1").lbset = 2
        answer = json.loads(service.answer("GET", "/api/v1/", {}, b"")[2])
        answer["balancers"][0]["queue"] = 7
        answer["balancers"][1]["members"] = []
        answer["balancers"][1]["removed"] = ["http://10.0.0.7"]
        answer["balancers"][1]["dismissed"] = [{"url": "http://10.0.0.7", "source": "file:/m"}]
        service.canned["GET", "/"] = 200, "application/json", json.dumps(answer).encode()
        lines = service.lines("status")
        assert lines[3].endswith("0 % failed, 7 waiting")
        assert "set" in lines[4].split()
        assert lines[5].split()[3] == "2"
        assert lines[6].split()[3] == "0"
        assert lines[-2].startswith("two ")
        assert lines[-1] == (
            "* 10.0.0.7 was removed at run time; file:/m still names it,"
            " `member add` brings it back"
        )
        answer["balancers"] = []
        service.canned["GET", "/"] = 200, "application/json", json.dumps(answer).encode()
        assert service.lines("status")[-1] == "There is no balancer."


# -- watching


def test_watch_without_a_terminal(service: Service) -> None:
    """
    Outside a terminal --watch prints one table after the other, each with its time; Ctrl-C
    ends it with code 130 and without a traceback.
    """
    found = _watched(service, "status", "two", "--watch")
    assert found.exit_code == 130
    assert found.stderr == ""
    assert found.stdout.count("two  1 member: 1 in use") == 3
    assert service.slept == 4


def test_watch_for_programs(service: Service) -> None:
    """
    With --json each look is one line.
    """
    found = _watched(service, "status", "--watch", "5", "two", "--json")
    assert [json.loads(line)["balancers"][0]["name"] for line in found.stdout.splitlines()] == [
        "two",
        "two",
        "two",
    ]
    assert service.slept == 10


def test_watch_on_a_terminal(service: Service) -> None:
    """
    On a terminal the screen is used and given back; a service that is away for a while is
    told, and the last table stays.
    """

    def away(method: str, path: str) -> None:
        if len(service.asked) == 2:
            raise ConnectionError

    service.meanwhile = away
    found = _watched(service, "status", "--watch", "1", "two", width=200)
    assert found.exit_code == 130
    shown = service.output.getvalue()
    assert "\x1b[?1049h" in shown
    assert shown.rstrip().endswith("\x1b[?1049l")
    assert shown.count("broke off before its") == 1
    assert shown.count("two  1 member: 1 in use") == 3
    assert "every 1 s, Ctrl-C ends it" in shown


def test_watch_ends_for_what_does_not_pass(service: Service) -> None:
    """
    What will not be right by itself ends it.
    """
    assert _watched(service, "status", "--watch", "1", "tow", width=90).exit_code == 4
    found = service.run("status", "--watch", "0.1")
    assert found.exit_code == 2
    assert "0.2 seconds or more" in found.stderr


def _watched(service: Service, *arguments: str, width: int = 0):
    world = service.world()
    sleep, times = world.sleep, []

    def interrupted(seconds: float) -> None:
        times.append(seconds)
        if len(times) == 3:
            raise KeyboardInterrupt
        sleep(seconds)

    world.sleep = interrupted
    return service.run(*arguments, width=width, world=world)


# -- tables


def test_columns_go_by_what_they_matter() -> None:
    """
    The column that matters least goes first, empty ones go at any width, and those that stay
    are cut rather than wider than the terminal.
    """
    columns = [Column("a"), Column("b", 10), Column("c", 20, number=True), Column("d", 90)]
    rows = [["aaaa", "bbbb", "1", ""], ["a", "b", "22", ""]]

    def headings(width: int) -> list[str]:
        return [str(each.header) for each in table(columns, rows, width).columns]

    assert headings(14) == ["a", "b", "c"]
    assert headings(13) == ["a", "c"]
    assert headings(7) == ["a"]
    assert headings(2) == ["a"]


@pytest.mark.parametrize("width", [120, 80, 60, 45])
def test_long_names_leave_room(width: int) -> None:
    """
    A long URL is broken into lines, whole, and does not push out the state.
    """
    url = "https://shop-with-a-long-name-0001.eu-central-1.internal.example.org:8443/app*"
    columns = [Column("member"), Column("busy", 50, number=True), Column("state", words=True)]
    output = StringIO()
    console = make_console(file=output, width=width, force_terminal=True, color_system=None)
    show(console, table(columns, [[url, "0", "out: in error: refused"]], width))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "".join(line.split()[0] for line in lines[1:]) == url
    assert "in error" in output.getvalue()


def test_a_name_of_any_length_outside_terminals(service: Service) -> None:
    """
    A pipe gets whole names.
    """
    url = f"http://{'long.' * 40}example"
    service.run("member", "add", "shop", url)
    assert url.removeprefix("http://") + "*" in service.run("status").stdout


def test_colours_only_on_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A state has a colour on a terminal, and none with NO_COLOR or in a pipe.
    """
    show(make_console(force_terminal=False), toned("in use", "good"))
    assert capsys.readouterr().out == "in use\n"
    show(make_console(force_terminal=True, color_system="standard"), toned("in use", "good"))
    assert capsys.readouterr().out == "\x1b[32min use\x1b[0m\n"
    show(
        make_console(force_terminal=True, color_system="standard", no_color=True),
        toned("in use", "good"),
    )
    assert "\x1b[32m" not in capsys.readouterr().out
