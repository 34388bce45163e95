"""
Balanced connections: elected, connected, relayed, ended.
"""

from __future__ import annotations

import pytest

from tests.stream.rigs import TWO, address, connected, rig
from txbalancer.core import flags

ONE = "members = tcp://10.0.0.1:5432 "


def reasons(made) -> list[str]:
    """
    Return how connections ended.
    """
    return [each.reason for each in made.outcomes]


def test_bytes_go_both_ways_and_are_counted() -> None:
    """
    One connection is one exchange, with its bytes and times.
    """
    made = rig()
    client = made.client()
    made.advance(0.5)
    member = made.accept()
    client.send(b"hello")
    made.advance(1)
    member.send(b"who is there")
    assert (member.taken(), client.taken()) == (b"hello", b"who is there")
    (its, _) = made.balancer().members
    assert (its.busy, its.transferred, its.read) == (1, 5, 12)
    made.advance(1)
    client.end()
    member.end()
    (outcome,) = made.outcomes
    assert (outcome.status, outcome.reason, outcome.attempts) == (200, "ok", 1)
    assert (outcome.bytes_in, outcome.bytes_out) == (5, 12)
    times = (outcome.connect, outcome.first_byte, outcome.duration)
    assert times == pytest.approx((0.5, 1.5, 2.5))
    assert (outcome.peer.listener, outcome.balancer) == ("db", "shop")
    assert (outcome.member, its.busy) == ("tcp://10.0.0.1:5432", 0)
    assert not made.site.channels


def test_whoever_speaks_first() -> None:
    """
    A member may greet its client; what a client says before there is a member waits for it.
    """
    made = rig()
    client = made.client()
    client.send(b"a")
    client.send(b"b")
    member = made.accept()
    member.send(b"220 ready")
    assert (member.taken(), client.taken()) == (b"ab", b"220 ready")


@pytest.mark.parametrize("first", ["client", "member"])
def test_half_closes_are_kept(first: str) -> None:
    """
    Whoever has said everything can still hear the other; the end of both is the end.
    """
    made = rig()
    client, member = connected(made)
    one, other = (client, member) if first == "client" else (member, client)
    one.send(b"all")
    one.end()
    assert other.half_closed
    assert other.taken() == b"all"
    other.send(b"more and more")
    assert one.taken() == b"more and more"
    assert not made.outcomes
    other.end()
    assert (client.ended, member.ended) == ("closed", "closed")
    assert reasons(made) == ["ok"]


def test_a_client_that_ends_before_there_is_a_member() -> None:
    """
    What it said, and its end, reach the member; the answer reaches the client.
    """
    made = rig()
    client = made.client()
    client.send(b"question")
    client.end()
    member = made.accept()
    made.reactor.advance(0)
    assert member.taken() == b"question"
    assert member.half_closed
    member.send(b"answer")
    member.end()
    assert client.taken() == b"answer"
    assert client.ended == "closed"
    assert reasons(made) == ["ok"]


def test_another_member_takes_what_the_first_could_not() -> None:
    """
    A failed connection blames the member, and the client does not notice.
    """
    made = rig(balancer=TWO.replace("5432\n", "5432 maxfails=1\n"))
    client = made.client()
    client.send(b"hello")
    (opening,) = made.openings()
    opening.fail()
    (opening,) = made.openings()
    assert opening.address == ("10.0.0.2", 5432)
    member = opening.accept()
    assert member.taken() == b"hello"
    assert made.balancer().members[0].flags & flags.IN_ERROR
    member.end()
    client.end()
    (outcome,) = made.outcomes
    assert outcome.tried == (("tcp://10.0.0.1:5432", "connect-failed"),)
    assert outcome.attempts == 2


def test_nobody_is_there() -> None:
    """
    When no member can be had, the client's connection ends; the record has the last cause.
    """
    made = rig()
    client = made.client()
    for _ in range(2):
        (opening,) = made.openings()
        opening.fail()
    assert client.ended == "closed"
    (outcome,) = made.outcomes
    assert (outcome.status, outcome.reason, outcome.attempts) == (503, "connect-failed", 2)


def test_maxattempts_and_disabled_members() -> None:
    """
    No more members are tried than allowed, and none that is out.
    """
    made = rig(balancer="maxattempts = 0\n" + TWO)
    made.client()
    (opening,) = made.openings()
    opening.fail()
    assert not made.openings()
    made = rig(balancer=TWO.replace("10.0.0.1:5432", "10.0.0.1:5432 status=+D"))
    assert {address(made) for _ in range(4)} == {"10.0.0.2"}


def test_spares_and_standbys() -> None:
    """
    They come when those before them are out, as for requests.
    """
    members = (
        "members =\n tcp://10.0.0.1:1\n tcp://10.0.0.2:1 status=+R\n tcp://10.0.0.3:1 status=+H\n"
    )
    made = rig(balancer=members)
    assert {address(made) for _ in range(3)} == {"10.0.0.1"}
    balancer = made.balancer()
    balancer.force_error(balancer.members[0], "test", made.runtime.now())
    assert {address(made) for _ in range(3)} == {"10.0.0.2"}
    balancer.force_error(balancer.members[1], "test", made.runtime.now())
    assert {address(made) for _ in range(3)} == {"10.0.0.3"}


