"""
Answers that come later, or not as wished.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import globalLogPublisher

from tests.control.api.asking import Asker
from txbalancer.control.tap import LineFilter, Tap
from txbalancer.core.health import ProbeResult
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer
from txbalancer.errors import UpgradeError
from txbalancer.testing import FakeRequest

MEMBER = "/balancers/shop/members/a"


def test_a_change_that_would_not_last() -> None:
    """
    The answer waits for the disk and says why the change would not outlive a restart.
    """
    asker = Asker()
    settled: Deferred[str] = Deferred()
    asker.board.settled = lambda: settled
    body = json.dumps({"lbset": 3}).encode()
    end = asker.send("PATCH", MEMBER, body, Content_Type="application/json")
    assert end.taken() == b""
    assert asker.member().lbset == 3
    settled.callback("disk full")
    found = json.loads(asker.taken(end))
    assert asker.status == 200
    assert found["warning"] == "this will not outlive a restart: disk full"


def test_who_asked_may_have_left() -> None:
    """
    A change is made even if nobody waits for the answer.
    """
    asker = Asker()
    settled: Deferred[str] = Deferred()
    asker.board.settled = lambda: settled
    end = asker.send("PATCH", MEMBER, b'{"lbset": 3}', Content_Type="application/json")
    end.reset()
    settled.callback("")
    assert asker.member().lbset == 3


def test_a_fault_of_ours() -> None:
    """
    What fails by our own fault is in the log, and the answer does not tell.
    """
    asker = Asker()
    asker.board.settled = lambda: fail(RuntimeError("secret"))
    failures: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(failures.append)
    try:
        problem = asker.ask("PATCH", MEMBER, {"lbset": 3})
    finally:
        globalLogPublisher.removeObserver(failures.append)
    assert asker.status == 500
    assert "secret" not in json.dumps(problem)
    assert any("log_failure" in each for each in failures)


def test_a_member_is_asked() -> None:
    """
    What a probe finds is told with what was said, and kept.
    """
    asker = Asker()
    result = ProbeResult(False, "status 503", 0.5, transcript="> GET /\n< 503")
    asked: list[tuple[str, str]] = []

    def probe_now(balancer: str, member: str) -> Deferred[ProbeResult]:
        asked.append((balancer, member))
        return succeed(result)

    asker.board.probe_now = probe_now
    found = asker.ask("POST", f"{MEMBER}/probe", {})
    assert asker.status == 200
    assert asked == [("shop", "http://10.0.0.1")]
    assert (found["passed"], found["text"], found["seconds"]) == (False, "status 503", 0.5)
    assert found["transcript"] == "> GET /\n< 503"
    assert asker.board.journal.events[-1].kind == "probe"
    asker.member().probes.append((1.0, result))
    (kept,) = asker.get(f"{MEMBER}/probes")["probes"]
    assert (kept["when"], kept["text"]) == (1.0, "status 503")


@pytest.mark.parametrize("error", [ValueError("not now"), LookupError("not now")])
def test_a_member_that_cannot_be_asked(error: Exception) -> None:
    """
    That is a conflict in words, at once or later.
    """
    asker = Asker()
    asker.board.probe_now = lambda balancer, member: fail(error)
    assert asker.ask("POST", f"{MEMBER}/probe", {})["detail"] == "not now"
    assert asker.status == 409


def test_what_cannot_be_applied() -> None:
    """
    A command that the service refuses is a problem with its words.
    """
    asker = Asker()
    found = asker.ask("POST", "/balancers/shop/members", {"url": "http://a.test?x=1"})
    assert asker.status == 400
    assert "query" in found["detail"]
    asker.ask("POST", "/balancers/shop/members", {"url": 1})
    assert asker.status == 400


def test_a_file_is_read_again() -> None:
    """
    A reload tells what changed.
    """
    asker = Asker()
    asker.board.reload_file = lambda who: [f"something, for {who}"]
    found = asker.ask("POST", "/reload", {})
    assert found == {"changes": ["something, for 192.0.2.1"], "warning": None}


def test_another_process_takes_over() -> None:
    """
    The answer comes when it serves; one that fails, or cannot begin, is told with 409.
    """
    asker, done = Asker(), {"pid": 2, "version": "9", "former": 1}
    asker.board.upgrade = lambda who: succeed(done)
    assert asker.ask("POST", "/upgrade", {}) == done
    asker.board.upgrade = lambda who: fail(UpgradeError("it does not start"))
    assert "it does not start" in asker.ask("POST", "/upgrade", {})["detail"]
    assert asker.status == 409

    def busy(who: str) -> None:
        raise UpgradeError(f"in progress, says {who}")

    asker.board.upgrade = busy
    assert asker.ask("POST", "/upgrade", {})["detail"] == "no upgrade: in progress, says 192.0.2.1"
    assert asker.status == 409


def test_which_process_serves() -> None:
    """
    What is left of the one before it is told until that has ended.
    """
    asker = Asker()
    found = asker.ask("GET", "/upgrade")
    assert (found["pid"], found["former"]) == (os.getpid(), None)
    asker.board.former = lambda: {"pid": 1, "version": "8", "connections": 3}
    assert asker.ask("GET", "/upgrade")["former"]["connections"] == 3


def test_a_service_that_leaves_takes_no_changes() -> None:
    """
    They would be lost; looking is still possible.
    """
    asker = Asker()
    asker.board.leaving = True
    found = asker.ask("POST", "/undo", {})
    assert (asker.status, found["remedy"]) == (503, "repeat it in a moment")
    asker.ask("GET", "/balancers")
    assert asker.status == 200


class Full:
    """
    Takes some lines.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.lines: list[bytes] = []

    def push(self, data: bytes) -> bool:
        if len(self.lines) >= self.room:
            return False
        self.lines.append(data)
        return True


