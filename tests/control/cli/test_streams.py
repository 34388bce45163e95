"""
What happens, as it happens.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.control.cli.services import Service

LINE = {
    "time": "2026-11-21T15:04:05.678Z",
    "status": 200,
    "duration": 0.0123,
    "balancer": "shop",
    "member": "http://10.0.0.1",
    "method": "GET",
    "host": "lb.test",
    "target": "/a?b",
    "reason": "ok",
}


def stream(*values: Any) -> bytes:
    """
    Return lines of JSON between signs of life.
    """
    return b"\n" + b"".join(json.dumps(each).encode() + b"\n\n" for each in values)


def test_log(service: Service) -> None:
    """
    Each exchange is a line with what is looked for at night; a reason only where it is not ok.
    """
    gone = {**LINE, "status": 0, "member": "", "reason": "client-gone", "target": "/\x1b[2J"}
    local = {**LINE, "status": 404, "balancer": "", "member": "", "reason": "no-mount"}
    service.canned["GET", "/log"] = 200, "application/x-ndjson", stream(LINE, gone, local)
    found = service.run("log")
    assert found.stdout.splitlines() == [
        "15:04:05.678 200   12ms shop 10.0.0.1 GET lb.test/a?b",
        "15:04:05.678 000   12ms shop GET lb.test/\\x1b[2J client-gone",
        "15:04:05.678 404   12ms - GET lb.test/a?b no-mount",
    ]
    # It ends only because the service does.
    assert found.exit_code == 3
    assert "has ended" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "width", "told"),
    [(["log"], 80, True), (["log"], 0, False), (["log", "--json"], 80, False)],
)
def test_log_waits(service: Service, arguments: list[str], width: int, told: bool) -> None:
    """
    A terminal that stays empty says why, once; files and programs are not told.
    """
    service.canned["GET", "/log"] = 200, "application/x-ndjson", stream(LINE, LINE)
    found = service.run(*arguments, width=width)
    lines = [line for line in found.stderr.splitlines() if line.startswith("waiting")]
    assert lines == ["waiting for requests; Ctrl-C ends it"] * told


def test_log_that_is_refused(service: Service) -> None:
    """
    Nothing is waited for then.
    """
    service.canned["GET", "/log"] = 503, "application/problem+json", b'{"title": "Full"}'
    found = service.run("log", width=80)
    assert "waiting" not in found.stderr


def test_log_for_programs(service: Service) -> None:
    """
    With --json each line is the access log's object; -n ends it after so many.
    """
    service.canned["GET", "/log"] = 200, "application/x-ndjson", stream(LINE, LINE, LINE)
    lines = service.lines("log", "--json", "-n", "2")
    assert [json.loads(each) for each in lines] == [LINE, LINE]


def test_lost_lines(service: Service) -> None:
    """
    How many lines were lost is told beside them.
    """
    service.canned["GET", "/log"] = 200, "application/x-ndjson", stream({"lost": 1}, LINE)
    found = service.run("log", "-n", "1")
    assert found.stderr == "1 line lost: too many for this reader\n"
    assert len(found.stdout.splitlines()) == 1


def test_filters(service: Service) -> None:
    """
    Filters are the API's; a member's name is found in its balancer first.
    """
    asked = []
    answer = service.answer

    def noting(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        asked.append(target)
        return answer(method, target, headers, body)

    service.answer = noting  # type: ignore[method-assign]
    service.canned["GET", "/log"] = 200, "application/x-ndjson", stream(LINE)
    service.lines(
        *("log", "-n", "1", "--balancer", "shop", "--member", "web1", "--status", "5xx"),
        *("--path", "/a b", "--slower", "500ms"),
    )
    assert asked[-1] == (
        "/api/v1/log?balancer=shop&member=http%3A%2F%2F10.0.0.1&status=5xx&path=%2Fa+b&slower=500ms"
    )
    assert service.run("log", "--balancer", "shop", "--member", "web9").exit_code == 4
    found = service.run("log", "--member", "web9")
    assert (found.exit_code, found.stderr[:43]) == (
        4,
        "txbalancer: no balancer has a member web9; ",
    )
    assert service.run("log", "--member", "web*").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--status", "9xx"], "must be statuses such as 404, or classes such as 5xx"),
        (["--slower", "soon"], "is not a duration"),
        (["--balancer", "shp"], "did you mean shop?"),
    ],
)
def test_wrong_filters(service: Service, arguments: list[str], text: str) -> None:
    """
    A filter that cannot be read is told by the service.
    """
    found = service.run("log", *arguments)
    assert found.exit_code in (1, 4)
    assert text in found.stderr


# -- events


def test_events(service: Service) -> None:
    """
    What happened is shown with its time, what it is about, and who did it.
    """
    service.run("member", "drain", "shop", "web1")
    service.run("balancer", "set", "two", "timeout=5s")
    first, second = service.lines("events")
    assert first[20:].startswith("change  shop 10.0.0.1: status (empty) -> +N, state in use")
    assert first.endswith("(192.0.2.1)")
    assert second[20:].startswith("change  two: timeout 0 -> 5s")
    assert len(service.lines("events", "-n", "1")) == 1
    assert service.lines("events", "-n", "0") == []
    assert service.lines("events", "--balancer", "two") == [second]
    assert [each["balancer"] for each in service.json("events")["events"]] == ["shop", "two"]


@pytest.mark.parametrize("width", [80, 60])
def test_long_lines_go_on_below_their_text(service: Service, width: int) -> None:
    """
    On a terminal times and kinds stand alone at the left; all of the text is there.
    """
    text = "in use -> in error: " + "some reason that is long, " * 6 + "end"
    service.rig.targets.journal.note("flip", text, balancer="shop", member="http://10.0.0.1")
    service.run("events", width=width)
    first, *others = service.output.getvalue().splitlines()
    assert max(map(len, [first, *others])) <= width
    indent = first.index("shop 10.0.0.1:")
    assert others
    assert all(not each[:indent].strip() for each in others)
    assert " ".join(each[indent:].strip() for each in [first, *others]).endswith(text)
    (line,) = service.lines("events")
    assert line.endswith(text)


def test_a_narrow_terminal_has_no_indent(service: Service) -> None:
    """
    There would be no room for the text.
    """
    service.rig.targets.journal.note("flip", "some words " * 9)
    service.run("events", width=40)
    assert service.output.getvalue().splitlines()[1].startswith("some words")


def test_long_requests_go_on_below_theirs(service: Service) -> None:
    """
    So does a URL that is longer than the line; none of it is lost.
    """
    target = "/" + "x" * 150
    line = {**LINE, "target": target, "reason": "timeout"}
    service.canned["GET", "/log"] = 200, "application/x-ndjson", stream(line)
    service.run("log", "-n", "1", width=80)
    first, *others = service.output.getvalue().splitlines()
    indent = first.index("shop")
    assert others
    assert all(not each[:indent].strip() for each in others)
    assert target in "".join(each[indent:].rstrip() for each in [first, *others])


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("uid 0 (root) on the control socket", "(root, socket)"),
        ("uid 1234 on the control socket", "(uid 1234, socket)"),
        ("ann at 192.0.2.7", "(ann at 192.0.2.7)"),
    ],
)
def test_who_is_told_shortly(service: Service, who: str, shown: str) -> None:
    """
    Who came by the socket is told by name in the table; programs get all of it.
    """
    service.rig.targets.journal.note("change", "lbset 0 -> 1", balancer="two", who=who)
    (line,) = service.lines("events")
    assert line.endswith(f"two: lbset 0 -> 1 {shown}")
    assert service.json("events")["events"][0]["who"] == who


def test_following(service: Service) -> None:
    """
    With --follow it goes on where the past ended, in one line for each event.
    """
    service.run("member", "drain", "shop", "web1")
    waited: list[str] = []
    answer = service.answer

    def following(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        if "wait" not in target:
            return answer(method, target, headers, body)
        waited.append(target)
        if len(waited) == 3:
            raise ConnectionError
        service.rig.targets.journal.note("flip", f"one {len(waited)}", balancer="two")
        return answer(method, target.partition("&wait")[0], headers, body)

    service.answer = following  # type: ignore[method-assign]
    found = service.run("events", "--follow", "--json")
    assert [json.loads(line)["kind"] for line in found.stdout.splitlines()] == [
        "change",
        "flip",
        "flip",
    ]
    assert [each.partition("after=")[2].partition("&")[0] for each in waited] == ["1", "2", "3"]
    assert found.exit_code == 3
