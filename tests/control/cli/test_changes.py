"""
Commands that change something.
"""

from __future__ import annotations

import json

import pytest
from twisted.internet.defer import fail, succeed

from tests.control.cli.services import Service
from txbalancer.core import flags
from txbalancer.errors import UpgradeError


@pytest.mark.parametrize(
    ("arguments", "bits", "line"),
    [
        (["drain"], flags.DRAIN, "draining: takes the requests of its sessions only"),
        (["disable"], flags.DISABLED, "out: disabled"),
        (["stop"], flags.STOPPED, "out: stopped, takes no requests and no checks"),
        (["standby"], flags.STANDBY, "hot standby: takes requests when all others are out"),
        (["spare"], flags.SPARE, "hot spare: takes requests when another is out"),
    ],
)
def test_flags(service: Service, arguments: list[str], bits: int, line: str) -> None:
    """
    Each verb sets its flag, and prints what that means for requests.
    """
    assert service.lines("member", *arguments, "shop", "web1") == [f"shop 10.0.0.1: {line}"]
    assert service.member("web1").flags == flags.INIT | bits
    assert service.lines("member", *arguments, "shop", "web1") == [
        f"shop 10.0.0.1: {line} (was so already)"
    ]


@pytest.mark.parametrize(
    ("before", "arguments"),
    [
        (flags.DRAIN | flags.DISABLED, ["enable"]),
        (flags.EJECTED | flags.TRIPPED, ["enable"]),
        (flags.STOPPED, ["start"]),
        (flags.STANDBY, ["standby", "--off"]),
        (flags.SPARE, ["spare", "--off"]),
    ],
)
def test_flags_end(service: Service, before: int, arguments: list[str]) -> None:
    """
    Each flag has a verb that ends it.
    """
    service.member("web1").flags |= before
    assert service.lines("member", *arguments, "shop", "web1") == ["shop 10.0.0.1: in use"]
    assert service.member("web1").flags == flags.INIT


def test_several_members(service: Service) -> None:
    """
    Patterns and several names work with every verb, also over balancers.
    """
    found = service.run("member", "disable", "shop", "web*", "db")
    assert len(found.stdout.splitlines()) == 3
    assert found.stderr == (
        "warning: shop has no member in use now\n"
        "3 changes; `txbalancer undo shop` takes back one at a time, the last one first\n"
    )
    assert service.lines("member", "enable", "*", "http://10.0.0.1") == [
        "shop 10.0.0.1: in use",
        "two 10.0.0.1: in use (was so already)",
    ]


def test_nothing_happens_when_one_is_unknown(service: Service) -> None:
    """
    Names are found before anything is changed.
    """
    found = service.run("member", "disable", "shop", "web1", "web3")
    assert (found.exit_code, found.stdout) == (4, "")
    assert found.stderr == (
        "txbalancer: shop has no member web3; use db, web1 or web2 (did you mean web2?)\n"
    )
    assert service.member("web1").flags == flags.INIT


def test_options(service: Service) -> None:
    """
    set takes options as conf.ini has them, and prints what became of what.
    """
    assert service.lines("member", "set", "shop", "web1", "loadfactor=2.5", "route=new") == [
        "shop 10.0.0.1: loadfactor 1 -> 2.5, route web1 -> new; in use"
    ]
    assert service.member("new").lbfactor == 250
    assert service.lines("member", "set", "shop", "new", "loadfactor=4", "lasting=10min") == [
        "shop 10.0.0.1: loadfactor 2.5 -> 4, lasting unset -> 10 min, then 2.5; in use"
    ]


@pytest.mark.parametrize(
    ("pair", "code", "text"),
    [
        ("loadfactor=0", 2, "loadfactor: '0' is not a number from 1 to 100"),
        ("loadfacto=2", 1, "loadfacto: is not known here (did you mean loadfactor?)"),
        ("lasting=5min", 1, "lasting: needs loadfactor beside it"),
        ("error=on", 1, "error: "),
    ],
)
def test_refused_options(service: Service, pair: str, code: int, text: str) -> None:
    """
    What is not allowed is told with its key, whoever notices.
    """
    found = service.run("member", "set", "shop", "web1", pair)
    assert found.exit_code == code
    assert found.stderr.startswith(f"txbalancer: {text}")


def test_add_and_remove(service: Service) -> None:
    """
    A member is added with options, not twice, and removed.
    """
    url = "http://10.0.0.9:81"
    assert service.lines("member", "add", "shop", url, "route=n", "status=+D", "retry=7") == [
        "shop 10.0.0.9:81: added; out: disabled"
    ]
    assert service.member("n").spec.retry == 7
    found = service.run("member", "add", "shop", url)
    assert found.exit_code == 1
    assert found.stderr == (
        f"txbalancer: shop has a member {url} already\n  Change it with `txbalancer member set`.\n"
    )
    assert service.lines("member", "remove", "shop", "n") == ["shop 10.0.0.9:81: removed"]
    assert len(service.rig.balancer().members) == 3
    assert service.run("member", "add", "shp", url).exit_code == 4


