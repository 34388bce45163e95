"""
mode = udp: sessions of datagrams, from a client to a member and back.
"""

from __future__ import annotations

import errno

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from tests.stream.network import BALANCER, Network
from txbalancer.core import flags
from txbalancer.errors import StartError
from txbalancer.net.proxyprotocol import parse

CONFIGURATION = """
[txbalancer]
access-log = off
graceful-timeout = 10s
[listener:dns]
mode = udp
endpoint = udp:53:interface=192.0.2.254
to = balancer://dns
session-timeout = 20s
{listener}
[balancer:dns]
lbmethod = {method}
member.timeout = 3
member.maxfails = 1
{balancer}
members =
    udp://10.0.0.1:53 {one}
    udp://10.0.0.2:53 {two}
"""
ONE, TWO = "udp://10.0.0.1:53", "udp://10.0.0.2:53"


def configuration(listener="", method="byrequests", balancer="", one="", two=""):
    return CONFIGURATION.format(
        listener=listener, method=method, balancer=balancer, one=one, two=two
    )


class Place:
    """
    A balancer with two members and clients.
    """

    def __init__(self, network, **options):
        self.network = network
        self.world = network.start(configuration(**options))
        self.one = network.end("10.0.0.1", 53)
        self.two = network.end("10.0.0.2", 53)
        self.outcomes = self.world.outcomes
        self.site = self.world.service.listeners["dns"].site

    def client(self, port=5000, host="198.51.100.1"):
        return self.network.end(host, port)

    def advance(self, seconds):
        self.network.advance(seconds)

    def members(self):
        return self.world.members("dns")


@pytest.fixture
def place(monkeypatch):
    network = Network(monkeypatch)
    return lambda **options: Place(network, **options)


@pytest.fixture
def logged():
    events = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: "\n".join(filter(None, map(formatEvent, events)))
    globalLogPublisher.removeObserver(events.append)


