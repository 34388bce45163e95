"""
The logs of a service through start, reload, rotation and stop.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.services.worlds import GET, OK, World
from txbalancer.config import load
from txbalancer.control.checks import COMMAND_CHECKS
from txbalancer.core.commands import SetMember
from txbalancer.core.flags import DISABLED
from txbalancer.errors import BalancerError, StartError

CONFIGURATION = """
[txbalancer]
access-log = FOLDER/access.log
access-log-format = json
event-log = FOLDER/events.log
error-log = FOLDER/error.log
[listener:web]
endpoint = tcp:80
[balancer:shop]
members =
    http://10.0.0.1 maxfails=1
    http://10.0.0.2
[mount:/]
to = balancer://shop/
"""


def configuration(folder: Path, **changes: str) -> str:
    """
    Write a configuration with logs in a folder.
    """
    text = CONFIGURATION.replace("FOLDER", str(folder))
    for before, after in changes.items():
        text = text.replace(
            f"{before.replace('_', '-')} = {folder}/", f"{before.replace('_', '-')} = {after}/"
        )
    return text


def events(path: Path) -> list[dict[str, Any]]:
    """
    Read an event log.
    """
    return [json.loads(line) for line in path.read_text().splitlines()]


def kinds(path: Path) -> list[str]:
    """
    Return the kinds of events in a log, in their order.
    """
    return [each["kind"] for each in events(path)]


def test_the_life_of_a_service_is_in_its_event_log(tmp_path: Path) -> None:
    """
    Start, a change by somebody, a failure with its cause, a reload and the stop, once each.
    """
    world = World(configuration(tmp_path)).start()
    path = tmp_path / "events.log"
    steering = world.service.targets.steering
    steering.apply(SetMember("shop", "http://10.0.0.2", on=DISABLED), "alice at 192.0.2.9")
    world.client(request=GET)
    (opening,) = world.openings()
    opening.fail()
    world.reload(configuration(tmp_path).replace("[mount:/]", "[mount:/x]"))
    world.service.stopService()
    world.advance(1)
    found = events(path)
    assert [each["kind"] for each in found] == ["start", "change", "flip", "reload", "stop"]
    assert [each["number"] for each in found] == [1, 2, 3, 4, 5]
    change, flip = found[1], found[2]
    assert change["who"] == "alice at 192.0.2.9"
    assert change["details"]["before"]["state"] == "in use"
    assert flip["member"] == "http://10.0.0.1"
    assert flip["details"]["after"] == "Init Err"
    assert flip["details"]["cause"]


def test_a_reload_moves_the_event_log(tmp_path: Path) -> None:
    """
    The reload is in the new file, what was before in the old one; an unchanged log stays open.
    """
    other = tmp_path / "other"
    other.mkdir()
    world = World(configuration(tmp_path)).start()
    kept = world.service.logs.access
    world.reload(configuration(tmp_path, event_log=str(other)))
    assert world.service.logs.access is kept
    assert kinds(tmp_path / "events.log") == ["start"]
    assert kinds(other / "events.log") == ["reload"]
    world.reload(configuration(tmp_path).replace(f"event-log = {tmp_path}/events.log", ""))
    world.service.targets.journal.note("warning", "nobody listens")
    assert kinds(other / "events.log") == ["reload"]


def test_a_log_that_cannot_be_had_changes_nothing(tmp_path: Path) -> None:
    """
    A reload that fails for one log leaves all of them as they were.
    """
    world = World(configuration(tmp_path)).start()
    before = world.service.logs.access
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(StartError, match="event log /nowhere"):
        world.reload(configuration(tmp_path, access_log=str(other), event_log="/nowhere"))
    assert world.service.logs.access is before
    world.client(request=GET)
    world.accept().send(OK)
    before.flush()
    assert (tmp_path / "access.log").read_text().count("\n") == 1
    assert (other / "access.log").read_text() == ""
    world.service.targets.journal.note("warning", "still there")
    assert kinds(tmp_path / "events.log") == ["start", "warning"]


def test_a_start_that_fails_leaves_no_log_open(tmp_path: Path) -> None:
    """
    A port that is busy ends the start; it can be tried again.
    """
    world = World(configuration(tmp_path))
    world.reactor.busy.add(80)
    with pytest.raises(StartError):
        world.service.privilegedStartService()
    world.service.targets.journal.note("warning", "nobody listens")
    assert (tmp_path / "events.log").read_text() == ""
    world.reactor.busy.clear()
    world.start()
    assert kinds(tmp_path / "events.log") == ["start"]


def test_all_logs_are_rotated(tmp_path: Path) -> None:
    """
    After reopening each is a new file.
    """
    world = World(configuration(tmp_path)).start()
    for name in ("access.log", "events.log", "error.log"):
        (tmp_path / name).rename(tmp_path / f"{name}.1")
    world.service.reopen_logs()
    world.service.targets.journal.note("warning", "later")
    assert kinds(tmp_path / "events.log") == ["warning"]
    assert kinds(tmp_path / "events.log.1") == ["start"]
    assert {each.name for each in tmp_path.glob("*.log")} == {
        "access.log",
        "events.log",
        "error.log",
    }


def test_a_faulty_file_is_a_warning_with_every_fault(tmp_path: Path) -> None:
    """
    Who reads events learns that a reload was refused, by whom it was asked for, and why.
    """
    path = tmp_path / "c.ini"
    path.write_text(configuration(tmp_path))
    world = World(configuration(tmp_path), str(path)).start()
    path.write_text(configuration(tmp_path).replace("members", "membres").replace("tcp:80", "x"))
    with pytest.raises(BalancerError):
        world.service.reload_file("alice")
    warning = events(tmp_path / "events.log")[-1]
    assert (warning["kind"], warning["who"]) == ("warning", "alice")
    assert warning["text"].startswith("not read again, the former configuration stays: ")
    assert "\n" not in warning["text"]
    assert len(warning["details"]["errors"]) >= 2


def test_check_looks_at_the_path(tmp_path: Path) -> None:
    """
    C{check} tells of a folder that is not there, with the remedy.
    """
    path = tmp_path / "c.ini"
    path.write_text(configuration(tmp_path, event_log="/nowhere"))
    with pytest.raises(BalancerError, match="event-log: the folder /nowhere is not there: create"):
        load(str(path), World().registry, COMMAND_CHECKS)