def test_revert(service: Service) -> None:
    """
    The configuration of members holds again.
    """
    service.run("member", "set", "shop", "web1", "loadfactor=4", "drain=on")
    assert service.lines("member", "revert", "shop", "web*") == [
        "shop 10.0.0.1: loadfactor 4 -> 1; in use",
        "shop 10.0.0.2:8080: in use (was so already)",
    ]


def test_balancers(service: Service) -> None:
    """
    Options of a balancer are set, unset and reverted.
    """
    assert service.lines("balancer", "set", "shop", "timeout=5s", "stickysession=") == [
        "shop: stickysession S -> unset, timeout 0 -> 5s"
    ]
    assert service.lines("balancer", "set", "shop", "timeout=5s") == ["shop: was so already"]
    assert service.lines("balancer", "revert", "*") == [
        "shop: stickysession unset -> S, timeout 5s -> 0",
        "two: was so already",
    ]
    found = service.run("balancer", "set", "shop", "lbmethod=bybusines")
    assert found.exit_code == 1
    assert "(did you mean bybusyness?)" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["member", "set", "*", "http://10.0.0.1", "lbset=1"], "2 changes; `txbalancer undo`"),
        (["member", "drain", "shop", "web1", "--then", "disable"], "2 changes; `txbalancer undo s"),
        (["balancer", "set", "*", "timeout=5s"], "2 changes; `txbalancer undo`"),
        (["balancer", "set", "shop", "timeout=5s"], ""),
        (["member", "enable", "shop", "*"], ""),
        (["member", "disable", "shop", "web*", "--json"], ""),
    ],
)
def test_how_several_changes_are_undone(service: Service, arguments: list[str], hint: str) -> None:
    """
    Who made several changes with one command learns that undo is for one, unless it is a program.
    """
    found = service.run(*arguments)
    assert found.exit_code == 0
    assert found.stderr.startswith(hint)
    assert bool(found.stderr) is bool(hint)


def test_undo(service: Service) -> None:
    """
    Changes are taken back one by one, the last one first, until there is none.
    """
    service.run("member", "drain", "shop", "web1")
    service.run("member", "set", "shop", "web2", "loadfactor=9")
    service.run("balancer", "set", "two", "timeout=5s")
    assert service.lines("undo", "shop") == ["undone: shop 10.0.0.2:8080: loadfactor 9 -> 2"]
    assert service.lines("undo") == ["undone: two: timeout 5s -> 0"]
    assert service.lines("undo") == ["undone: shop 10.0.0.1: state draining -> in use"]
    found = service.run("undo")
    assert found.exit_code == 1
    assert found.stderr.startswith("txbalancer: nothing is left to undo: ")
    assert service.run("undo", "shp").exit_code == 4


def test_undo_of_members_that_came_or_went(service: Service) -> None:
    """
    It says how things are now: C{added} would be what was undone just as well.
    """
    service.run("member", "add", "shop", "http://10.0.0.9")
    service.run("member", "remove", "shop", "10.0.0.9")
    assert service.lines("undo") == ["undone: shop 10.0.0.9: is there again"]
    assert service.lines("undo") == ["undone: shop 10.0.0.9: is gone again"]


def test_reload(service: Service) -> None:
    """
    A reload prints what it changed; a faulty file is told with what to do.
    """
    steering = service.rig.targets.steering
    steering.reload = lambda who: ["listener b added"]
    assert service.lines("reload") == ["listener b added", "reload done: 1 change"]
    assert service.json("reload")["changes"] == ["listener b added"]


def test_upgrade(service: Service) -> None:
    """
    It tells which process serves, and with --wait what the one before still has until that ends.
    """
    steering = service.rig.targets.steering
    steering.upgrade = lambda who: succeed({"pid": 12, "version": "9.9", "former": 11})
    first = "process 12, version 9.9, serves in place of process 11"
    assert service.lines("upgrade") == [first]
    left = [3, 3, 1]
    steering.former = lambda: (
        {"pid": 11, "version": "9", "connections": left.pop(0)} if left else None
    )
    assert service.lines("upgrade", "--wait") == [
        first,
        "process 11: 3 connections left",
        "process 11: 1 connection left",
        "process 11 has ended",
    ]
    assert service.json("upgrade", "--wait")["pid"] == 12


def test_upgrade_that_fails(service: Service) -> None:
    """
    The cause is told, and the exit code is 1.
    """
    steering = service.rig.targets.steering
    steering.upgrade = lambda who: fail(UpgradeError("it ended with exit code 1"))
    found = service.run("upgrade")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "it ended with exit code 1" in found.stderr