def test_a_session_goes_both_ways(place):
    """
    A client's datagrams go to one member, whose own come back, as many as there are.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    client.say(b"b")
    assert here.one.heard() == [b"a", b"b"]
    client.say(b"c")
    here.one.reply(b"1")
    (origin,) = {each.name for each in here.network.bound.values() if each.peer == ("10.0.0.1", 53)}
    here.one.say(b"2", origin)
    assert client.heard() == [b"1", b"2"]
    assert not here.two.heard()
    assert not here.outcomes


def test_clients_are_spread(place):
    """
    Each client's address and port is a session, for which a member is elected.
    """
    here = place()
    for port in (5000, 5001, 5002, 5003):
        here.client(port).say(b"%d" % port)
    assert here.one.heard() == [b"5000", b"5002"]
    assert here.two.heard() == [b"5001", b"5003"]
    assert [each.busy for each in here.members()] == [2, 2]


def test_silence_ends_a_session(place):
    """
    session-timeout counts from the last datagram of either side; then there is one record.
    """
    here = place()
    client = here.client()
    client.say(b"abc")
    here.advance(15)
    here.one.reply(b"12345")
    here.advance(15)
    assert not here.outcomes
    here.advance(6)
    (outcome,) = here.outcomes
    assert (outcome.request.method, outcome.status, outcome.reason) == (b"UDP", 200, "ok")
    assert (outcome.bytes_in, outcome.bytes_out) == (3, 5)
    assert (outcome.member, outcome.peer.client, outcome.peer.port) == (ONE, "198.51.100.1", 5000)
    assert 14 < outcome.first_byte < 16
    assert here.members()[0].busy == 0
    assert not here.site.channels
    client.say(b"again")
    assert here.two.heard() == [b"again"]


def test_expected_answers_end_a_session(place):
    """
    responses: each datagram of the client's gets so many.
    """
    here = place(listener="responses = 2")
    client = here.client()
    client.say(b"a")
    client.say(b"b")
    origin = here.one.reply(b"1")[1]
    for data in (b"2", b"3"):
        here.one.say(data, origin)
        assert not here.outcomes
    here.one.say(b"4", origin)
    assert client.heard() == [b"1", b"2", b"3", b"4"]
    (outcome,) = here.outcomes
    assert (outcome.status, outcome.reason, outcome.bytes_out) == (200, "ok", 4)
    assert here.members()[0].transferred == 2
    assert here.members()[0].read == 4


def test_what_comes_after_the_end_finds_nobody(place):
    """
    A member that answers too late has nobody's socket any more.
    """
    here = place(listener="responses = 1")
    client = here.client()
    client.say(b"a")
    origin = here.one.reply(b"1")[1]
    here.one.say(b"late", origin)
    assert client.heard() == [b"1"]


def test_no_answer_is_a_failure_where_one_is_expected(place):
    """
    After the member's timeout it is blamed. Nobody else is asked: it may have acted.
    """
    here = place(listener="responses = 1")
    here.client().say(b"a")
    here.advance(4)
    (outcome,) = here.outcomes
    assert (outcome.status, outcome.reason) == (504, "response-timeout")
    assert outcome.tried == ((ONE, "response-timeout"),)
    assert here.members()[0].flags & flags.IN_ERROR
    assert not here.two.heard()


def test_mounts_can_tell_clients_apart(place):
    """
    Instead of `to` there may be mounts for a listener; whom none takes is on record.
    """
    text = configuration().replace("to = balancer://dns\n", "") + (
        "[mount:near]\npath = /\nlistener = dns\nclient = 198.51.100.0/24\nto = balancer://dns\n"
    )
    here = place()
    here.world.reload(text)
    here.client().say(b"a")
    here.client(5000, "203.0.113.1").say(b"b")
    assert here.one.heard() == [b"a"]
    assert not here.two.heard()
    (outcome,) = here.outcomes
    assert (outcome.request.method, outcome.status, outcome.reason) == (b"UDP", 404, "no-mount")
    assert outcome.peer.client == "203.0.113.1"
    assert len(here.site.channels) == 1


def test_a_refusal_while_more_is_sent(place):
    """
    A member that is gone is noticed at the second of several datagrams; all go on together.
    """
    here = place()
    found = []
    here.members()[0].pool._addresses.find = found.append
    client = here.client()
    for data in (b"1", b"2", b"3"):
        client.say(data)
    here.one.close()
    found[0](["10.0.0.1"])
    here.network.settle()
    assert here.two.heard() == [b"1", b"2", b"3"]
    here.two.say(b"x", next(name for name, each in here.network.bound.items() if each.peer))
    assert client.heard() == [b"x"]


def test_no_answer_is_none_where_none_is_expected(place):
    """
    Without responses a silent member may be a good one.
    """
    for listener in ("", "responses = 0"):
        here = place(listener=listener)
        here.client().say(b"log")
        here.advance(25)
        assert [each.reason for each in here.outcomes] == ["ok"]
        assert not here.members()[0].flags & flags.IN_ERROR
        here.network.bound.clear()


def test_an_answer_that_was_lost_blames_nobody(place):
    """
    A member that has answered the last question is there.
    """
    here = place(listener="responses = 2")
    here.client().say(b"a")
    here.one.reply(b"1")
    here.advance(4)
    (outcome,) = here.outcomes
    assert (outcome.status, outcome.reason) == (200, "ok")


def test_each_datagram_can_be_elected_on_its_own(place):
    """
    requests = 1: a client's datagrams go to different members.
    """
    here = place(listener="requests = 1\nresponses = 1")
    client = here.client()
    for number in range(4):
        client.say(b"%d" % number)
    assert [data for data, _ in here.one.inbox] == [b"0", b"2"]
    here.two.reply(b"b")
    here.one.reply(b"a")
    assert client.heard() == [b"b", b"a"]
    assert len(here.outcomes) == 2


def test_after_some_datagrams_a_session_begins_anew(place):
    """
    requests = 2: the third is the first of another session; answers to the first ones come.
    """
    here = place(listener="requests = 2")
    client = here.client()
    for number in range(3):
        client.say(b"%d" % number)
    assert [data for data, _ in here.one.inbox] == [b"0", b"1"]
    assert here.two.heard() == [b"2"]
    here.one.reply(b"a")
    assert client.heard() == [b"a"]


def test_a_member_that_is_not_there(place):
    """
    The network says so: the datagram goes to another one, and the member is blamed.
    """
    here = place(listener="responses = 1")
    here.one.close()
    client = here.client()
    client.say(b"a")
    here.two.reply(b"1")
    assert client.heard() == [b"1"]
    (outcome,) = here.outcomes
    assert (outcome.member, outcome.attempts, outcome.reason) == (TWO, 2, "ok")
    assert outcome.tried == ((ONE, "refused"),)
    assert here.members()[0].flags & flags.IN_ERROR


def test_nobody_is_there(place):
    """
    Each member is tried once, and the client hears nothing.
    """
    here = place(balancer="forcerecovery = off")
    here.one.close()
    here.two.close()
    client = here.client()
    client.say(b"a")
    (outcome,) = here.outcomes
    assert (outcome.status, outcome.reason, outcome.attempts) == (503, "refused", 2)
    client.say(b"b")
    assert here.outcomes[1].reason == "no-member"
    assert not here.site.channels
    assert not client.heard()


def test_a_member_that_goes_away_within_a_session(place):
    """
    The session ends for it; what it has not answered goes on in another one.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    here.one.reply(b"1")
    here.one.close()
    client.say(b"b")
    assert [each.reason for each in here.outcomes] == ["refused"]
    assert here.outcomes[0].status == 200
    here.two.reply(b"2")
    assert client.heard() == [b"1", b"2"]


def test_what_may_have_been_taken_is_not_sent_twice(place):
    """
    The network answers at once; what was sent a while before did arrive.
    """
    here = place()
    client = here.client()
    client.say(b"old")
    here.advance(2)
    here.one.close()
    client.say(b"new")
    assert here.two.heard() == [b"new"]


