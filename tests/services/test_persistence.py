"""
State over restarts of a whole service.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.services.persisting import FIRST, NEW, SECOND, Places, change_all
from tests.services.worlds import CONFIGURATION, World
from txbalancer.control.state import StateFile, decode, encode
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, SetMember
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError


def test_M41_changes_outlive_a_crash(places: Places, told: list[str]) -> None:
    """
    Each is on the disk when the command is done; the next process has them, and the nonce.
    """
    world = places.start()
    change_all(world)
    nonce = world.service.targets.steering.nonce("shop")
    world = places.start()
    first, new = world.members()
    assert (first.lbfactor, first.lbset, first.route) == (300, 1, b"r")
    assert flags.describe(first.flags) == "Init Dis "
    assert (new.name, new.route, new.pool is not None) == (NEW.url, b"n", True)
    spec = world.service.targets.balancers["shop"].balancer.spec
    assert (spec.lbmethod, spec.timeout) == ("bytraffic", 5.0)
    assert world.service.targets.steering.nonce("shop") == nonce
    client = world.client(80, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert world.accept().taken().startswith(b"GET / ")
    assert client.taken() == b""
    assert told == []


def test_what_is_put_back_is_told(places: Places) -> None:
    """
    A line for each option, with what is configured: in the morning somebody asks.
    """
    change_all(places.start())
    with capturedLogs() as logged:
        places.start()
    lines = [event["line"] for event in logged if "line" in event]
    once = "set at run time before the restart"
    assert f"shop: timeout 5s, {once} (configured: 0)" in lines
    assert any(each.startswith(f"shop {FIRST}: loadfactor 3, {once} (conf") for each in lines)
    assert f"shop {NEW.url}: added at run time before the restart" in lines
    assert f"shop {SECOND}: removed at run time before the restart" in lines
    assert len(lines) == 8


def test_condition_is_written_from_time_to_time(places: Places) -> None:
    """
    Errors, counters and shares every half minute, and at the end.
    """
    world = places.start()
    balancer = world.service.targets.balancers["shop"].balancer
    world.members()[0].elected = 7
    balancer.force_error(world.members()[1], "connect-failed", world.reactor.seconds())
    assert places.state()["members"][FIRST]["elected"] == 0
    world.advance(31)
    assert places.state()["members"][FIRST]["elected"] == 7
    world.members()[0].elected = 8
    stopping = world.service.stopService()
    world.advance(1)
    assert stopping.called
    places.wall += 4
    world = places.start()
    first, second = world.members()
    assert (first.elected, flags.describe(second.flags)) == (8, "Init Err ")
    assert second.cause == "connect-failed"
    assert second.error_time == pytest.approx(world.reactor.seconds() - 31 - 4, abs=2)


def test_an_edited_file_wins(places: Places, told: list[str]) -> None:
    """
    X21: where somebody changed the configuration since, that holds, and the log tells.
    """
    change_all(places.start())
    text = places.text.replace(FIRST, f"{FIRST} loadfactor=7").replace(f"    {SECOND}\n", "")
    world = places.start(text)
    assert [each.lbfactor for each in world.members()] == [700, 100]
    assert told == [
        f"shop: {FIRST}: loadfactor = 7 as the configuration says now;"
        " 3 was set at run time before that",
    ]


def test_a_balancer_of_another_name(places: Places, told: list[str]) -> None:
    """
    Nobody can tell that it is the same: it is as configured, and the log says what is left out.
    """
    change_all(places.start())
    world = places.start(places.text.replace("shop", "store"))
    assert [each.lbfactor for each in world.members("store")] == [100, 100]
    assert told == ["balancer shop is not in the configuration any more: its state is left out"]


def test_less_room_than_there_was(places: Places, told: list[str]) -> None:
    """
    Members that were added come back under a lower C{growth}: they carry traffic. No more come.
    """
    world = places.start()
    steering = world.service.targets.steering
    steering.apply(AddMember("shop", NEW), "me")
    world = places.start(places.text.replace("[balancer:shop]", "[balancer:shop]\ngrowth = 0"))
    assert [each.name for each in world.members()] == [FIRST, SECOND, NEW.url]
    assert told == []
    steering = world.service.targets.steering
    with pytest.raises(ValueError, match="leaves room for"):
        steering.apply(AddMember("shop", MemberSpec("http://10.0.0.10")), "me")


def test_a_removed_member_stays_so(places: Places, told: list[str]) -> None:
    """
    As long as the file has it; written anew under another address it is another member.
    """
    world = places.start()
    world.service.targets.steering.apply(RemoveMember("shop", SECOND), "me")
    assert [each.name for each in places.start().members()] == [FIRST]
    text = places.text.replace(SECOND, f"{SECOND}:81")
    assert [each.name for each in places.start(text).members()] == [FIRST, f"{SECOND}:81"]
    assert told == []


@pytest.mark.parametrize(("away", "factor"), [(20.0, 500), (300.0, 100)])
def test_a_factor_for_some_time(places: Places, away: float, factor: int) -> None:
    """
    It ends when it was to end, or at the start when that has passed; what ended stays so.
    """
    world = places.start()
    steering = world.service.targets.steering
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    places.wall += away
    world = places.start()
    steering = world.service.targets.steering
    world.advance(0)
    assert world.members()[0].lbfactor == factor
    found = steering.temporary("shop", FIRST)
    if factor == 500:
        assert found is not None
        assert (found.until, found.loadfactor) == (pytest.approx(places.wall + 40), 100)
    world.advance(41)
    assert [each.text for each in steering.journal.events if each.kind == "change"] == [
        "temporary load factor ended: loadfactor 5 -> 1"
    ]
    world = places.start()
    world.advance(100)
    assert world.members()[0].lbfactor == 100
    assert not world.service.targets.steering.past


def test_what_was_undone_is_undone_after_a_restart(places: Places) -> None:
    """
    Undoing is a change like others; what came before the restart cannot be undone after it.
    """
    world = places.start()
    steering = world.service.targets.steering
    steering.apply(SetMember("shop", FIRST, lbset=2), "me")
    steering.apply(RemoveMember("shop", FIRST), "me")
    steering.undo("me")
    world = places.start()
    assert [(each.name, each.lbset) for each in world.members()] == [(FIRST, 2), (SECOND, 0)]
    with pytest.raises(ValueError, match="nothing is left to undo"):
        world.service.targets.steering.undo("me")


def test_a_path_that_cannot_be_written_ends_the_start(places: Places) -> None:
    """
    With what to do, before a port is opened.
    """
    text = places.text.replace(str(places.path), "/nowhere/state.json")
    world = World(text)
    with pytest.raises(StartError, match="mkdir -p /nowhere"):
        world.service.privilegedStartService()
    assert world.reactor.open == {}


def test_a_disk_that_is_full(
    places: Places, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The change holds; who made it hears that it would not outlive a restart, the log says it once.
    """
    world = places.start()
    steering = world.service.targets.steering

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for lbset in (1, 2):
            steering.apply(SetMember("shop", FIRST, lbset=lbset), "me")
            heard: list[str] = []
            steering.settled().addCallback(heard.append)
            assert heard == [f"{places.path}: No space left on device"]
    assert told == [f"{places.path}: No space left on device"]
    assert world.members()[0].lbset == 2
    record = world.service.persistence.record
    assert (record.failed, record.fine) == (2, False)
    world.advance(31)
    assert (record.failed, record.fine, record.last) == (2, True, places.wall)
    assert told == [f"{places.path}: No space left on device", ""]
    steering.settled().addCallback(heard.append)
    assert heard[-1] == ""
    assert places.start().members()[0].lbset == 2