def test_json(service: Service) -> None:
    """
    With --json every change prints one document with the state after it and the change.
    """
    (member,) = service.json("member", "drain", "shop", "web1")["members"]
    assert (member["balancer"], member["url"]) == ("shop", "http://10.0.0.1")
    assert member["change"]["after"]["status"] == "+N"
    assert member["status"]["tone"] == "watch"
    assert service.json("balancer", "set", "shop", "timeout=5s")["options"]["timeout"] == "5s"
    assert service.json("undo")["change"]["after"] == {"timeout": "0"}
    (gone,) = service.json("member", "remove", "shop", "db")["members"]
    assert gone["url"] == "http://10.0.0.3"
    (added,) = service.json("member", "add", "shop", "http://10.0.0.3")["members"]
    assert added["route"] == "db"
    assert service.json("member", "revert", "shop", "web1")["members"][0]["overrides"] == []


def test_warnings(service: Service) -> None:
    """
    What would not outlive a restart is told, and is done all the same.
    """
    answer = {
        "balancer": "shop",
        "member": "",
        "change": {"before": {}, "after": {}},
        "warning": "this will not outlive a restart: disk full",
    }
    service.canned["POST", "/undo"] = 200, "application/json", json.dumps(answer).encode()
    found = service.run("undo")
    assert found.exit_code == 0
    assert found.stderr == "warning: this will not outlive a restart: disk full\n"
    assert found.stdout == "undone: shop: that had changed nothing\n"


def test_somebody_else_at_the_same_moment(service: Service) -> None:
    """
    A member that somebody else changes between look and change is left alone, with code 6.
    """

    def meanwhile(method: str, path: str) -> None:
        if method == "PATCH":
            service.member("web1").lbfactor = 700

    service.meanwhile = meanwhile
    found = service.run("member", "set", "shop", "web1", "loadfactor=4")
    assert (found.exit_code, found.stdout) == (6, "")
    assert found.stderr == (
        "txbalancer: somebody else has changed it meanwhile\n"
        "  Look at it again, then repeat the command; `txbalancer events` shows who.\n"
    )
    assert service.member("web1").lbfactor == 700


# -- probes


def test_probe_that_passes(service: Service) -> None:
    """
    A probe prints its verdict, and below it what was said; more than one can be asked for.
    """
    result = {
        "passed": True,
        "text": "GET /up: status 200",
        "seconds": 0.012,
        "when": 0.0,
        "transcript": "> GET /up HTTP/1.0\n< HTTP/1.0 200 O\x1b[31mK",
    }
    where = "/balancers/two/members/http%3A%2F%2F10.0.0.1/probe"
    service.canned["POST", where] = 200, "application/json", json.dumps(result).encode()
    first, *transcript = service.lines("probe", "two", "10.0.0.1")
    assert first.endswith(" two 10.0.0.1: passed in 12ms: GET /up: status 200")
    assert transcript == ["    > GET /up HTTP/1.0", "    < HTTP/1.0 200 O\\x1b[31mK"]
    (found,) = service.json("member", "probe", "two", "10.0.0.1")["probes"]
    assert found == {"balancer": "two", "member": "http://10.0.0.1", **result}


def test_probe_that_fails(service: Service) -> None:
    """
    The exit code tells scripts.
    """
    result = {"passed": False, "text": "refused", "seconds": None, "when": None, "transcript": ""}
    where = "/balancers/two/members/http%3A%2F%2F10.0.0.1/probe"
    service.canned["POST", where] = 200, "application/json", json.dumps(result).encode()
    found = service.run("probe", "two", "10.0.0.1")
    assert (found.exit_code, found.stderr) == (1, "")
    assert found.stdout == "two 10.0.0.1: failed in -: refused\n"
    assert service.run("probe", "two", "10.0.0.1", "--json").exit_code == 1


def test_probe_of_all_members(service: Service) -> None:
    """
    Without a member all of the balancer are asked, one after the other.
    """
    text = {"text": "refused", "seconds": None, "when": None, "transcript": ""}
    for host, passed in (("10.0.0.1", True), ("10.0.0.2%3A8080", False), ("10.0.0.3", True)):
        where = f"/balancers/shop/members/http%3A%2F%2F{host}/probe"
        answer = json.dumps({"passed": passed, **text}).encode()
        service.canned["POST", where] = 200, "application/json", answer
    found = service.run("probe", "shop")
    assert (found.exit_code, found.stdout.splitlines()) == (
        1,
        [
            "shop 10.0.0.1: passed in -: refused",
            "shop 10.0.0.2:8080: failed in -: refused",
            "shop 10.0.0.3: passed in -: refused",
        ],
    )
    assert service.run("probe", "none").exit_code == 4


def test_past_probes(service: Service) -> None:
    """
    Past probes can be looked at without asking, whatever they found.
    """
    assert service.lines("probe", "two", "10.0.0.1", "--past") == ["two 10.0.0.1: no probe so far"]
    result = {"passed": False, "text": "no", "seconds": 1.0, "when": None, "transcript": ""}
    where = "/balancers/two/members/http%3A%2F%2F10.0.0.1/probes"
    answer = json.dumps({"probes": [result, result]}).encode()
    service.canned["GET", where] = 200, "application/json", answer
    assert (
        service.lines("probe", "two", "10.0.0.1", "--past")
        == ["two 10.0.0.1: failed in 1.00s: no"] * 2
    )
