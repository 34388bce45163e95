"""
Sources of members over restarts and reloads.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred

from tests.services.discovering import ONE, PLACE, THREE, TWO
from txbalancer.control.api.commands import add_member, new_member_fields
from txbalancer.control.report import balancer_report
from txbalancer.control.slices import at_once
from txbalancer.control.state import decode
from txbalancer.core import flags
from txbalancer.core.commands import RemoveMember, SetMember
from txbalancer.core.discovery import Answer
from txbalancer.core.overrides import of_member


def test_the_last_good_answer_outlives_a_restart(worlds, tmp_path: Path) -> None:
    """
    With a state file the members are there before their source answers, as people left them;
    they are in it as what a source said.
    """
    service = f"state = {tmp_path}/state.json"
    first = worlds(f"discover = {PLACE} interval=1s", service)
    first.source.answer = Answer((f"{ONE} route=a", TWO))
    first.start()
    steering = first.service.targets.steering
    steering.apply(SetMember("shop", ONE, loadfactor=500, on=flags.DISABLED), "me")
    first.service.persistence.stop()
    state = decode((tmp_path / "state.json").read_bytes())["balancers"]["shop"]
    assert state["members"][ONE]["source"] == PLACE
    assert ["loadfactor", "1", "5"] in state["members"][ONE]["options"]
    assert "added" not in state["members"][ONE]

    second = worlds(f"discover = {PLACE} interval=1s", service)
    second.source.answer = RuntimeError("not yet")
    second.start()
    one, two = second.members()
    assert (one.name, one.route, one.lbfactor, two.name) == (ONE, b"a", 500, TWO)
    assert one.flags & flags.DISABLED
    changed = of_member(second.service.targets.steering.balancer("shop"), one)
    assert changed is not None
    assert {each.name for each in changed} == {"loadfactor", "status"}
    assert second.view().members == 2
    second.source.answer = Answer((ONE, THREE))
    second.reactor.pump([1.0] * 40)
    assert [each.name for each in second.members()] == [ONE, THREE]
    assert second.members()[0].lbfactor == 500


def test_a_removed_member_stays_away_over_a_restart(worlds, tmp_path: Path) -> None:
    """
    As long as its source names it; it is shown, and comes back when somebody adds it, although
    there is no room for others.
    """
    service = f"state = {tmp_path}/state.json"
    first = worlds(f"discover = {PLACE} interval=1s", service)
    first.source.answer = Answer((f"{ONE} route=a", TWO))
    first.start()
    first.service.targets.steering.apply(RemoveMember("shop", ONE), "me")
    first.service.persistence.stop()

    second = worlds(f"discover = {PLACE} interval=1s", service)
    second.source.answer = RuntimeError("not yet")
    second.start()
    second.source.answer = Answer((f"{ONE} route=b", TWO))
    second.reactor.pump([1.0] * 3)
    assert second.names() == [TWO]
    steering = second.service.targets.steering
    report = at_once(balancer_report(steering, "shop"))
    assert report["removed"] == [ONE]
    assert report["dismissed"] == [{"url": ONE, "source": PLACE}]
    balancer = steering.balancer("shop")
    fields = new_member_fields(steering).read({"url": ONE, "loadfactor": 2})
    steering.apply(add_member(steering, balancer, fields), "me")
    (_, back) = second.members()
    assert (back.name, back.route, back.lbfactor) == (ONE, b"b", 200)
    assert at_once(balancer_report(steering, "shop"))["dismissed"] == []
    second.source.answer = Answer((TWO,))
    second.reactor.pump([1.0] * 40)
    assert second.names() == [TWO]


def test_a_member_that_its_source_drops_is_kept_away_no_more(worlds, tmp_path: Path) -> None:
    """
    Not by what the state file says, either; nor where the source is not asked any more.
    """
    service = f"state = {tmp_path}/state.json"
    first = worlds(f"discover = {PLACE} interval=1s", service)
    first.source.answer = Answer((ONE, TWO))
    first.start()
    first.service.targets.steering.apply(RemoveMember("shop", ONE), "me")
    first.service.persistence.stop()
    other = worlds("discover = fake:b interval=1s", service)
    other.start()
    assert other.service.targets.steering.balancer("shop").dismissed == {}
    second = worlds(f"discover = {PLACE} interval=1s missing=1", service)
    second.source.answer = Answer((TWO,))
    second.start()
    second.source.answer = Answer((ONE, TWO))
    second.reactor.pump([1.0] * 3)
    assert second.names() == [TWO, ONE]


def test_members_of_a_source_that_is_not_asked_any_more_do_not_come_back(
    worlds, tmp_path: Path
) -> None:
    """
    A state file has members of sources that the configuration does not have: they are left out.
    """
    service = f"state = {tmp_path}/state.json"
    first = worlds(f"discover = {PLACE}", service)
    first.source.answer = Answer((ONE,))
    first.start()
    first.service.persistence.stop()
    second = worlds("discover = fake:b", service).start()
    assert second.members() == ()


def test_a_reload_leaves_sources_that_stay_alone(worlds) -> None:
    """
    The same source is not asked anew, and its members do not change.
    """
    world = worlds(f"discover = {PLACE}")
    world.source.answer = Answer((ONE,))
    world.start()
    member = world.members()[0]
    asked = world.source.asked
    world.change(f"lbmethod = bybusyness\ndiscover =\n    {PLACE}\n    fake:b")
    assert world.source.asked == asked
    assert world.members()[0] is member


def test_a_reload_with_other_options_asks_anew(worlds) -> None:
    """
    Members get the defaults of now, and keep their state.
    """
    world = worlds(f"discover = {PLACE}")
    world.source.answer = Answer((ONE,))
    world.start()
    member = world.members()[0]
    world.change(f"discover = {PLACE} loadfactor=4")
    assert world.members()[0] is member
    assert member.lbfactor == 400


def test_a_reload_without_a_source_takes_its_members_along(worlds) -> None:
    """
    They are drained for the grace of their source, then removed; whatever else is there stays.
    """
    world = worlds(f"discover =\n    {PLACE} grace=10s\n    fake:b")
    world.source.answer, world.fakes.at("fake:b").answer = Answer((ONE,)), Answer((TWO,))
    world.start()
    world.change("discover = fake:b")
    assert world.source.closed
    assert world.names() == [TWO]
    world.reactor.advance(9.9)
    assert len(world.members()) == 2
    world.reactor.advance(0.2)
    assert [each.name for each in world.members()] == [TWO]
    world.change(f"members = {THREE}")
    world.reactor.pump([1.0] * 31)
    assert [each.name for each in world.members()] == [THREE]


def test_a_member_that_is_configured_now_is_the_configurations(worlds) -> None:
    """
    Its source says nothing about it any more, nor takes it away.
    """
    world = worlds(f"discover = {PLACE} interval=1s grace=0")
    world.source.answer = Answer((ONE,))
    world.start()
    member = world.members()[0]
    world.change(f"discover = {PLACE} interval=1s grace=0 empty=remove\nmembers = {ONE} lbset=2")
    assert (world.members()[0] is member, member.lbset, member.origin) == (True, 2, None)
    world.source.answer = Answer(())
    world.reactor.pump([1.0] * 5)
    assert world.names() == [ONE]


def test_a_balancer_that_goes_stops_its_sources(worlds) -> None:
    """
    Nobody asks for members of a balancer that is not there.
    """
    world = worlds()
    world.source.answer = Answer((ONE,))
    world.start()
    world.reload(
        "[listener:web]\nendpoint = tcp:80\n[balancer:two]\nmembers = http://10.0.0.9\n"
        "[mount:/]\nto = balancer://two/\n"
    )
    assert world.source.closed
    assert list(world.service.targets.discovery.views()) == []


def test_a_stop_ends_all_looks(worlds) -> None:
    """
    A service that stops asks nobody any more; a look in progress is cancelled.
    """
    world = worlds()
    cancelled: list[object] = []
    world.source.answer = Deferred(cancelled.append)
    world.start()
    world.service.stopService()
    assert len(cancelled) == 1
    assert world.source.closed