@pytest.mark.parametrize("lbmethod", ["byrequests", "bytraffic", "bybusyness", "leastload"])
def test_every_lbmethod_spreads_connections(lbmethod: str) -> None:
    """
    lbmethods that look at no request see connections, their bytes and their number.
    """
    made = rig(balancer=f"lbmethod = {lbmethod}\n{TWO}")
    found = []
    for _ in range(8):
        client = made.client()
        (opening,) = made.openings()
        found.append(opening.address[0])
        member = opening.accept()
        member.send(b"x" * 100)
        client.taken()
    assert sorted(found) == ["10.0.0.1"] * 4 + ["10.0.0.2"] * 4


def test_the_hash_of_the_source() -> None:
    """
    With lbmethod = hash an address goes to the same member.
    """
    made = rig(balancer=f"lbmethod = hash\n{TWO}")
    for host in ("192.0.2.1", "192.0.2.7", "2001:db8::1"):
        assert len({address(made, host) for _ in range(4)}) == 1


def test_max_and_the_queue() -> None:
    """
    Over max connections wait for their turn; too many or too long is an error.
    """
    made = rig(balancer=f"{ONE} max=1 acquire=2s maxqueue=1\nmaxattempts = 0\n")
    first, member = connected(made)
    second = made.client()
    third = made.client()
    assert third.ended == "closed"
    assert reasons(made) == ["queue-full"]
    first.end()
    member.end()
    other = made.accept()
    second.send(b"at last")
    assert other.taken() == b"at last"
    fourth = made.client()
    made.advance(2.5)
    assert fourth.ended == "closed"
    assert reasons(made) == ["queue-full", "ok", "queue-full"]


def test_waiting_for_any_member() -> None:
    """
    With timeout a connection waits for a member to come back.
    """
    made = rig(balancer=f"timeout = 5s\n{ONE} status=+D\n")
    late = made.client()
    made.advance(6)
    assert late.ended == "closed"
    assert reasons(made) == ["no-member"]
    client = made.client()
    client.send(b"patient")
    assert not made.openings()
    balancer = made.balancer()
    balancer.set_flags(balancer.members[0], flags.INIT, "test", made.runtime.now())
    made.advance(0)
    assert made.accept().taken() == b"patient"


def test_a_client_that_leaves() -> None:
    """
    A reset of the client's ends the member's side, and blames nobody.
    """
    made = rig()
    client, member = connected(made)
    member.send(b"x")
    client.reset()
    assert member.ended == "closed"
    assert reasons(made) == ["client-gone"]
    assert not any(each.failures for each in made.balancer().members)


def test_a_client_that_leaves_before_there_is_a_member() -> None:
    """
    The connection that was being made is closed when it comes about, unless another wants it.
    """
    made = rig(balancer=ONE)
    first = made.client()
    (opening,) = made.openings()
    first.reset()
    second = made.client()
    assert not made.openings()
    member = opening.accept()
    second.send(b"mine")
    assert member.taken() == b"mine"
    third = made.client()
    (opening,) = made.openings()
    third.reset()
    assert opening.accept().ended == "closed"
    assert reasons(made) == ["client-gone", "client-gone"]


def test_a_member_that_breaks_off() -> None:
    """
    A reset of the member's resets the client, so that it can tell; the member is not blamed.
    """
    made = rig()
    client, member = connected(made)
    member.send(b"half")
    member.reset()
    assert client.ended == "aborted"
    assert reasons(made) == ["truncated"]
    assert not any(each.failures for each in made.balancer().members)


def test_silence_of_both_sides_ends_a_connection() -> None:
    """
    The shorter of the listener's and the member's limits counts, from the last byte of either.
    """
    made = rig("idle-timeout = 10s\n", f"{ONE} tunneltimeout=20s\n")
    client, member = connected(made)
    made.advance(8)
    member.send(b"x")
    made.advance(8)
    client.send(b"x")
    made.advance(8)
    assert not made.outcomes
    made.advance(3)
    assert reasons(made) == ["tunnel-idle"]
    assert (client.ended, member.ended) == ("closed", "closed")


def test_a_life_has_an_end() -> None:
    """
    However busy it is, a connection ends after its lifetime.
    """
    made = rig("lifetime = 10s\n")
    client, member = connected(made)
    for _ in range(6):
        made.advance(1.9)
        client.send(b"x")
    assert reasons(made) == ["lifetime"]
    assert member.ended == "closed"


def test_back_pressure_both_ways() -> None:
    """
    Whoever does not read makes the other wait, and neither is read ahead of that.
    """
    made = rig()
    client, member = connected(made)
    for one, other in ((client, member), (member, client)):
        other.room = 0
        for _ in range(30):
            one.send(b"x" * 10000)
        assert not one.reading
        assert len(other._queued) < 80000
        other.take()
        assert one.reading
        assert len(other.taken()) == 300000


