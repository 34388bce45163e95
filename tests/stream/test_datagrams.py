"""
mode = udp: sessions of datagrams, from a client to a member and back.
"""

from __future__ import annotations

import errno

import pytest

from tests.stream.network import BALANCER
from tests.stream.places import ONE, TWO, configuration
from txbalancer.core import flags
from txbalancer.errors import StartError
from txbalancer.net.proxyprotocol import parse


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


def test_answered_sessions_leave_the_budget(place):
    """
    A session that has heard something of its second member is no further attempt any more, however
    long it goes on.
    """
    here = place(balancer="retry-budget = 1\nretry-budget-min = 1", one="maxfails=100")
    here.one.close()
    for port in (5000, 5001, 5002, 5003):
        here.client(port).say(b"a")
        here.two.reply(b"b")
    assert here.outcomes == []
    assert len(here.site.channels) == 4


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
