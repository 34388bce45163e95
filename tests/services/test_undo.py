"""
Changes that are taken back, by people or by time.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import globalLogPublisher

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, SetBalancer, SetMember
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError
from txbalancer.services.steering import Steering
from txbalancer.testing import MemoryRig

FIRST, SECOND = "http://10.0.0.1", "http://10.0.0.2"
TWO = CONFIGURATION + "[balancer:two]\nmembers = http://10.0.0.3\n"


@pytest.fixture
def world() -> World:
    """
    Start a service with two members, and another balancer.
    """
    return World(TWO).start()


@pytest.fixture
def steering(world: World) -> Steering:
    """
    Return what steers it.
    """
    return world.service.targets.steering


def texts(steering: Steering) -> list[str]:
    """
    Return what the journal has of changes.
    """
    return [each.text for each in steering.journal.events if each.kind == "change"]


def test_changes_are_undone_from_the_last_one(world: World, steering: Steering) -> None:
    """
    Each by a change of its own, that names who did it and what was undone.
    """
    steering.apply(SetMember("shop", FIRST, on=flags.DRAIN), "me")
    steering.apply(SetMember("shop", FIRST, lbset=2), "me")
    steering.apply(SetBalancer("two", timeout=3.0), "me")
    steering.apply(SetMember("shop", FIRST, lbset=2), "me")
    heard = []
    steering.on_change.append(heard.append)
    first = world.members()[0]
    change = steering.undo("you", "shop")
    assert (change.before, change.after) == ({"lbset": "2"}, {"lbset": "0"})
    assert heard == [change]
    done = steering.journal.events[-1]
    assert (done.text, done.who) == ("undone: lbset 2 -> 0", "you")
    assert done.details["undoes"] == steering.journal.events[-3].number
    assert steering.undo("you").after == {"timeout": "0"}
    steering.undo("you")
    assert (first.flags, first.lbset) == (flags.INIT, 0)
    assert not steering.past
    with pytest.raises(ValueError, match="nothing is left to undo"):
        steering.undo("you")
    with pytest.raises(LookupError, match="no balancer x"):
        steering.undo("you", "x")


def test_an_undo_may_leave_nobody(steering: Steering) -> None:
    """
    A balancer that is left without a member is an event beside the change, and in the log.
    """
    for member in (FIRST, SECOND):
        steering.apply(SetMember("shop", member, on=flags.DISABLED), "me")
    steering.apply(SetMember("shop", SECOND, off=flags.DISABLED), "me")
    logged = []
    globalLogPublisher.addObserver(logged.append)
    try:
        assert steering.undo("you").warning == "shop has no member in use now"
    finally:
        globalLogPublisher.removeObserver(logged.append)
    event = steering.journal.events[-1]
    assert (event.kind, event.balancer, event.who) == ("warning", "shop", "you")
    assert event.text == "shop has no member in use now"
    assert event.text in [each.get("warning") for each in logged]


def test_a_removed_member_is_back_in_use(world: World, steering: Steering) -> None:
    """
    It has its pool again, that keeps connections; what it had in progress went on.
    """
    client = world.client(80, GET)
    member = world.accept()
    steering.apply(RemoveMember("shop", FIRST), "me")
    steering.apply(RemoveMember("shop", SECOND), "me")
    steering.undo("me")
    steering.undo("me")
    assert [each.name for each in world.members()] == [FIRST, SECOND]
    member.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    first = world.members()[0]
    assert (first.busy, len(first.pool.idle)) == (0, 1)


def test_a_removed_member_is_checked_again(world: World, steering: Steering) -> None:
    """
    As before it went.
    """
    new = MemberSpec("http://10.0.0.9", host="10.0.0.9", hcmethod="tcp", hcinterval=1.0)
    steering.apply(AddMember("shop", new), "me")
    steering.apply(RemoveMember("shop", new.url), "me")
    world.advance(1)
    assert world.openings() == []
    steering.undo("me")
    world.advance(1)
    assert [each.address for each in world.openings()] == [("10.0.0.9", 80)]


def test_a_reload_ends_what_can_be_undone(world: World, steering: Steering) -> None:
    """
    Where it changes the balancer: who edits the file since means what it says.
    """
    steering.apply(SetMember("shop", FIRST, lbset=2), "me")
    steering.apply(SetBalancer("two", timeout=3.0), "me")
    world.reload(TWO)
    assert len(steering.past) == 2
    world.reload(TWO.replace("10.0.0.2", "10.0.0.4"))
    assert [each.event.balancer for each in steering.past] == ["two"]
    world.reload(CONFIGURATION)
    assert not steering.past


def test_what_cannot_be_undone_any_more(world: World, steering: Steering) -> None:
    """
    It is said why, and stays to be undone.
    """
    text = TWO.replace("[txbalancer]", "[txbalancer]\nhcexpr = old %{REQUEST_STATUS} =~ /^2/")
    world.reload(text.replace("0.0.1", "0.0.1 hcmethod=get hcuri=/ hcexpr=old"))
    steering.apply(SetMember("shop", FIRST, hcexpr=""), "me")
    world.reload(text.replace("old", "new").replace("0.0.1", "0.0.1 hcmethod=get hcuri=/"))
    assert not steering.past
    world.reload(text.replace("0.0.1", "0.0.1 hcmethod=get hcuri=/"))
    steering.apply(SetMember("shop", FIRST, hcexpr="old"), "me")
    steering.apply(SetMember("shop", FIRST, hcexpr=""), "me")
    world.reload(text.replace("old", "new").replace("0.0.1", "0.0.1 hcmethod=get hcuri=/"))
    with pytest.raises(ValueError, match=r"'hcexpr old -> \(empty\)' cannot be undone: .*'old'"):
        steering.undo("me")
    assert len(steering.past) == 2


def test_what_is_so_already(world: World, steering: Steering) -> None:
    """
    Undoing what came to an end otherwise changes nothing, and is done with.
    """
    steering.apply(SetMember("shop", FIRST, on=flags.IN_ERROR), "me")
    world.service.targets.balancers["shop"].balancer.set_flags(
        world.members()[0], flags.INIT, "tried again", 0.0
    )
    assert not steering.undo("me")
    assert not steering.past
    assert len(texts(steering)) == 1


# -- factors for some time


def test_the_former_factor_comes_back(world: World, steering: Steering) -> None:
    """
    When its time is over; the journal tells, and there is nothing to undo then.
    """
    first = world.members()[0]
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    until = world.service.runtime.wall() + 60
    found = steering.temporary("shop", FIRST)
    assert found is not None
    assert (found.until, found.loadfactor) == (pytest.approx(until, abs=1), 100)
    world.advance(59)
    assert first.lbfactor == 500
    world.advance(2)
    assert (first.lbfactor, steering.temporary("shop", FIRST)) == (100, None)
    assert texts(steering) == [
        "loadfactor 1 -> 5, lasting (none) -> 1 min, then 1",
        "temporary load factor ended: loadfactor 5 -> 1",
    ]
    assert not steering.past
    world.advance(120)
    assert len(texts(steering)) == 2


def test_undone_before_its_time(world: World, steering: Steering) -> None:
    """
    It ends at once, and not again.
    """
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    steering.undo("me")
    assert world.members()[0].lbfactor == 100
    steering.apply(SetMember("shop", FIRST, loadfactor=300), "me")
    world.advance(120)
    assert world.members()[0].lbfactor == 300
    assert len(texts(steering)) == 3


def test_several_at_once(world: World, steering: Steering) -> None:
    """
    Each ends in its time, in whichever order they were given.
    """
    first, second = world.members()
    third = world.members("two")[0]
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    steering.apply(SetMember("shop", SECOND, loadfactor=600, lasting=30.0), "me")
    steering.apply(SetMember("two", third.name, loadfactor=700, lasting=30.0), "me")
    world.advance(31)
    assert [first.lbfactor, second.lbfactor, third.lbfactor] == [500, 100, 100]
    world.advance(30)
    assert [first.lbfactor, second.lbfactor, third.lbfactor] == [100, 100, 100]


def test_it_outlives_a_reload(world: World, steering: Steering) -> None:
    """
    Where the file still says what it said; a balancer that is gone takes it along.
    """
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    steering.apply(SetMember("two", "http://10.0.0.3", loadfactor=500, lasting=60.0), "me")
    world.reload(CONFIGURATION)
    world.advance(61)
    assert world.members()[0].lbfactor == 100
    assert len(texts(steering)) == 3


def test_an_end_that_was_missed(world: World, steering: Steering) -> None:
    """
    Undoing what superseded it, or the removal of its member, after its time: it ends then.
    """
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    steering.apply(SetMember("shop", FIRST, loadfactor=800), "me")
    steering.apply(RemoveMember("shop", FIRST), "me")
    world.advance(61)
    steering.undo("me")
    world.advance(0.1)
    assert world.members()[0].lbfactor == 800
    steering.undo("me")
    assert world.members()[0].lbfactor == 500
    world.advance(0.1)
    assert world.members()[0].lbfactor == 100


def test_a_stopped_service_changes_nothing(world: World, steering: Steering) -> None:
    """
    No timer stays behind.
    """
    steering.apply(SetMember("shop", FIRST, loadfactor=500, lasting=60.0), "me")
    stopping = world.service.stopService()
    world.advance(1)
    assert stopping.called
    assert world.reactor.getDelayedCalls() == []


def test_nothing_of_it_for_a_factor_for_good(steering: Steering) -> None:
    """
    Nor for what is not there.
    """
    assert steering.temporary("shop", FIRST) is None
    with pytest.raises(LookupError, match="no member x"):
        steering.temporary("shop", "x")


# -- what else people ask for


def test_a_member_is_asked_now(steering: Steering) -> None:
    """
    Who asked and what was found is noted once it is known.
    """
    asked: list[tuple[str, str]] = []
    answer: Deferred[ProbeResult] = Deferred()
    steering.probe_now = lambda *names: (asked.append(names), answer)[1]
    heard: list[ProbeResult] = []
    steering.probe("shop", FIRST, "me").addCallback(heard.append)
    assert asked == [("shop", FIRST)]
    assert steering.journal.events[-1].kind != "probe"
    answer.callback(ProbeResult(False, "status 503", 0.5))
    noted = steering.journal.events[-1]
    assert (noted.kind, noted.who, noted.member) == ("probe", "me", FIRST)
    assert noted.text == "asked now, it failed: status 503"
    assert noted.details == {"passed": False, "seconds": 0.5}
    assert heard[0].text == "status 503"
    steering.probe_now = lambda *names: succeed(ProbeResult(True, "status 200"))
    steering.probe("shop", FIRST, "me")
    assert steering.journal.events[-1].text == "asked now, it passed: status 200"
    with pytest.raises(LookupError, match="no member x"):
        steering.probe("shop", "x", "me")


def test_nobody_asks_without_a_service() -> None:
    """
    That is said.
    """
    steering = MemoryRig(CONFIGURATION).targets.steering
    with pytest.raises(ValueError, match="the service does not run"):
        steering.probe("shop", FIRST, "me")


def test_a_reload_names_who_asked(world: World) -> None:
    """
    In the journal; without a file there is nothing to read.
    """
    steering = world.service.targets.steering
    with pytest.raises(StartError, match="no configuration file"):
        steering.reload("me")
    world = World(TWO, path="x.ini")
    world.start()
    steering = world.service.targets.steering
    assert steering.facts.config == "x.ini"
    world.service._load = lambda *found: type(
        "Loaded", (), {"spec": world.spec(CONFIGURATION), "warnings": ()}
    )
    lines = steering.reload("me")
    assert "two" in lines[0]
    noted = steering.journal.events[-1]
    assert (noted.kind, noted.who, noted.details) == ("reload", "me", {"changes": lines})
    assert steering.names() == ("shop",)