def test_a_file_that_is_given_up_is_no_trouble_any_more(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without a state file nothing is wrong with it, whatever was before.
    """
    world = places.start()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    world.service.targets.steering.apply(SetMember("shop", FIRST, lbset=1), "me")
    assert not world.service.persistence.record.fine
    world.reload(CONFIGURATION)
    assert world.service.persistence.record.fine
    heard: list[str] = []
    world.service.persistence.settled().addCallback(heard.append)
    assert heard == [""]


def test_one_write_at_a_time(places: Places) -> None:
    """
    Changes during a write go into one more, and each waits for the one that it is in.
    """
    world = places.start()
    persistence = world.service.persistence
    steering = world.service.targets.steering
    work: list[tuple[Deferred, object]] = []

    def thread(job):
        waiting: Deferred = Deferred()
        work.append((waiting, job))
        return waiting

    persistence._threads.in_thread = thread
    heard: list[str] = []
    for lbset in (1, 2, 3):
        steering.apply(SetMember("shop", FIRST, lbset=lbset), "me")
        steering.settled().addCallback(lambda fault, lbset=lbset: heard.append(lbset))
    assert len(work) == 1
    waiting, job = work.pop()
    waiting.callback(job())
    assert heard == [1]
    assert len(work) == 1
    waiting, job = work.pop()
    waiting.callback(job())
    assert heard == [1, 2, 3]
    assert work == []
    assert places.state()["members"][FIRST]["options"] == [["lbset", "0", "3"]]


def test_the_last_write_is_not_overtaken(places: Places) -> None:
    """
    A thread that comes late does not put older state over that of the end.
    """
    world = places.start()
    persistence = world.service.persistence
    jobs: list = []
    persistence._threads.in_thread = lambda job: (jobs.append(job), Deferred())[1]
    steering = world.service.targets.steering
    steering.apply(SetMember("shop", FIRST, lbset=1), "me")
    steering.apply(SetMember("shop", FIRST, lbset=2), "me")
    persistence.stop()
    assert jobs[0]() == ""
    assert places.state()["members"][FIRST]["options"] == [["lbset", "0", "2"]]


def test_work_that_fails_is_told(places: Places, told: list[str]) -> None:
    """
    Whatever a thread runs into, waiting answers come.
    """
    world = places.start()
    world.service.persistence._done(None)
    assert told == ["the write failed"]


def test_another_file_that_was_there_is_kept(
    places: Places, told: list[str], tmp_path: Path
) -> None:
    """
    A reload to the file of another process: what is in force is written, the other is kept.
    """
    other = StateFile(str(tmp_path / "other.json"))
    other.write(encode({"balancers": {}}))
    kept = Path(other.path).read_bytes()
    world = places.start()
    world.reload(places.text)
    assert told == []
    world.service.targets.steering.apply(SetMember("shop", FIRST, lbset=1), "me")
    world.reload(places.text.replace(str(places.path), other.path))
    assert "was there already" in told[0]
    (aside,) = tmp_path.glob("other.json.found-*")
    assert aside.read_bytes() == kept
    state = decode(Path(other.path).read_bytes())["balancers"]["shop"]
    assert state["members"][FIRST]["options"] == [["lbset", "0", "1"]]


def test_a_reload_may_change_the_file(places: Places, tmp_path: Path) -> None:
    """
    Another path gets the state as it is; none stops the writing; a bad one refuses the reload.
    """
    world = places.start()
    world.service.targets.steering.apply(SetMember("shop", FIRST, lbset=1), "me")
    other = tmp_path / "other.json"
    world.reload(places.text.replace(str(places.path), str(other)))
    assert decode(other.read_bytes())["balancers"]["shop"]["members"][FIRST]["options"]
    with pytest.raises(StartError, match="state /nowhere/x"):
        world.reload(places.text.replace(str(places.path), "/nowhere/x"))
    world.reload(CONFIGURATION)
    before = other.read_bytes()
    world.service.targets.steering.apply(SetMember("shop", FIRST, lbset=2), "me")
    world.advance(40)
    assert other.read_bytes() == before


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    """
    M40: a restart has the configuration alone.
    """
    world = World().start()
    change_all(world)
    world.advance(40)
    assert World().start().members()[0].lbfactor == 100


def test_a_newer_schema_is_kept_for_the_newer_version(places: Places, told: list[str]) -> None:
    """
    Going back to an older version of the program loses nothing.
    """
    StateFile(str(places.path)).write(encode({}))
    whole = json.loads(places.path.read_bytes())
    places.path.write_text(json.dumps({**whole, "schema": 99}))
    places.start()
    assert "of schema 99" in told[0]
    assert any("damaged" in each.name for each in places.path.parent.iterdir())


def test_who_was_ejected_stays_so(places: Places) -> None:
    """
    For as long as was left, and with how often; a damaged record of that loses itself alone.
    """
    places.text = places.text.replace("members =", "outlier-failures = 2\nmembers =")
    world = places.start()
    balancer = world.service.targets.balancers["shop"].balancer
    for _ in range(2):
        balancer.answered(balancer.members[0], 500, -1.0, world.service.runtime.now())
    assert world.members()[0].flags & flags.EJECTED
    world.service.persistence.stop()
    places.wall += 10.0
    world = places.start()
    ejection = world.members()[0].watched.ejection
    assert ejection is not None
    assert ejection.until - world.service.runtime.now() == pytest.approx(20.0, abs=0.5)
    world.service.persistence.stop()
    places.wall += 30.0
    world = places.start()
    assert not world.members()[0].flags & flags.EJECTED
    world.service.persistence.stop()