def test_a_tap_is_not_in_the_way() -> None:
    """
    Without watchers the log is used as it is; with one it has every line as well.
    """
    logged: list[Outcome] = []
    tap = Tap()
    log = logged.append
    assert tap.over(log) is log
    taker = Full(9)
    end = tap.open(lambda outcome: outcome.status == 200, taker)
    other = tap.open(lambda outcome: True, Full(0))
    both = tap.over(log)
    for status in (200, 404):
        both(Outcome(None, Peer("x"), status))
    assert len(logged) == 2
    assert [json.loads(each)["status"] for each in taker.lines] == [200]
    end()
    end()
    other()
    assert tap.over(log) is log


def test_lost_lines_are_counted_until_they_are_told() -> None:
    """
    How many were lost is said before the next line, once there is room for both.
    """
    tap, taker = Tap(), Full(1)
    tap.open(lambda outcome: True, taker)
    for _ in range(4):
        tap.log(Outcome(None, Peer("x"), 200))
    taker.room = 3
    tap.log(Outcome(None, Peer("x"), 200))
    assert json.loads(taker.lines[1]) == {"lost": 3}
    assert json.loads(taker.lines[2])["status"] == 200


def test_watchers_elsewhere() -> None:
    """
    Those who watch from another process are followed by their numbers: who stays is told how
    many lines were lost, and a line that was found there is for the one it is meant for.
    """
    tap, changes = Tap(), []
    tap.on_change = lambda: changes.append(len(tap.watchers))
    takers: dict[int, Full] = {}

    def taker(number: int) -> Full:
        return takers.setdefault(number, Full(9))

    tap.follow({3: LineFilter(), 5: LineFilter(("shop",))}, taker)
    tap.log(Outcome(None, Peer("x"), 200))
    assert [len(takers[number].lines) for number in (3, 5)] == [1, 0]
    stays = tap.watchers[3]
    tap.follow({3: LineFilter()}, taker)
    assert tap.watchers == {3: stays}
    tap.push(3, b"line\n")
    tap.push(5, b"line\n")
    assert takers[3].lines[-1] == b"line\n"
    assert changes == [2, 1]
    assert tap.filters() == {3: LineFilter()}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (LineFilter(), True),
        (LineFilter(("shop",)), True),
        (LineFilter(("other",)), False),
        (LineFilter(member="web1"), True),
        (LineFilter(member="http://10.0.0.1:80"), True),
        (LineFilter(member="10.0.0.1:80"), True),
        (LineFilter(member="10.0.0.1:8"), False),
        (LineFilter(statuses=(frozenset({5}), frozenset({200}))), True),
        (LineFilter(statuses=(frozenset({5}), frozenset({404}))), False),
        (LineFilter(path=b"/a"), True),
        (LineFilter(path=b"/b"), False),
        (LineFilter(slower=0.5), True),
        (LineFilter(slower=2.5), False),
    ],
)
def test_what_is_wanted_of_the_log(wanted: LineFilter, fits: bool) -> None:
    """
    All that a filter says has to hold.
    """
    outcome = Outcome(
        FakeRequest(b"/a/b"),
        Peer("x"),
        200,
        balancer="shop",
        member="http://10.0.0.1:80",
        route="web1",
        duration=2.0,
    )
    assert wanted(outcome) is fits
