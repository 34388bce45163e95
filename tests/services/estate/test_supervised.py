"""
What people see of a service, in the one that takes its place.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.worlds import OK, World
from txbalancer.core.commands import RemoveMember, Revert, SetBalancer, SetMember
from txbalancer.core.events import Event
from txbalancer.core.flags import DRAIN
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import StickyNames
from txbalancer.services.estate import graphs, probes

MEMBER = "http://10.0.0.1"
OTHER = "http://10.0.0.2"
GET = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
TEXT = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
growth = 3
members =
    http://10.0.0.1 route=a loadfactor=2
    http://10.0.0.2 route=b
[mount:/]
to = balancer://shop/
"""


def left(world: World) -> Any:
    """
    Return what a service leaves, as it arrives.
    """
    return json.loads(json.dumps(world.service.inheritance.state()))


def heir(state: Any, text: str = TEXT) -> tuple[World, list[str]]:
    """
    Start a service that goes on with that; return it, and what it says.
    """
    world = World(text)
    world.reactor.advance(1000)
    world.start()
    return world, list(world.service.inheritance.take(state))


@pytest.fixture
def old() -> World:
    """
    Start a service.
    """
    return World(TEXT).start()


def test_all_can_be_undone_there(old: World) -> None:
    """
    The list goes on, from the last change on, whichever commands they were; and with its
    numbers.
    """
    steering = old.service.targets.steering
    before = steering.balancer("shop").spec
    steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    steering.apply(SetBalancer("shop", stickysession=StickyNames("a", "b"), timeout=3.0), "alice")
    steering.apply(SetMember("shop", MEMBER, loadfactor=700, lasting=60.0), "alice")
    steering.apply(SetMember("shop", MEMBER, loadfactor=800, lasting=60.0), "alice")
    steering.apply(RemoveMember("shop", OTHER), "alice")
    old.reactor.advance(1)
    new, notes = heir(left(old))
    assert notes == []
    steering = new.service.targets.steering
    assert [each.event.text for each in steering.past] == [
        each.event.text for each in old.service.targets.steering.past
    ]
    assert [each.name for each in steering.balancer("shop").members] == [MEMBER]
    steering.undo("bob")
    one, two = steering.balancer("shop").members
    assert (two.name, two.route, two.flags) == (OTHER, b"b", one.flags & ~DRAIN)
    steering.undo("bob")
    assert one.lbfactor == 700
    assert one.temporary is not None
    assert one.temporary.until - new.service.runtime.now() == pytest.approx(59)
    steering.undo("bob")
    assert (one.lbfactor, one.temporary) == (200, None)
    steering.undo("bob")
    assert steering.balancer("shop").spec == before
    steering.undo("bob")
    assert not one.flags & DRAIN
    with pytest.raises(ValueError, match="nothing is left to undo"):
        steering.undo("bob")


def test_another_configuration_has_nothing_to_undo(old: World) -> None:
    """
    As after a reload: what a change took the place of may not be in the file any more.
    """
    old.service.targets.steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    new, (note,) = heir(left(old), TEXT.replace("loadfactor=2", "loadfactor=3"))
    assert note.startswith("undo: shop is configured otherwise")
    assert not new.service.targets.steering.past


