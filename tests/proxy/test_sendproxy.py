"""
Members that are told by a PROXY header whose connection it is.
"""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv6Address, UNIXAddress

from txbalancer.net.proxyprotocol import parse
from txbalancer.testing import MemoryRig, MemoryTransport

CONFIGURATION = """
[listener:web]
endpoint = tcp:80
{listener}
[balancer:shop]
members =
    http://10.0.0.1 sendproxy={version} {more}
[mount:/]
to = balancer://shop/
"""
GET = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def rig(version="v1", more="", listener=""):
    return MemoryRig(CONFIGURATION.format(version=version, more=more, listener=listener))


def exchange(rig, client, member=None, request=GET):
    """
    Let a client ask; returns the member's end and what came there.
    """
    client.send(request)
    member = member or rig.accept()
    asked = member.taken()
    member.send(OK)
    assert client.taken().endswith(b"ok")
    return member, asked


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_connection_begins_with_the_header(version):
    """
    It names the client, and where the client connected to.
    """
    world = rig(version)
    _, asked = exchange(world, world.client())
    header, size = parse(asked)
    assert header.source == ("192.0.2.1", 40000)
    assert header.destination == ("192.0.2.254", 80)
    assert asked[size:].startswith(b"GET / HTTP/1.1\r\n")


def test_a_clients_next_request_uses_its_connection_again():
    """
    The header was said once, and no second time.
    """
    world = rig()
    client = world.client()
    member, _ = exchange(world, client)
    _, asked = exchange(world, client, member)
    assert asked.startswith(b"GET / ")
    assert [each.reused for each in world.outcomes] == [False, True]


def test_nobody_elses_request_goes_over_it():
    """
    Another client's request opens a connection of its own, though one is idle.
    """
    world = rig()
    one, other = world.client("192.0.2.1"), world.client("192.0.2.2")
    first, _ = exchange(world, one)
    second, asked = exchange(world, other)
    assert first is not second
    assert parse(asked)[0].source[0] == "192.0.2.2"
    assert world.balancer().members[0].pool.at_rest == 2


def test_it_ends_with_its_client():
    """
    It is of no use to anybody then.
    """
    world = rig()
    client = world.client()
    member, _ = exchange(world, client)
    client.end()
    world.reactor.advance(0)
    assert member.lost
    assert world.balancer().members[0].pool.open == 0


def test_a_client_that_left_within_its_request_takes_it_along():
    """
    What is still being opened for it is not given to others.
    """
    world = rig()
    client = world.client()
    client.send(GET)
    (opening,) = world.openings()
    client.reset()
    member = opening.accept()
    world.reactor.advance(0)
    assert member.ended
    assert world.balancer().members[0].pool.open == 0


def test_what_is_being_opened_for_one_is_not_used_for_another():
    """
    A connection that comes about late is closed, if its client is gone.
    """
    world = rig()
    one, other = world.client("192.0.2.1"), world.client("192.0.2.2")
    one.send(GET)
    (first,) = world.openings()
    one.reset()
    other.send(GET)
    (second,) = world.openings()
    assert first.accept().ended
    assert parse(second.accept().taken())[0].source[0] == "192.0.2.2"


def test_an_unused_connection_makes_room_for_another_client():
    """
    With max connections, the one that was unused for longest is closed, not waited for.
    """
    world = rig(more="max=2")
    clients = [world.client(f"192.0.2.{number}") for number in (1, 2, 3)]
    first, _ = exchange(world, clients[0])
    second, _ = exchange(world, clients[1])
    exchange(world, clients[2])
    assert first.ended
    assert not second.ended


def test_who_waits_gets_a_connection_of_its_own():
    """
    With all busy, the one that becomes free is closed and another opened.
    """
    world = rig(more="max=1")
    one, other = world.client("192.0.2.1"), world.client("192.0.2.2")
    one.send(GET)
    first = world.accept()
    other.send(GET)
    assert not world.openings()
    first.send(OK)
    assert first.ended
    second = world.accept()
    assert parse(second.taken())[0].source[0] == "192.0.2.2"


def test_a_stale_connection_is_replaced():
    """
    The member closed it: another is opened, with a header.
    """
    world = rig()
    client = world.client()
    member, _ = exchange(world, client)
    client.send(GET)
    member.taken()
    member.reset()
    again = world.accept()
    assert parse(again.taken())
    again.send(OK)
    assert client.taken().endswith(b"ok")


def test_one_that_the_member_ended_is_forgotten():
    """
    Idle connections are watched, these too.
    """
    world = rig()
    client = world.client()
    member, _ = exchange(world, client)
    member.end()
    pool = world.balancer().members[0].pool
    assert (pool.open, pool.at_rest) == (0, 0)
    exchange(world, client)


def test_it_is_closed_for_age_as_others():
    """
    ttl holds for it.
    """
    world = rig(more="ttl=5")
    client = world.client()
    member, _ = exchange(world, client)
    world.advance(6)
    assert member.ended


def test_without_ttl_it_stays_with_its_client():
    """
    0 is for ever, which is as long as the client is there.
    """
    world = rig(more="ttl=0")
    client = world.client()
    member, _ = exchange(world, client)
    world.advance(30)
    assert not member.ended


def test_a_reload_without_it_ends_what_was_begun_with_it():
    """
    A connection with a header must never become everybody's, nor the other way round.
    """
    world = rig()
    client = world.client()
    member, _ = exchange(world, client)
    busy = world.client("192.0.2.2")
    busy.send(GET)
    late = world.accept()
    late.taken()
    world.targets.install(rig("off").spec)
    assert member.ended
    late.send(OK)
    assert late.ended
    shared, asked = exchange(world, client)
    assert asked.startswith(b"GET ")
    world.targets.install(rig("v1").spec)
    assert shared.ended


def test_a_member_that_leaves_closes_them():
    """
    As any idle connection.
    """
    world = rig()
    member, _ = exchange(world, world.client())
    world.balancer().members[0].pool.leave()
    assert member.ended


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_client_of_a_unix_socket_has_no_address(version):
    """
    The header says that nothing is known.
    """
    world = rig(version)
    address = UNIXAddress("/run/a")
    client = MemoryTransport(world.reactor, world.site.buildProtocol(address), address)
    _, asked = exchange(world, client)
    header, _ = parse(asked)
    assert header.source is None
    assert not header.local


def test_families_are_brought_together():
    """
    An IPv6 client of an IPv4 address is in a header of IPv6.
    """
    world = rig()
    address = IPv6Address("TCP", "2001:db8::7", 1)
    client = MemoryTransport(world.reactor, world.site.buildProtocol(address), address)
    _, asked = exchange(world, client)
    assert asked.startswith(b"PROXY TCP6 2001:db8::7 ")
    assert parse(asked)[0].source == ("2001:db8::7", 1)
