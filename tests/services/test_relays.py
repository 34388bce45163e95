"""
What the supervisor passes on, and what workers tell: both ends, without processes.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.services.several import NAMES, Worker, World, sent
from txbalancer.control.tap import LineFilter
from txbalancer.core import flags
from txbalancer.core.commands import KEEP, AddMember, PutBack, RemoveMember, SetBalancer, SetMember
from txbalancer.core.performing import perform
from txbalancer.core.undo import inverse
from txbalancer.services.relays import rooms_of
from txbalancer.testing import make_member
from txbalancer.workers.orders import command_of, order_of


@pytest.fixture
def world() -> World:
    """
    Make a supervisor and two workers.
    """
    return World()


def test_what_traffic_finds_is_known_at_once(world: World) -> None:
    """
    Within 20 ms all know that a member is out; it is noted once, and nobody tells it again.
    """
    one, other = world.workers
    one.balancer.force_error(one.balancer.members[0], "refused", 0.0)
    world.clock.pump([0.01, 0.005])
    out = flags.INIT | flags.IN_ERROR
    assert world.supervisor.flags == one.flags == other.flags == [out, flags.INIT]
    assert [each.cause for each in world.flips] == ["refused"]
    world.clock.pump([0.1] * 3)
    assert (one.words, other.words) == (1, 0)


def test_what_checks_find_is_known_at_once(world: World) -> None:
    """
    A verdict reaches all workers with the next turn of the loop, all members in one message.
    """
    supervisor = world.supervisor
    for member in supervisor.balancer.members:
        supervisor.balancer.set_flags(member, member.flags | flags.HC_FAILED, "a check", 0.0)
    world.clock.advance(0)
    for each in world.workers:
        assert each.flags == [flags.INIT | flags.HC_FAILED] * 2
        assert each.words == 0


def test_commands_are_not_told_twice(world: World) -> None:
    """
    What a command did to flags is told as the command only.
    """
    supervisor = world.supervisor
    command = SetMember("shop", NAMES[0], on=flags.DRAIN)
    change, _ = perform(supervisor.balancer, command, 0.0)
    world.relays.ordered(change)
    world.clock.advance(1)
    for each in world.workers:
        assert each.orders == [(command, {})]
        assert each.flags == [flags.INIT] * 2


def test_waiting_for_workers(world: World) -> None:
    """
    An order is carried out when all workers that are there have answered; later orders need not
    be waited for.
    """
    done: list[Any] = []
    world.relays.performed().addCallback(done.append)
    assert done
    done.clear()
    change, _ = perform(world.supervisor.balancer, SetMember("shop", NAMES[0], lbset=2), 0.0)
    world.relays.ordered(change)
    world.relays.performed().addCallback(done.append)
    first = [each.answer for each in world.workers]
    for each in world.workers:
        each.answer = Deferred()
    world.relays.ordered(change)
    assert not done
    first[0].callback(None)
    assert not done
    first[1].callback(None)
    assert done
    world.relays.performed().addCallback(done.append)
    world.workers.pop().answer.callback(None)
    world.relays.performed().addCallback(done.append)
    assert len(done) == 1


def test_addresses_of_clients(world: World) -> None:
    """
    An address that comes to belong to a member does so in all workers, and is counted once.
    """
    one, other = world.workers
    one.balancer.sources.note("192.0.2.1", NAMES[1], 0.0)
    world.clock.pump([0.01, 0.01])
    assert other.balancer.sources.find("192.0.2.1", 1.0) == NAMES[1]
    assert world.supervisor.balancer.sources.count(1.0) == 1
    assert other.words == 0


def test_rooms(world: World) -> None:
    """
    The room that members say they have is known to all workers.
    """
    world.supervisor.balancer.members[1].room = 7
    world.relays.roomy(world.supervisor.resource)
    world.clock.advance(0)
    assert rooms_of(world.workers[1].resource) == {NAMES[0]: None, NAMES[1]: 7}


def test_idle_connections_are_given_up(world: World) -> None:
    """
    Who waits for a connection has the others, and not itself, asked for those they do not use.
    """
    asked: list[Worker] = []
    for each in world.workers:
        pool = each.balancer.members[0].pool
        pool.give_way = lambda each=each: asked.append(each)
    world.workers[0].ties.want("shop", NAMES[0])
    world.workers[0].ties.want("shop", "http://gone")
    world.clock.pump([0.01, 0.01])
    assert asked == [world.workers[1]]


def test_wrong_passwords(world: World) -> None:
    """
    One that a worker has seen all others count, too, and the supervisor; one that came to the
    supervisor all workers.
    """
    seen: list[Any] = []
    world.relays.on_guess = lambda *guess: seen.append(("supervisor", *guess))
    for number, each in enumerate(world.workers):
        each.ties.on_guess = lambda *guess, number=number: seen.append((number, *guess))
    world.workers[0].ties.guessed("users", "192.0.2.1", b"a")
    world.clock.pump([0.01, 0.01])
    first, second = ("users", "192.0.2.1", b"a"), ("users", "192.0.2.1", b"b")
    assert seen == [("supervisor", *first), (1, *first)]
    del seen[:]
    world.relays.guessed(*second)
    world.clock.advance(0)
    assert seen == [(0, *second), (1, *second)]


def test_who_watches_the_log(world: World) -> None:
    """
    Workers know which lines somebody wants to see.
    """
    filters = {3: LineFilter(("shop",), "", (frozenset({5}), frozenset()), b"/", 0.5)}
    world.relays.watch(filters)
    assert world.workers[1].filters == filters


def test_a_member_that_comes_back(world: World) -> None:
    """
    Undoing a removal is told with all that makes the member, which is then where and as it was.
    """
    supervisor, worker = world.supervisor, world.workers[0]
    supervisor.balancer.members[0].lbfactor = 300
    balancers = (supervisor.balancer, worker.balancer)
    command = RemoveMember("shop", NAMES[0])
    undo = inverse(supervisor.balancer, command)
    assert isinstance(undo, PutBack)
    for each in balancers:
        perform(each, command, 0.0)
    undo.gone.flags |= flags.IN_ERROR
    undo.gone.error_time = 5.0
    perform(supervisor.balancer, undo, 1.0)
    perform(worker.balancer, command_of(sent(order_of(undo))), 1.0)
    member = worker.balancer.members[0]
    assert (member.name, member.lbfactor, member.error_time) == (NAMES[0], 300, 5.0)
    assert member.flags == flags.INIT | flags.IN_ERROR


def test_orders_as_they_are_sent() -> None:
    """
    All other commands are sent as they are; how long a factor holds is the supervisor's to say.
    """
    added = AddMember("shop", make_member("http://10.0.0.3").spec)
    assert command_of(sent(order_of(added))) == added
    change = sent(order_of(SetBalancer("shop", timeout=3.0)))
    assert change.lbmethod is KEEP
    assert change == SetBalancer("shop", timeout=3.0)
    lasting = SetMember("shop", NAMES[0], loadfactor=200, lasting=5.0)
    assert command_of(order_of(lasting)) == SetMember("shop", NAMES[0], loadfactor=200)


def test_nobody_there(world: World) -> None:
    """
    News of balancers and members that are gone change nothing; an end of the worker ends it all.
    """
    one, _ = world.workers
    one.balancer.force_error(one.balancer.members[0], "refused", 0.0)
    world.supervisor.balancer.install(())
    world.clock.pump([0.01, 0.01])
    assert world.flips == []
    one.balancer.force_error(one.balancer.members[1], "refused", 0.0)
    one.ties.stop()
    one.ties.stop()
    assert not world.clock.getDelayedCalls()
