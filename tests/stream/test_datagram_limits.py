"""
How many sessions and datagrams there may be, and what becomes of those that are too many.
"""

from __future__ import annotations

import errno

import pytest

from txbalancer.core import flags


def test_most_sessions(place, logged):
    """
    max-connections: what would begin one more is dropped, counted and told.
    """
    here = place(listener="max-connections = 2")
    clients = [here.client(port) for port in (5000, 5001, 5002)]
    for client in clients:
        client.say(b"a")
    assert here.site.refused == {"max-connections": 1}
    assert "2 sessions are all that max-connections allows" in logged()
    clients[0].say(b"b")
    assert here.one.heard() == [b"a", b"b"]
    here.advance(21)
    clients[2].say(b"c")
    assert len(here.site.channels) == 1


def test_most_sessions_of_one_client(place, logged):
    """
    sessions-per-client counts addresses, whatever their ports.
    """
    here = place(listener="sessions-per-client = 2\nresponses = 1")
    for port in (5000, 5001, 5002):
        here.client(port).say(b"a")
    here.client(5000, "198.51.100.2").say(b"b")
    assert here.site.refused == {"sessions-per-client": 1}
    assert "sessions-per-client allows" in logged()
    here.one.reply(b"1")
    here.client(5003).say(b"c")
    assert len(here.site.channels) == 3


def test_sessions_of_exempt_clients(place):
    """
    A resolver that many are behind may have as many as it wants.
    """
    here = place(listener="sessions-per-client = 1\nexempt-clients = 198.51.100.0/24")
    for port in (5000, 5001, 5002):
        here.client(port).say(b"a")
    assert (len(here.site.channels), here.site.refused) == (3, {})


def test_most_sessions_of_a_member(place):
    """
    max: further ones wait, in the member's queue, and their datagrams with them.
    """
    here = place(listener="responses = 1", one="max=1", two="status=+D")
    first, second = here.client(5000), here.client(5001)
    first.say(b"a")
    second.say(b"b")
    second.say(b"c")
    assert [data for data, _ in here.one.inbox] == [b"a"]
    here.one.reply(b"1")
    assert here.one.heard() == [b"b", b"c"]
    assert here.members()[0].pool.waiting == 0


def test_few_datagrams_wait(place):
    """
    A client that sends on and on to nobody is not collected without end.
    """
    here = place(listener="responses = 1", one="max=1", two="status=+D")
    first, second = here.client(5000), here.client(5001)
    first.say(b"a")
    for number in range(100):
        second.say(b"%d" % number)
    here.one.reply(b"1")
    assert here.one.heard() == [b"%d" % number for number in range(84, 100)]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENETUNREACH])
def test_without_a_socket(place, number):
    """
    A lack of ours is nobody's fault; a way that there is not is the member's.
    """
    here = place()
    here.network.faults = [number]
    here.client().say(b"a")
    assert here.two.heard() == [b"a"]
    blamed = bool(here.members()[0].flags & flags.IN_ERROR)
    assert blamed is (number == errno.ENETUNREACH)


def test_a_name_that_is_not_known(place):
    """
    A member's name that has no address is a member that is not there.
    """
    here = place(one="retry=1")
    pool = here.members()[0].pool
    pool._addresses.find = lambda done: done([])
    here.client().say(b"a")
    assert here.two.heard() == [b"a"]


def test_a_session_that_ends_while_a_name_is_looked_up(place):
    """
    Nothing is made for it any more.
    """
    here = place()
    found = []
    pool = here.members()[0].pool
    pool._addresses.find = found.append
    here.client().say(b"a")
    here.world.service.cut()
    assert here.outcomes[0].reason == "stopped"
    found[0](["10.0.0.1"])
    assert pool.open == 0
    assert not here.one.heard()


def test_a_datagram_that_is_too_long_is_lost_alone(place):
    """
    So is one that the system has no room for.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    (link,) = [each for each in here.network.bound.values() if each.peer]
    for number in (errno.EMSGSIZE, errno.EAGAIN):
        link.fault = OSError(number, "x")
        client.say(b"long")
    link.fault = None
    client.say(b"b")
    assert here.one.heard() == [b"a", b"b"]
    (port,) = here.world.service.listeners["dns"].ports
    port._socket.fault = OSError(errno.EAGAIN, "x")
    here.one.say(b"1", link.name)
    assert port.dropped == 1
