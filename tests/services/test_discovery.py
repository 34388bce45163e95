"""
Sources of members of a whole service: asked in time, followed and shown.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.services.discovering import ONE, PLACE, THREE, TWO, Discovering
from tests.services.worlds import GET, OK
from txbalancer.control.discovered import SourceView, in_words
from txbalancer.control.report import balancer_report
from txbalancer.control.slices import at_once
from txbalancer.core import flags
from txbalancer.core.commands import RemoveMember, SetMember
from txbalancer.core.discovery import Answer
from txbalancer.services.discovery import AT_ONCE


def test_members_are_there_as_soon_as_a_source_answers(worlds) -> None:
    """
    The start waits for nobody: requests get 503 until the first answer, then they are served by
    members with the options of the balancer.
    """
    world = worlds()
    world.source.answer = answer = Deferred()
    world.start()
    client = world.client(request=GET)
    assert client.taken().startswith(b"HTTP/1.1 503 ")
    answer.callback(Answer((f"{ONE} route=a",)))
    (member,) = world.members()
    assert (member.route, member.spec.connectiontimeout) == (b"a", 7.0)
    client = world.client(request=GET)
    world.accept().send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200 ")
    assert world.texts("change") == [f"discovery {PLACE}: member (none) -> {ONE}"]


def test_an_answer_at_once_is_there_with_the_start(worlds) -> None:
    """
    What is known without waiting, as from a file, is there before the first request.
    """
    world = worlds()
    world.source.answer = Answer((ONE, TWO))
    world.start()
    assert world.names() == [ONE, TWO]


def test_a_source_is_asked_again(worlds) -> None:
    """
    After the interval, or after the TTL between floor and interval.
    """
    world = worlds(f"discover = {PLACE} interval=20s")
    world.source.answer = Answer((ONE,))
    world.start()
    for ttl, pause in ((None, 20.0), (60.0, 20.0), (8.0, 8.0), (0.0, 5.0)):
        world.source.answer = Answer((ONE,), ttl)
        world.reactor.advance(1000.0)
        asked = world.source.asked
        world.reactor.advance(pause - 0.01)
        assert world.source.asked == asked
        world.reactor.advance(0.02)
        assert world.source.asked == asked + 1


def test_members_that_are_gone_are_drained_then_removed(worlds) -> None:
    """
    A member that two answers lack gets no new sessions, and goes after its grace; what it has
    in progress ends well.
    """
    world = worlds(f"discover = {PLACE} interval=1s grace=10s")
    world.source.answer = Answer((ONE,))
    world.start()
    client = world.client(request=GET)
    member = world.accept()
    world.source.answer = Answer((TWO,))
    world.reactor.advance(1.0)
    assert world.names() == [ONE, TWO]
    world.reactor.advance(1.0)
    assert world.names() == [TWO]
    world.reactor.advance(9.9)
    assert len(world.members()) == 2
    world.reactor.advance(0.1)
    assert [each.name for each in world.members()] == [TWO]
    member.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200 ")
    added, drained, removed = world.texts("change")[1:]
    assert added == f"discovery {PLACE}: member (none) -> {TWO}"
    assert drained.startswith(f"discovery {PLACE}: ")
    assert drained.endswith("state in use -> draining")
    assert removed == f"discovery {PLACE}: member {ONE} -> (none)"


def test_a_failing_source_changes_nothing(worlds) -> None:
    """
    Its members stay; it is asked again soon, then less often; both ends are told.
    """
    world = worlds(f"discover = {PLACE} interval=10s")
    world.source.answer = Answer((ONE,))
    world.start()
    world.source.answer = RuntimeError("no way\nat all")
    world.reactor.advance(10.0)
    assert world.names() == [ONE]
    view = world.view()
    assert (view.fault, view.members, view.failures) == ("no way at all", 1, 1)
    assert (view.last, view.since) == (world.wall, world.wall + 10.0)
    asked = world.source.asked
    for pause in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        world.reactor.advance(pause)
        asked += 1
        assert world.source.asked == asked
    world.source.answer = Answer((ONE, TWO))
    world.reactor.advance(10.0)
    assert world.names() == [ONE, TWO]
    assert world.view().fault == ""
    assert world.texts("discovery") == [
        f": source {PLACE} fails: no way at all; 1 member of before stay",
        f": source {PLACE} answers again",
    ]


def test_a_source_that_says_nothing_is_given_up(worlds) -> None:
    """
    A look is cancelled after its timeout, and another one follows.
    """
    world = worlds(f"discover = {PLACE} timeout=3s")
    cancelled: list[object] = []
    world.source.answer = Deferred(cancelled.append)
    world.start()
    world.reactor.advance(2.9)
    assert world.view().fault == ""
    world.reactor.advance(0.1)
    assert len(cancelled) == 1
    assert world.view().fault == "no answer within 3s"
    world.source.answer = Answer((ONE,))
    world.reactor.advance(1.0)
    assert world.names() == [ONE]


def test_members_of_a_source_that_fails_for_too_long_go(worlds) -> None:
    """
    keep bounds how long the last good answer counts; the whole list is asked for after it.
    """
    world = worlds(f"discover = {PLACE} interval=10s keep=30s grace=0")
    world.source.answer = Answer((ONE,))
    world.start()
    world.source.answer = RuntimeError("gone")
    world.reactor.pump([1.0] * 30)
    assert world.names() == [ONE]
    world.reactor.pump([1.0] * 30)
    assert world.names() == []
    assert world.source.closed
    assert f": source {PLACE} failed for keep = 30s: its members go" in world.texts("discovery")


def test_nobody_is_no_answer_unless_it_is_wanted(worlds) -> None:
    """
    An empty answer is a failure by default, and removes all with empty=remove.
    """
    balancer = f"discover =\n    {PLACE} interval=1s\n    fake:b interval=1s grace=0 empty=remove"
    world = worlds(balancer)
    world.source.answer, world.fakes.at("fake:b").answer = Answer((ONE,)), Answer((TWO,))
    world.start()
    world.source.answer = Answer((), note="there is no name a")
    world.fakes.at("fake:b").answer = Answer(())
    world.reactor.pump([1.0] * 3)
    assert world.names() == [ONE]
    assert [world.view(number).fault for number in (0, 1)] == ["there is no name a", ""]
    world.source.answer = Answer(())
    world.reactor.pump([1.0] * 5)
    assert world.view().fault == "the answer has no member; empty = remove takes that"


def test_an_answer_with_a_fault_is_refused_whole(worlds) -> None:
    """
    Members that cannot be are told with their places, the others wait too; that nothing is
    new does not make it better.
    """
    world = worlds(f"discover = {PLACE} interval=1s")
    world.source.answer = Answer((ONE,))
    world.start()
    bad = ("http://10.0.0.2", "tcp://10.0.0.3:1", "http://10.0.0.4 hcexpr=x")
    world.source.answer = Answer(bad, where=("f:1", "f:2", "f:3"))
    world.reactor.advance(1.0)
    assert world.names() == [ONE]
    fault = world.view().fault
    assert "tcp://10.0.0.3:1: shop needs http://" in fault
    assert "no expression 'x'" in fault
    world.source.answer = None
    world.reactor.advance(1.0)
    assert world.view().fault == fault
    world.source.answer = Answer(tuple(f"x{number}" for number in range(9)))
    world.reactor.advance(2.0)
    assert world.view().fault.endswith("(and 6 more)")


@pytest.mark.parametrize("answer", ["http://10.0.0.2", Answer((1,)), Answer((TWO,), ttl="x")])
@pytest.mark.usefixtures("failures")
def test_what_nobody_understands_is_a_failure(worlds, answer: object) -> None:
    """
    A plugin that answers in another form is told of, and asked again.
    """
    world = worlds(f"discover = {PLACE} interval=1s")
    world.source.answer = Answer((ONE,))
    world.start()
    world.source.answer = answer
    world.reactor.advance(1.0)
    assert world.view().fault.startswith("its answer cannot be understood")
    world.source.answer = Answer((ONE, TWO))
    world.reactor.advance(1.0)
    assert world.names() == [ONE, TWO]


def test_a_fault_in_taking_members_is_not_the_end(worlds, failures, monkeypatch) -> None:
    """
    Whatever goes wrong with some members, the next answer is followed.
    """
    world = worlds(f"discover = {PLACE} interval=1s").start()
    steering = world.service.targets.steering
    carry_out = steering.carry_out_all
    monkeypatch.setattr(steering, "carry_out_all", lambda *arguments: 1 / 0)
    world.source.answer = Answer(tuple(f"http://10.1.0.{number}" for number in range(50)))
    world.reactor.pump([1.0] + [0.0] * 5)
    assert len(failures) == 5
    assert world.names() == []
    monkeypatch.setattr(steering, "carry_out_all", carry_out)
    world.reactor.pump([1.0, 0.0, 0.0, 0.0])
    assert len(world.names()) == 50


def test_nothing_new_is_an_answer(worlds) -> None:
    """
    C{None} repeats the last answer.
    """
    world = worlds(f"discover = {PLACE} interval=1s")
    world.source.answer = Answer((ONE,))
    world.start()
    world.source.answer = None
    world.reactor.pump([1.0] * 5)
    assert world.names() == [ONE]
    assert world.view().last == world.wall + 5.0


def test_most_bounds_a_source(worlds) -> None:
    """
    The first members are taken, and the status says that there are more.
    """
    world = worlds(f"growth = 0\ndiscover = {PLACE} most=2")
    world.source.answer = Answer((ONE, TWO, THREE))
    world.start()
    assert world.names() == [ONE, TWO]
    assert world.view().note == "it has 3 members, of which most = 2 are taken"
    assert world.view().fault == ""


def test_many_members_come_in_parts(worlds) -> None:
    """
    Traffic has its turn between; log and journal get the sum.
    """
    world = worlds()
    many = tuple(f"http://10.1.{number // 250}.{number % 250}" for number in range(90))
    world.source.answer = Answer(many)
    world.start()
    assert len(world.members()) == AT_ONCE
    world.reactor.pump([0.0] * 5)
    assert [each.name for each in world.members()] == list(many)
    assert world.texts("change") == []
    assert world.texts("discovery") == ["discovery: 90 members added"]


def test_an_answer_while_members_still_come_is_not_lost(worlds) -> None:
    """
    What another source says meanwhile is looked at when the rest is done.
    """
    world = worlds(f"discover =\n    {PLACE}\n    fake:b")
    world.source.answer = Answer(tuple(f"http://10.1.0.{number}" for number in range(50)))
    late = world.fakes.at("fake:b").answer = Deferred()
    world.start()
    late.callback(Answer((ONE,)))
    assert ONE not in world.names()
    world.reactor.pump([0.0] * 5)
    assert ONE in world.names()


def test_what_people_did_is_not_undone_by_answers(worlds) -> None:
    """
    A drain, a factor and a removal stay; undo takes back changes of people only, and forgets
    those of members that went.
    """
    world = worlds(f"discover = {PLACE} interval=1s grace=0 missing=1")
    world.source.answer = Answer((ONE, TWO, THREE))
    world.start()
    steering = world.service.targets.steering
    with pytest.raises(ValueError, match="nothing"):
        steering.undo("me")
    steering.apply(SetMember("shop", ONE, loadfactor=500, on=flags.DRAIN), "me")
    steering.apply(RemoveMember("shop", THREE), "me")
    world.reactor.pump([1.0] * 3)
    assert world.names() == [TWO]
    assert world.members()[0].lbfactor == 500
    steering.undo("me")
    assert world.names() == [TWO, THREE]
    world.source.answer = Answer((TWO, THREE))
    world.reactor.advance(1.0)
    assert [each.name for each in world.members()] == [TWO, THREE]
    with pytest.raises(ValueError, match="nothing"):
        steering.undo("me")


def test_other_options_reach_pools_and_checks(worlds) -> None:
    """
    What a source says anew of a member is in force at once, in its pool and its health checks.
    """
    world = worlds(f"discover = {PLACE} interval=1s")
    world.source.answer = Answer((ONE,))
    world.start()
    world.source.answer = Answer((f"{ONE} max=3 hcmethod=tcp",))
    world.reactor.advance(1.0)
    (member,) = world.members()
    assert (member.spec.max, member.pool.spec.max) == (3, 3)
    assert world.service.checks.now("shop", ONE) is not None


SHOWN = (
    f"discover = {PLACE}\n"
    "[mount:/bm]\nto = manager:\nrequire = all granted\n"
    "[mount:/metrics]\nto = metrics:\nrequire = all granted\n"
)


def page(world: Discovering, path: str) -> str:
    """
    Return what is at a path.
    """
    client = world.client(request=f"GET {path} HTTP/1.1\r\nHost: lb.test\r\n\r\n".encode())
    world.reactor.pump([0.0] * 50)
    return client.taken().decode()


def test_sources_are_shown_everywhere(worlds) -> None:
    """
    The manager's page, the API and the metrics tell how sources do, and which members are theirs.
    """
    world = worlds(SHOWN)
    world.source.answer = Answer((ONE,))
    world.start()
    world.source.answer = RuntimeError("no <way>")
    world.reactor.advance(10.0)
    shown = page(world, "/bm")
    assert f"from {PLACE}" in shown
    assert f"{PLACE}: fails for 0 s: no &lt;way&gt; (answered 10 s ago; 1 member" in shown
    report = at_once(balancer_report(world.service.targets.steering, "shop"))
    (member,) = report["members"]
    assert (member["source"], member["added"], member["overrides"]) == (PLACE, False, [])
    assert report["discovery"] == [
        {
            "source": PLACE,
            "members": 1,
            "fine": False,
            "fault": "no <way>",
            "failing_since": world.wall + 10.0,
            "last": world.wall,
            "note": "",
            "looks": 2,
            "failures": 1,
        }
    ]
    assert report["room"] == 100
    metrics = page(world, "/metrics")
    labels = f'{{balancer="shop",source="{PLACE}"'
    assert f"txbalancer_source_members{labels}}} 1" in metrics
    assert f"txbalancer_source_successful{labels}}} 0" in metrics
    assert f'txbalancer_source_looks_total{labels},result="failed"}} 1' in metrics


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "fake:a: 2 members, answered 5 s ago"),
        ({"last": None}, "fake:a: 2 members, never answered yet"),
        ({"note": "too many"}, "fake:a: 2 members, answered 5 s ago; too many"),
        (
            {"fine": False, "fault": "no", "failing_since": 70.0},
            "fake:a: fails for 30 s: no (answered 5 s ago; 2 members of before stay)",
        ),
        (
            {"fine": False, "fault": "no", "failing_since": 70.0, "members": 0, "last": None},
            "fake:a: fails for 30 s: no (never answered yet)",
        ),
    ],
)
def test_sources_in_words(changes: dict, text: str) -> None:
    """
    A source's state in one line, for page and command.
    """
    view = SourceView("shop", "fake:a", 2, "", None, 95.0, "", 7, 0)
    assert view.words(100.0) == "fake:a: 2 members, answered 5 s ago"
    assert in_words({**view.as_json(), **changes}, 100.0) == text