def test_a_refusal_of_old_datagrams_only_ends_the_session(place):
    """
    There is nothing to be sent to anybody else then.
    """
    here = place()
    here.client().say(b"old")
    (link,) = [each for each in here.network.bound.values() if each.peer]
    here.advance(2)
    link.error = errno.ECONNREFUSED
    here.network.settle()
    assert [each.reason for each in here.outcomes] == ["refused"]
    assert not here.two.heard()


def test_the_reactor_may_tell_of_a_refusal_otherwise(place):
    """
    epoll reports an error and nothing to read: Twisted calls that a lost connection.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    (reader,) = [each for each in here.world.reactor.getReaders() if each._socket.peer]
    reader._socket.error = errno.ECONNREFUSED
    reader.connectionLost(None)
    assert here.two.heard() == [b"a"]


def test_a_member_that_was_taken_out_loses_its_sessions(place):
    """
    There is no connection to break: the next datagram goes to another member.
    """
    here = place()
    client = here.client()
    client.say(b"a")
    here.world.service.targets.balancers["dns"].balancer.force_error(here.members()[0], "x", 0.0)
    client.say(b"b")
    assert here.one.heard() == [b"a"]
    assert b"b" in here.two.heard()
    here.advance(21)
    (outcome,) = here.outcomes
    assert (outcome.member, outcome.attempts, outcome.tried) == (TWO, 2, ())


def test_a_draining_member_keeps_its_sessions(place):
    """
    It gets no new ones.
    """
    here = place()
    client = here.client(5000)
    client.say(b"a")
    here.one.heard()
    here.members()[0].flags |= flags.DRAIN
    here.world.service.targets.balancers["dns"].balancer.index()
    client.say(b"b")
    assert here.one.heard() == [b"b"]


def test_a_source_keeps_its_member(place):
    """
    stickysource: a client's next sessions, from whatever port, go where it is known.
    """
    here = place(listener="responses = 1", balancer="stickysource = 1h")
    for port in (5000, 5001, 5002):
        here.client(port).say(b"%d" % port)
        here.one.reply(b"x")
    here.client(5003, "198.51.100.2").say(b"other")
    assert here.two.heard() == [b"other"]


def test_hashing_by_source(place):
    """
    lbmethod = hash knows clients of datagrams.
    """
    here = place(method="hash")
    for port in range(5000, 5008):
        here.client(port, "198.51.100.7").say(b"x")
    assert sorted((len(here.one.heard()), len(here.two.heard()))) == [0, 8]


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


def test_members_can_be_told_of_the_client(place):
    """
    sendproxy=v2: a header goes before each datagram, not before answers.
    """
    here = place(one="sendproxy=v2")
    client = here.client()
    client.say(b"a")
    client.say(b"b")
    for data, _ in here.one.inbox:
        header, size = parse(data)
        assert header.source == ("198.51.100.1", 5000)
        assert header.destination == BALANCER
        assert header.datagram
        assert data[size:] in (b"a", b"b")
    here.one.reply(b"1")
    assert client.heard() == [b"1"]


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


def test_a_fault_of_ours_closes_no_port(place, monkeypatch, logged):
    """
    It is one client's loss, and is told.
    """
    here = place()
    monkeypatch.setattr(here.site, "route", lambda *_: 1 / 0)
    here.client().say(b"a")
    monkeypatch.undo()
    assert "a datagram could not be served" in logged()


def test_a_port_that_is_taken(place):
    """
    The start fails and names it.
    """
    here = place()
    here.network.end("192.0.2.254", 54)
    with pytest.raises(StartError, match="Address already in use: cannot listen on udp:54"):
        here.world.reload(configuration().replace("udp:53:", "udp:54:"))
    here.client().say(b"a")
    assert here.one.heard() == [b"a"]


def test_members_that_do_not_answer_are_outliers(place):
    """
    Sessions without an answer are failures in a row, the first answer ends it.
    """
    here = place(balancer="outlier-failures = 2\nmember.retry = 0", listener="responses = 1")
    tally = here.members()[0].tally
    here.client(5000).say(b"a")
    here.advance(3.5)
    assert (tally.requests, tally.row) == (1, 1)
    here.members()[0].flags = here.members()[0].spec.status
    here.world.service.targets.balancers["dns"].balancer.changed()
    for port in (5001, 5002):
        here.client(port).say(b"b")
        for end in (here.one, here.two):
            if end.inbox:
                end.reply(b"c")
    assert tally.row == 0
    assert tally.requests == 2


def test_the_budget_counts_sessions(place):
    """
    A session that begins anew at another member is a retry.
    """
    here = place(balancer="retry-budget = 1\nretry-budget-min = 0")
    here.one.close()
    here.client().say(b"a")
    assert here.two.heard() == []
    (outcome,) = here.outcomes
    assert (outcome.status, outcome.reason) == (503, "retry-budget")
