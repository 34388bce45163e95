"""
hcmethod=expect of members that take datagrams.
"""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.testing import MemoryReactorClock

from tests.stream.network import Network
from txbalancer.core.specs import MemberSpec
from txbalancer.net.proxyprotocol import LOCAL, parse
from txbalancer.probes.expect import factory
from txbalancer.probes.tcp import factory as tcp


@pytest.fixture
def network(monkeypatch):
    made = Network(monkeypatch)
    made.world = SimpleNamespace(reactor=MemoryReactorClock())
    return made


def asked(network, **options):
    """
    Ask 10.0.0.1:53; returns what becomes of it, as far as it is known.
    """
    given = {"hcsend": r"PING\r\n", "hcexpect": "PONG"} | options
    member = MemberSpec("udp://10.0.0.1:53", "udp", "10.0.0.1", 53, hcmethod="expect", **given)
    results = []
    asking = factory.probe(network.world.reactor, member)
    asking.addBoth(results.append)
    return asking, results


def test_what_was_waited_for(network):
    """
    It passes with the datagram that has it; others do not count.
    """
    member = network.end("10.0.0.1", 53)
    _, results = asked(network)
    _, origin = member.inbox[0]
    member.reply(b"NO")
    assert not results
    member.say(b"+PONG", origin)
    (result,) = results
    assert result.passed
    assert "PING" in result.transcript
    assert "+PONG" in result.transcript
    assert not network.world.reactor.getReaders()


def test_nobody_is_there(network):
    """
    The network says so at once.
    """
    _, results = asked(network)
    network.settle()
    (result,) = results
    assert not result.passed
    assert result.text == "expect: Connection refused"
    assert not network.world.reactor.getReaders()


def test_silence(network):
    """
    Whoever waits for it gives up, and learns what was said.
    """
    network.end("10.0.0.1", 53)
    asking, results = asked(network)
    asking.cancel()
    (failure,) = results
    assert failure.check(CancelledError)
    assert "PING" in failure.value.transcript
    assert not network.world.reactor.getReaders()


def test_no_way_to_it(network):
    """
    The system's words say why.
    """
    network.faults = [errno.ENETUNREACH]
    _, results = asked(network)
    assert (results[0].passed, results[0].text) == (False, "expect: Network is unreachable")


def test_a_check_is_nobodys_datagram(network):
    """
    With sendproxy=v2 the header says so.
    """
    member = network.end("10.0.0.1", 53)
    asked(network, sendproxy="v2")
    data, _ = member.inbox[0]
    header, size = parse(data)
    assert (header, data[size:]) == (LOCAL, b"PING\r\n")


def test_nothing_to_ask(network):
    """
    A command at run time may leave hcsend out: then nobody is asked.
    """
    _, results = asked(network, hcsend="")
    assert (results[0].passed, results[0].text) == (
        False,
        "expect: hcsend is empty, so there is nothing to ask",
    )


def test_a_name_without_an_address(network):
    """
    Nobody can be asked then.
    """
    reactor = network.world.reactor
    reactor.nameResolver = SimpleNamespace(
        resolveHostName=lambda receiver, name: receiver.resolutionComplete()
    )
    member = MemberSpec("udp://x:53", "udp", "x", 53, hcsend="a")
    results = []
    factory.probe(reactor, member).addBoth(results.append)
    assert results[0].text == "expect: the name does not resolve"


def test_there_are_no_connections_to_try(network):
    """
    Somebody may ask about a member without hcmethod: it is said what is wrong with that.
    """
    member = MemberSpec("udp://10.0.0.1:53", "udp", "10.0.0.1", 53)
    results = []
    tcp.probe(network.world.reactor, member).addBoth(results.append)
    assert results[0].text == "connect: UDP has no connections: use expect"