def test_a_client_that_takes_nothing() -> None:
    """
    After write-timeout without a byte taken it is cut off; one that is slow is not.
    """
    made = rig("write-timeout = 5s\n")
    client, member = connected(made)
    client.room = 0
    member.send(b"x" * 100000)
    for _ in range(4):
        made.advance(4)
        client.take(100)
        client.room = 0
    assert not made.outcomes
    made.advance(11)
    assert reasons(made) == ["client-timeout"]
    assert client.ended == "aborted"


def test_a_client_that_talks_and_takes_nothing() -> None:
    """
    What it sends is no reason to wait any longer for it to read.
    """
    made = rig("write-timeout = 5s\n")
    client, member = connected(made)
    client.room = 0
    member.send(b"x" * 100000)
    for _ in range(12):
        client.send(b"more")
        made.advance(1)
    assert reasons(made) == ["client-timeout"]
    assert client.ended == "aborted"


def test_a_member_that_takes_nothing() -> None:
    """
    After timeout without a byte taken the connection is broken off.
    """
    made = rig(balancer=f"{ONE} timeout=5s")
    client, member = connected(made)
    member.room = 0
    client.send(b"x" * 100000)
    made.advance(12)
    assert reasons(made) == ["response-timeout"]
    assert client.ended == "aborted"
    assert member.ended == "aborted"


def test_a_client_that_says_much_before_there_is_a_member() -> None:
    """
    No more than a little is kept.
    """
    made = rig()
    client = made.client()
    for _ in range(20):
        client.send(b"x" * 10000)
    assert not client.reading
    member = made.accept()
    made.reactor.advance(0)
    assert len(member.taken()) == 200000


def test_more_clients_than_allowed_wait() -> None:
    """
    Over max-connections they are not read, nor is a member asked, until there is room.
    """
    made = rig("max-connections = 1\n")
    first, member = connected(made)
    second = made.client()
    assert not made.openings()
    assert not second.reading
    first.end()
    member.end()
    made.accept()
    assert second.reading


def test_a_stop_lets_connections_go_on() -> None:
    """
    What has a member goes on after a drain, and ends with a cut.
    """
    made = rig()
    client, member = connected(made)
    made.site.drain()
    client.send(b"still here")
    assert member.taken() == b"still here"
    for channel in list(made.site.channels):
        channel.cut()
    assert reasons(made) == ["stopped"]
    assert client.ended == "aborted"


def test_stopping_while_a_member_is_awaited() -> None:
    """
    A cut ends a connection that has no member yet, too.
    """
    made = rig()
    client = made.client()
    (channel,) = made.site.channels
    channel.cut()
    assert client.ended == "aborted"
    assert reasons(made) == ["stopped"]
    assert made.accept().ended == "closed"


def test_an_address_stays_with_its_member() -> None:
    """
    With stickysource a client comes back to its member, for as long as that is not too long ago.
    """
    made = rig(balancer=f"stickysource = 60s\n{TWO}")
    for _ in range(3):
        assert address(made, "192.0.2.1") == "10.0.0.1"
        assert address(made, "192.0.2.2") == "10.0.0.2"
        made.advance(40)
    assert made.outcomes[2].sticky == (b"source", b"")
    sources = made.balancer().sources
    assert sources.count(made.runtime.now()) == 2
    made.advance(30)
    assert sources.count(made.runtime.now()) == 0
    assert address(made, "192.0.2.2") == "10.0.0.1"


def test_an_address_finds_another_member() -> None:
    """
    When its member is out the client goes elsewhere and stays there; a reload forgets nobody.
    """
    made = rig(balancer=f"stickysource = 1h\n{TWO}")
    assert address(made) == "10.0.0.1"
    balancer = made.balancer()
    balancer.force_error(balancer.members[0], "test", made.runtime.now())
    assert address(made) == "10.0.0.2"
    made.advance(30)
    made.targets.install(made.spec)
    assert [address(made) for _ in range(3)] == ["10.0.0.2"] * 3


def test_no_mount_takes_it() -> None:
    """
    A connection for nobody is closed and recorded.
    """
    made = rig(more="[mount:x]\nlistener = db\nclient = 10.0.0.0/8\nto = balancer://shop\n")
    client = made.client("192.0.2.1")
    assert client.ended == "closed"
    (outcome,) = made.outcomes
    assert (outcome.status, outcome.reason, outcome.balancer) == (404, "no-mount", "")
    assert made.client("10.1.2.3").ended == ""
    assert made.openings()


def test_a_single_member_without_a_balancer() -> None:
    """
    A mount may lead to one member, which never goes into error.
    """
    made = rig(more="[mount:x]\nlistener = db\nto = tcp://10.9.9.9:1 connectiontimeout=1\n")
    client = made.client()
    (opening,) = made.openings()
    assert opening.address == ("10.9.9.9", 1)
    opening.fail()
    assert client.ended == "closed"
    made.client()
    assert made.openings()
