"""
Sessions of datagrams over reloads and stops.
"""

from __future__ import annotations

from tests.stream.network import BALANCER
from tests.stream.places import configuration


def test_a_reload_keeps_sessions(place):
    """
    A session goes on with its member, also when other options are in force.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    here.world.reload(configuration(listener="responses = 1", method="bybusyness"))
    client.say(b"b")
    assert here.one.heard() == [b"a", b"b"]
    other = here.client(5001)
    other.say(b"c")
    here.two.reply(b"1")
    assert len(here.outcomes) == 1


def test_a_member_that_leaves_at_a_reload_loses_its_sessions(place):
    """
    What is not configured any more gets nothing more.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    here.world.reload(configuration().replace("    udp://10.0.0.1:53 \n", ""))
    client.say(b"b")
    assert here.one.heard() == [b"a"]
    assert b"b" in here.two.heard()


def test_an_endpoint_that_leaves_serves_its_sessions(place):
    """
    It takes no new ones, and is closed after the last.
    """
    here = place(listener="responses = 1")
    client = here.client()
    client.say(b"a")
    text = configuration().replace("udp:53:", "udp:54:")
    here.world.reload(text)
    here.client(5001).say(b"lost")
    here.one.reply(b"1")
    assert client.heard() == [b"1"]
    assert BALANCER not in here.network.bound
    other = here.client(5002)
    other.say(b"b", ("192.0.2.254", 54))
    assert here.two.heard() == [b"b"]


def test_a_stop_waits_for_expected_answers(place):
    """
    Sessions that are owed one end with it; no new ones begin.
    """
    here = place(listener="responses = 1")
    client = here.client()
    client.say(b"a")
    stopped = here.world.service.stopService()
    here.client(5001).say(b"new")
    here.one.reply(b"1")
    assert client.heard() == [b"1"]
    here.advance(0.2)
    assert stopped.called
    assert not here.two.heard()
    assert BALANCER not in here.network.bound


def test_a_stop_waits_for_a_silence(place):
    """
    Where it is not known how many answers come, a second without any is the end.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    stopped = here.world.service.stopService()
    for _ in range(4):
        here.advance(0.4)
        client.say(b"b")
    assert not stopped.called
    here.advance(2)
    assert stopped.called
    assert [each.reason for each in here.outcomes] == ["ok"]


def test_a_stop_cuts_in_the_end(place):
    """
    Whoever does not fall silent is cut off after graceful-timeout.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    stopped = here.world.service.stopService()
    for _ in range(14):
        here.advance(0.8)
        client.say(b"b")
    assert stopped.called
    assert [each.reason for each in here.outcomes] == ["stopped"]
    assert not here.members()[0].busy