def served(world: World, times: int) -> None:
    """
    Have requests answered.
    """
    for _ in range(times):
        client = world.client(request=GET)
        world.accept().send(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert b"200 OK" in client.taken()


def test_graphs_go_on(old: World) -> None:
    """
    Samples, points and percentiles are those of before, and the next step counts from there.
    """
    telemetry = old.service.telemetry
    for count in (3, 0, 2, 1):
        served(old, count)
        telemetry.step()
    served(old, 1)
    new, notes = heir(left(old))
    assert notes == []
    went = new.service.telemetry
    for name in (MEMBER, OTHER):
        before, after = telemetry.history("shop", name), went.history("shop", name)
        assert after.samples == before.samples
        assert after.points == before.points
        assert after.steps == before.steps
        assert after.percentiles() == before.percentiles()
        assert after.rate() == before.rate()
    went.step()
    last = [went.history("shop", name).requests[-1] for name in (MEMBER, OTHER)]
    assert sum(last) == 1


def test_graphs_of_very_many_are_those_of_the_busiest(
    old: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is left behind is told.
    """
    served(old, 4)
    old.service.telemetry.step()
    monkeypatch.setattr(graphs, "MOST", 1)
    new, (note,) = heir(left(old))
    assert note == "graphs: those of 1 member with less traffic begin anew"
    histories = new.service.telemetry.histories
    assert [max(each.requests) for each in histories.values() if each.requests] == [3]


def test_checks_and_their_transcripts_are_still_there(old: World) -> None:
    """
    With the times at which they were; those of this process come after them.
    """
    for number in range(3):
        result = ProbeResult(number > 0, f"status {number}", 0.5, transcript=f"> GET {number}")
        old.service.targets.checked("shop", MEMBER, result)
    old.reactor.advance(5)
    new, notes = heir(left(old))
    assert notes == []
    one, two = new.members()
    assert [probe for _, probe in one.probes] == [probe for _, probe in old.members()[0].probes]
    assert [each.transcript for _, each in one.probes] == ["> GET 0", "> GET 1", "> GET 2"]
    assert one.probe == ProbeResult(True, "status 2", 0.5)
    assert new.service.runtime.now() - one.probed == pytest.approx(5)
    assert two.probe is None
    new.service.targets.checked("shop", MEMBER, ProbeResult(True))
    assert len(one.probes) == 4


def test_transcripts_have_a_bound(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The latest of each member go first; of the others only what came of them is told.
    """
    monkeypatch.setattr(probes, "MOST", 25)
    for member in (MEMBER, OTHER):
        for number in range(2):
            result = ProbeResult(True, f"{number}", transcript="x" * 10)
            old.service.targets.checked("shop", member, result)
    new, _ = heir(left(old))
    for each in new.members():
        assert [len(probe.transcript) for _, probe in each.probes] == [0, 10]


@pytest.mark.parametrize("name", ["undo", "graphs", "checks"])
@pytest.mark.parametrize("data", [None, {"changes": [1], "members": [[]]}, [[1]]])
def test_a_damaged_part_is_lost_alone(old: World, name: str, data: Any) -> None:
    """
    With one line that names it; the others hold.
    """
    old.service.targets.steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    served(old, 2)
    old.service.telemetry.step()
    old.service.targets.checked("shop", MEMBER, ProbeResult(True, transcript="> x"))
    state = left(old)
    state["parts"][name]["data"] = data
    new, (note,) = heir(state)
    assert note.startswith(f"{name}: not of a form that this version knows, begun anew: ")
    assert bool(new.service.targets.steering.past) is (name != "undo")
    assert bool(new.service.telemetry.histories) is (name != "graphs")
    assert bool(new.members()[0].probes) is (name != "checks")


def test_parts_of_other_versions(old: World) -> None:
    """
    One that is not known, or of another version, is left out with a line; a version that has no
    parts leaves none.
    """
    old.service.targets.steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    state = left(old)
    state["parts"]["news"] = {"version": 1, "data": []}
    state["parts"]["undo"]["version"] = 9
    new, notes = heir(state)
    assert sorted(notes) == [
        "news: this version does not know what that is; it is left out",
        "undo: of version 9, and this one knows 1; begun anew",
    ]
    assert not new.service.targets.steering.past
    del state["parts"]
    assert heir(state)[1] == []
    state["parts"] = 1
    assert len(heir(state)[1]) == 1


def test_a_part_that_cannot_be_told_is_missing(old: World) -> None:
    """
    The upgrade goes on without it, and the log says so.
    """
    steering = old.service.targets.steering
    event = Event(1, 0.0, "change", "shop", MEMBER, "", "", {})
    steering.remember(event, Revert("shop", MEMBER))
    parts = old.service.inheritance.state()["parts"]
    assert sorted(parts) == ["checks", "graphs", "passwords", "rates"]
