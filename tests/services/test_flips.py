"""
Each change of a member's state is an event once, whatever caused it.
"""

from __future__ import annotations

import pytest

from tests.services.worlds import GET, OK, World
from txbalancer.core import flags
from txbalancer.core.commands import Revert, SetMember
from txbalancer.core.health import ProbeResult
from txbalancer.core.standing import TRIED_AGAIN

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
failonstatus = 500
members =
    http://10.0.0.1 maxfails=1 retry=5 hcmethod=get hcfails=1 hcpasses=1 hcinterval=1000d
[mount:/]
to = balancer://shop/
"""
FIRST = "http://10.0.0.1"
SECOND = 1.1


@pytest.fixture
def world() -> World:
    """
    Start a service with one member.
    """
    return World(CONFIGURATION).start()


def happened(world: World) -> list[tuple[str, str]]:
    """
    Return kind and text of all events since the start, without what the system says of sockets.
    """
    system = ": Connection was refused by other side"
    events = world.service.targets.journal.events
    return [(each.kind, each.text.replace(system, "")) for each in events][1:]


def fail(world: World) -> None:
    """
    Let one request come and find nobody at the member's address.
    """
    world.client(request=GET)
    while openings := world.openings():
        for each in openings:
            each.fail()


def checked(world: World, passed: bool) -> None:
    """
    Let a health check end.
    """
    world.service.targets.balancers["shop"].checked(FIRST, ProbeResult(passed, "status 1"))


def test_a_failure_and_the_recovery(world: World) -> None:
    """
    A failure of traffic, and the next try after C{retry}, each with its cause.
    """
    fail(world)
    world.advance(6)
    world.client(request=GET)
    world.accept().send(OK)
    assert happened(world) == [
        ("flip", "in use -> in error: connect-failed"),
        ("flip", "in error -> in use: tried again"),
    ]
    event = world.service.targets.journal.events[-1]
    assert (event.balancer, event.member, event.who) == ("shop", FIRST, "")
    assert event.details == {"before": "Init Err", "after": "Init Ok", "cause": "tried again"}


def test_an_answer_that_counts_as_failure(world: World) -> None:
    """
    C{failonstatus} names the status.
    """
    world.client(request=GET)
    world.accept().send(OK.replace(b"200 OK", b"500 No"))
    assert happened(world) == [("flip", "in use -> in error: answered 500")]


def test_verdicts_of_probes(world: World) -> None:
    """
    A check that takes a member out and one that brings it back; others are no events.
    """
    for passed in (False, False, True, True):
        checked(world, passed)
    assert happened(world) == [
        ("flip", "in use -> failing health checks: status 1"),
        ("flip", "failing health checks -> in use: health check passed: status 1"),
    ]


def test_commands_are_events_once(world: World) -> None:
    """
    What somebody orders is a change, and no flip beside it.
    """
    steering = world.service.targets.steering
    steering.apply(SetMember("shop", FIRST, on=flags.DISABLED), "alice")
    steering.apply(SetMember("shop", FIRST, on=flags.DISABLED), "alice")
    steering.apply(Revert("shop", FIRST), "alice")
    assert [kind for kind, _ in happened(world)] == ["change", "warning", "change"]


def test_a_reload_that_changes_a_state(world: World) -> None:
    """
    The reload is an event of its own, and comes before the flip that has it for its cause.
    """
    world.reload(CONFIGURATION.replace("maxfails=1", "maxfails=1 status=+D"))
    assert happened(world) == [
        (
            "reload",
            "configuration read again: balancer shop: member http://10.0.0.1: status empty -> +D",
        ),
        ("flip", "in use -> disabled: configuration changed"),
    ]


def relapse(world: World, times: int) -> None:
    """
    Have the only member, which is down, asked again and again (APACHE F7).
    """
    for _ in range(times):
        fail(world)


def test_relapses_are_told_within_reason(world: World) -> None:
    """
    Where all are down each request tries again: of many changes in a second few are events,
    and the last one says what has come of it.
    """
    relapse(world, 50)
    assert happened(world) == [
        ("flip", "in use -> in error: connect-failed"),
        ("flip", "in error -> in use: tried again"),
    ]
    world.advance(SECOND)
    assert happened(world)[2:] == [
        ("flip", "in use -> in error: connect-failed (and 96 more like it)")
    ]
    world.advance(3)
    assert len(happened(world)) == 3


def test_the_state_after_relapses_is_told(world: World) -> None:
    """
    A member that comes in after changes of which not all were told is told to be in use.
    """
    relapse(world, 50)
    before = happened(world)
    member = world.members()[0]
    balancer = world.service.targets.balancers["shop"].balancer
    balancer.set_flags(member, flags.INIT, TRIED_AGAIN, world.reactor.seconds())
    assert happened(world) == before
    world.advance(SECOND)
    assert happened(world) == [
        *before,
        ("flip", "in error -> in use: tried again (and 97 more like it)"),
    ]


def test_a_command_amidst_relapses_is_not_told_as_a_flip(world: World) -> None:
    """
    It says how the member is now: what was held back is not told after it.
    """
    relapse(world, 50)
    steering = world.service.targets.steering
    steering.apply(SetMember("shop", FIRST, on=flags.DISABLED), "alice")
    before = happened(world)
    assert [kind for kind, _ in before] == ["flip", "flip", "change"]
    world.advance(SECOND)
    assert happened(world) == before
