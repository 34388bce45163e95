"""
--wait: to the end, to the timeout, and when somebody interferes.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.control.cli.services import Service
from txbalancer.core import flags

DRAINING = "shop 10.0.0.1: draining: takes the requests of its sessions only"


def test_drain_to_the_end(service: Service) -> None:
    """
    A drain is waited for until nothing is in progress and no session came for a minute; outside
    a terminal there is one line for each change.
    """
    first, second, third = service.lines("member", "drain", "shop", "web1", "--wait")
    assert first == DRAINING
    assert re.fullmatch(
        r"shop 10\.0\.0\.1: draining since \d\d:\d\d:\d\d: 0 in progress,"
        r" no request of a session so far, empty in about 1 min",
        second,
    )
    assert third == "shop 10.0.0.1: empty: no request of a session for 1 min"
    assert service.slept == pytest.approx(60, abs=6)
    assert service.member("web1").flags == flags.INIT | flags.DRAIN


def test_busy_members_are_not_empty(service: Service) -> None:
    """
    What is in progress holds the end up; the timeout ends the wait with code 5, and says where
    it stands and what goes on.
    """
    service.member("web1").busy = 2
    found = service.run("member", "drain", "shop", "web1", "--wait", "--timeout", "90s")
    assert found.exit_code == 5
    assert re.fullmatch(
        r"txbalancer: shop 10\.0\.0\.1 after 1 min 30 s: draining since \S+: 2 in progress,"
        r" no request of a session for 1 min \d+ s\n"
        r"  It goes on draining; `txbalancer member enable` ends that\.\n",
        found.stderr,
    ), found.stderr
    assert service.member("web1").flags == flags.INIT | flags.DRAIN


def test_then_disable(service: Service) -> None:
    """
    --then waits by itself, and does it when the member is empty.
    """
    lines = service.run("member", "drain", "shop", "web1", "--then", "disable").stdout.splitlines()
    assert lines[-1] == "shop 10.0.0.1: out: disabled"
    assert service.member("web1").flags == flags.INIT | flags.DRAIN | flags.DISABLED


@pytest.mark.parametrize(
    "arguments",
    [
        ["drain", "shop", "web1", "db", "--then", "remove"],
        ["remove", "shop", "web1", "db", "--wait"],
    ],
)
def test_then_remove(service: Service, arguments: list[str]) -> None:
    """
    Members are removed each when it is empty, whichever way that is said.
    """
    service.member("web1").busy = 1

    def meanwhile(method: str, path: str) -> None:
        if service.slept > 70:
            next(iter(service.rig.balancer().members)).busy = 0

    service.meanwhile = meanwhile
    lines = service.run("member", *arguments).stdout.splitlines()
    gone = [line for line in lines if line.endswith("removed")]
    assert gone == ["shop 10.0.0.3: removed", "shop 10.0.0.1: removed"]
    assert [each.route for each in service.rig.balancer().members] == [b"web2"]


def test_somebody_ends_the_drain(service: Service) -> None:
    """
    A drain that somebody else ends is not waited for any more; nothing is removed then.
    """

    def meanwhile(method: str, path: str) -> None:
        if service.slept > 5:
            service.member("web1").flags &= ~flags.DRAIN

    service.meanwhile = meanwhile
    found = service.run("member", "drain", "shop", "web1", "--then", "remove")
    assert found.exit_code == 6
    assert found.stderr == (
        "txbalancer: shop 10.0.0.1 is no longer draining\n"
        "  Somebody else changed it meanwhile; `txbalancer events` shows who.\n"
    )
    assert service.member("web1").flags == flags.INIT


def test_somebody_changes_it_at_the_last_moment(service: Service) -> None:
    """
    What is done at the end is done to what was seen empty, and to nothing else.
    """

    def meanwhile(method: str, path: str) -> None:
        if method == "DELETE":
            service.member("web1").lbset = 3

    service.meanwhile = meanwhile
    assert service.run("member", "remove", "shop", "web1", "--wait").exit_code == 6
    assert service.member("web1").lbset == 3


def test_somebody_removes_it(service: Service) -> None:
    """
    A member that is gone is not waited for.
    """

    def meanwhile(method: str, path: str) -> None:
        if service.slept > 5:
            members = service.rig.balancer().members
            service.rig.balancer().install(each for each in members if each.route != b"web1")

    service.meanwhile = meanwhile
    found = service.run("member", "drain", "shop", "web1", "--wait")
    assert found.exit_code == 6
    assert "was removed meanwhile" in found.stderr


def test_the_service_ends_meanwhile(service: Service) -> None:
    """
    A service that stops while somebody waits ends the wait with code 3.
    """

    def meanwhile(method: str, path: str) -> None:
        if service.slept > 5:
            raise ConnectionError

    service.meanwhile = meanwhile
    assert service.run("member", "drain", "shop", "web1", "--wait").exit_code == 3


def test_ctrl_c(service: Service) -> None:
    """
    Ctrl-C ends the wait with code 130 and says what goes on.
    """
    world = service.world()

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    world.sleep = interrupted
    found = service.run("member", "drain", "shop", "web1", "--wait", world=world)
    assert found.exit_code == 130
    assert found.stderr == (
        "not waiting any more. It goes on draining; `txbalancer member enable` ends that.\n"
    )


def test_on_a_terminal(service: Service) -> None:
    """
    On a terminal one line goes on changing, and the cursor is there again afterwards.
    """
    assert service.run("member", "drain", "shop", "web1", "--wait", width=200).exit_code == 0
    shown = service.output.getvalue()
    assert "empty in about 55 s" in shown
    assert "empty in about 5 s" in shown
    assert "shop 10.0.0.1: empty: no request of a session for 1 min" in shown
    assert shown.index("\x1b[?25l") < shown.rindex("\x1b[?25h")
    assert shown.rindex("\x1b[?25l") < shown.rindex("\x1b[?25h")


def test_json(service: Service) -> None:
    """
    For programs there is one document, at the end.
    """
    (member,) = service.json("member", "drain", "shop", "web1", "--wait")["members"]
    assert member["drain"]["done"]
    (gone,) = service.json("member", "remove", "shop", "web1", "--wait")["members"]
    assert gone["url"] == "http://10.0.0.1"


# -- other goals


def test_wait_until_in_use(service: Service) -> None:
    """
    enable --wait ends when health checks and failures let the member be used.
    """
    member = service.member("web1")
    member.flags |= flags.DISABLED | flags.HC_FAILED

    def meanwhile(method: str, path: str) -> None:
        if service.slept > 3:
            member.flags &= ~flags.HC_FAILED

    service.meanwhile = meanwhile
    assert service.lines("member", "enable", "shop", "web1", "--wait") == [
        "shop 10.0.0.1: out: its health checks fail; nothing checks it now, it has to be brought"
        " back by hand",
        "shop 10.0.0.1: in use",
    ]
    assert service.slept > 3


def test_wait_until_idle(service: Service) -> None:
    """
    disable --wait and stop --wait end when nothing is in progress.
    """
    member = service.member("web1")
    member.busy = 1

    def meanwhile(method: str, path: str) -> None:
        member.busy = int(service.slept < 3)

    service.meanwhile = meanwhile
    assert service.lines("member", "disable", "shop", "web1", "--wait") == [
        "shop 10.0.0.1: out: disabled",
        "shop 10.0.0.1: out: disabled, 1 in progress",
        "shop 10.0.0.1: out: disabled, 0 in progress",
    ]
    member.busy = 1
    service.meanwhile = lambda method, path: None
    found = service.run("member", "stop", "shop", "web1", "--wait", "--timeout", "2s")
    assert found.exit_code == 5


def test_start_of_what_is_disabled(service: Service) -> None:
    """
    What cannot come into use by itself is not waited for.
    """
    service.member("web1").flags |= flags.DISABLED | flags.STOPPED
    found = service.run("member", "start", "shop", "web1", "--wait")
    assert found.exit_code == 6
    assert found.stderr.startswith("txbalancer: shop 10.0.0.1 is disabled\n")


def test_add_and_wait(service: Service) -> None:
    """
    A new member is waited for until it can be used.
    """
    lines = service.lines("member", "add", "shop", "http://10.0.0.9", "--wait")
    assert lines == ["shop 10.0.0.9: added; in use"]


def test_wrong_timeout(service: Service) -> None:
    """
    A timeout that cannot be read is wrong usage, and nothing is changed.
    """
    found = service.run("member", "drain", "shop", "web1", "--wait", "--timeout", "soon")
    assert found.exit_code == 2
    assert "is not a duration" in found.stderr
    assert service.asked == []


def test_sessions_in_the_line(service: Service) -> None:
    """
    The line says what sessions still come, and when there is no end in sight.
    """
    where = "/balancers/shop/members/http%3A%2F%2F10.0.0.1"
    service.run("member", "drain", "shop", "web1")
    report = json.loads(service.answer("GET", f"/api/v1{where}", {}, b"")[2])
    report["drain"] |= {"sticky": 1, "sticky_before": 0, "quiet": 0.0, "left": None, "since": None}
    report["drain"] |= {"early": True}
    service.canned["GET", where] = 200, "application/json", json.dumps(report).encode()
    found = service.run("member", "drain", "shop", "web1", "--wait", "--timeout", "1")
    assert found.stdout.splitlines()[-1].endswith("last minute, too early to tell for how long")
    report["drain"] |= {"early": False}
    service.canned["GET", where] = 200, "application/json", json.dumps(report).encode()
    found = service.run("member", "drain", "shop", "web1", "--wait", "--timeout", "1")
    assert found.stdout.splitlines()[-1] == (
        "shop 10.0.0.1: 0 in progress, 1 request of sessions in the last minute,"
        " no end in sight: sessions do not become fewer"
    )
    report["drain"] |= {"sticky": 4, "sticky_before": 8, "left": 120.0}
    service.canned["GET", where] = 200, "application/json", json.dumps(report).encode()
    found = service.run("member", "drain", "shop", "web1", "--wait", "--timeout", "1")
    assert found.stdout.splitlines()[-1] == (
        "shop 10.0.0.1: 0 in progress, 4 requests of sessions in the last minute,"
        " 8 in the one before, empty in about 2 min"
    )
