"""
A member's connections: used again, waited for, opened and aged.
"""

from __future__ import annotations

import pytest
from twisted.internet.error import TimeoutError
from twisted.internet.testing import MemoryReactorClock

from tests.proxy.rigs import GET, OK, begin, check_rest, make_rig, status_of
from txbalancer.testing import MemoryRig


def pool_of(rig, index=0):
    return rig.balancer().members[index].pool


def idle(rig, count):
    """
    Leave idle connections behind; returns the members' ends, the oldest first.
    """
    pairs = [begin(rig) for _ in range(count)]
    for client, member in pairs:
        member.send(OK)
        client.reset()
    return [member for _, member in pairs]


def test_the_connection_used_last_is_used_next() -> None:
    """
    Reuse takes the youngest idle connection, so that the others can age (W50).
    """
    rig = make_rig(1)
    older, younger = idle(rig, 2)
    older.taken(), younger.taken()
    client = rig.client()
    client.send(GET)
    assert rig.openings() == []
    assert (older.taken(), younger.taken()[:3]) == (b"", b"GET")
    younger.send(OK)
    assert rig.outcomes[-1].reused
    check_rest(rig)


def test_an_idle_connection_that_closes_is_dropped() -> None:
    """
    Idle connections are watched: one that ends, or says something, is not used again.
    """
    rig = make_rig(1)
    first, second, third = idle(rig, 3)
    first.end()
    second.reset()
    third.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert pool_of(rig).open == 0
    assert third.lost
    begin(rig)


def test_max_makes_requests_wait_in_order() -> None:
    """
    Over C{max} busy connections requests wait, first come first served (W51).
    """
    rig = make_rig(1, member="max=1")
    first, member = begin(rig)
    second, third = rig.client(), rig.client()
    second.send(GET.replace(b"/ ", b"/second "))
    third.send(GET.replace(b"/ ", b"/third "))
    assert rig.openings() == []
    member.taken()
    rig.advance(2)
    member.send(OK)
    assert member.taken().startswith(b"GET /second")
    member.send(OK)
    assert member.taken().startswith(b"GET /third")
    member.send(OK)
    assert [status_of(each.taken()) for each in (first, second, third)] == [200] * 3
    assert [round(outcome.queue) for outcome in rig.outcomes] == [0, 2, 2]
    rig.advance(30)
    check_rest(rig)


def test_X34_limits_are_the_service_s() -> None:
    """
    One pool holds all connections to a member, whichever mounts ask for them.
    """
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n"
        "[balancer:shop]\nmembers = http://10.0.0.1 max=1 min=0\n"
        "[mount:/one]\nto = balancer://shop/\n[mount:/two]\nto = balancer://shop/\n"
    )
    clients = [rig.client(), rig.client()]
    for client, path in zip(clients, (b"/one", b"/two"), strict=True):
        client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    assert len(rig.openings()) == 1
    assert rig.balancer().members[0].busy == 2


def test_a_connection_that_closes_makes_room() -> None:
    """
    Where the busy connection goes away, one is opened for the first that waits.
    """
    rig = make_rig(1, member="max=1 disablereuse=on")
    first, member = begin(rig)
    second = rig.client()
    second.send(GET)
    member.send(OK)
    assert status_of(first.taken()) == 200
    rig.advance(0)
    rig.accept().send(OK)
    assert status_of(second.taken()) == 200
    rig.advance(10)
    check_rest(rig)


def test_an_opening_that_fails_makes_room() -> None:
    """
    A refused connection fails the one it was for; the next that waits gets its own try.
    """
    rig = make_rig(1, member="max=1", balancer="maxattempts = 0")
    first, second = rig.client(), rig.client()
    first.send(GET)
    second.send(GET)
    (opening,) = rig.openings()
    opening.fail()
    assert status_of(first.taken()) == 503
    rig.accept().send(OK)
    assert status_of(second.taken()) == 200


def test_waiting_for_a_connection_has_its_time() -> None:
    """
    After C{acquire} a waiting request goes elsewhere, without blame; nobody else: 503 (W51, X8).
    """
    rig = make_rig(2, member="max=1 acquire=3s maxfails=1")
    begin(rig), begin(rig)
    third = rig.client()
    third.send(GET)
    rig.advance(2)
    assert third.taken() == b""
    rig.advance(5)
    answer = third.taken()
    assert status_of(answer) == 503
    assert b"\r\nRetry-After: " in answer
    outcome = rig.outcomes[-1]
    assert outcome.reason == "queue-full"
    assert len(outcome.tried) == 2
    assert outcome.queue == pytest.approx(6, abs=1)
    assert [each.failures for each in rig.balancer().members] == [[], []]
    assert rig.balancer().members[0].busy == 1


def test_the_queue_has_a_length() -> None:
    """
    With C{maxqueue} waiting, one more is refused at once.
    """
    rig = make_rig(1, member="max=1 maxqueue=1")
    begin(rig)
    second, third = rig.client(), rig.client()
    second.send(GET)
    third.send(GET)
    assert second.taken() == b""
    assert status_of(third.taken()) == 503
    assert rig.outcomes[-1].reason == "queue-full"


def test_who_leaves_the_queue_is_not_served() -> None:
    """
    A client that goes while waiting frees its place.
    """
    rig = make_rig(1, member="max=1")
    _, member = begin(rig)
    second, third = rig.client(), rig.client()
    second.send(GET.replace(b"/ ", b"/second "))
    third.send(GET.replace(b"/ ", b"/third "))
    second.reset()
    member.taken()
    member.send(OK)
    assert member.taken().startswith(b"GET /third")


def test_the_wait_ends_with_the_connection_coming_free() -> None:
    """
    Once a connection is being opened for it, a request is bound by connectiontimeout alone.
    """
    rig = make_rig(1, member="max=1 acquire=3s")
    _, member = begin(rig)
    second = rig.client()
    second.send(GET)
    member.reset()
    rig.advance(1)
    found = rig.openings()
    rig.advance(4)
    assert second.taken() == b""
    found[-1].accept().send(OK)
    assert status_of(second.taken()) == 200


def test_without_acquire_the_wait_is_not_bounded() -> None:
    """
    With acquire=0 a request waits until a connection is free.
    """
    rig = make_rig(1, member="max=1 acquire=0 timeout=9000")
    _, member = begin(rig)
    second = rig.client()
    second.send(GET)
    rig.advance(8000)
    assert second.taken() == b""
    member.send(OK)
    member.send(OK)
    assert status_of(second.taken()) == 200
    check_rest(rig)


def test_idle_connections_age() -> None:
    """
    After C{ttl} idle connections are closed (W52).
    """
    rig = make_rig(1, member="ttl=10")
    ends = idle(rig, 2)
    rig.advance(9)
    assert not any(each.lost for each in ends)
    rig.advance(2)
    assert [each.ended for each in ends] == ["closed"] * 2
    check_rest(rig)


@pytest.mark.parametrize("option", ["min=1", "smax=1"])
def test_some_are_kept_however_old(option) -> None:
    """
    C{min} and C{smax} are the number of idle connections that no age closes.
    """
    rig = make_rig(1, member=f"ttl=10 {option}")
    ends = idle(rig, 3)
    rig.advance(100)
    assert sum(each.lost for each in ends) == 2


def test_ttl_may_be_off() -> None:
    """
    With ttl=0 connections stay until the member closes them.
    """
    rig = make_rig(1, member="ttl=0")
    (member,) = idle(rig, 1)
    rig.advance(10000)
    assert not member.lost


def test_disablereuse_uses_each_connection_once() -> None:
    """
    The member is told to close, and the connection is (W54).
    """
    rig = make_rig(1, member="disablereuse=on")
    _, member = begin(rig)
    assert b"\r\nConnection: close\r\n" in member.taken()
    member.send(OK)
    assert member.ended == "closed"
    check_rest(rig)


NAMED = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
members = {url} connectiontimeout=3
[mount:/]
to = balancer://shop/
"""


class Resolver:
    """
    Knows what it is told.
    """

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    def resolveHostName(self, receiver, name, *rest) -> None:
        self.asked += 1
        for address in self.addresses:
            receiver.addressResolved(type("Address", (), {"host": address}))
        receiver.resolutionComplete()


def named(*addresses):
    rig = MemoryRig(NAMED.format(url="http://member.test:81"))
    rig.reactor.nameResolver = Resolver(*addresses)
    client = rig.client()
    client.send(GET)
    return rig, client


def test_addresses_are_tried_in_order() -> None:
    """
    A name with several addresses is one attempt over all of them (W55).
    """
    rig, client = named("10.0.0.1", "10.0.0.2")
    (opening,) = rig.openings()
    assert opening.address == ("10.0.0.1", 81)
    opening.fail()
    (opening,) = rig.openings()
    assert opening.address == ("10.0.0.2", 81)
    opening.accept().send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[0].attempts == 1
    assert rig.balancer().members[0].failures == []


def test_all_addresses_fail() -> None:
    """
    Only the last address's failure fails the attempt.
    """
    rig, client = named("10.0.0.1", "10.0.0.2")
    for _ in range(2):
        (opening,) = rig.openings()
        opening.fail(TimeoutError())
    assert status_of(client.taken()) == 504
    assert rig.outcomes[0].reason == "connect-timeout"
    check_rest(rig)


def test_an_unknown_name_is_a_failed_connection() -> None:
    """
    A name that does not resolve is as good as a refused connection.
    """
    rig, client = named()
    assert status_of(client.taken()) == 503
    assert rig.outcomes[0].reason == "connect-failed"
    check_rest(rig)


def test_connecting_is_bounded() -> None:
    """
    The reactor is told connectiontimeout for each connection.
    """
    rig, _ = named("10.0.0.1")
    assert rig.reactor.tcpClients[0][3] == 3


def test_unix_sockets() -> None:
    """
    A member on a unix socket is reached there, under the name of its URL.
    """
    rig = MemoryRig(NAMED.format(url="unix:/run/app.sock|http://app.test/base"))
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    assert opening.address == "/run/app.sock"
    member = opening.accept()
    assert member.taken().startswith(b"GET /base/ HTTP/1.1\r\nHost: app.test\r\n")


def test_a_connection_for_nobody_is_kept() -> None:
    """
    A connection that comes about after its client left serves the next one.
    """
    rig = make_rig(1)
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    client.reset()
    member = opening.accept()
    assert pool_of(rig).idle
    client = rig.client()
    client.send(GET)
    assert rig.openings() == []
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_clients_that_come_and_go_use_up_no_sockets() -> None:
    """
    What is being opened for a client that left is taken over by the next one, whatever
    C{max} says: a member that does not accept costs one socket for each client that waits.
    """
    rig = make_rig(1, member="max=1 maxqueue=0 blame=connect")
    for _ in range(100):
        client = rig.client()
        client.send(GET)
        client.reset()
    client = rig.client()
    client.send(GET)
    assert pool_of(rig).open == 1
    member = rig.accept()
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_an_opening_that_was_taken_over_may_fail() -> None:
    """
    The client that took it over is told, and nothing is left of it.
    """
    rig = make_rig(1, balancer="maxattempts = 0")
    for _ in range(2):
        client = rig.client()
        client.send(GET)
        client.reset()
    client = rig.client()
    client.send(GET)
    (opening,) = rig.openings()
    opening.fail()
    assert status_of(client.taken()) == 503
    assert pool_of(rig).open == 0
    check_rest(rig)


def test_leaving_closes_what_is_idle_and_then_the_rest() -> None:
    """
    A member that is taken out finishes what it has.
    """
    rig = make_rig(1)
    (unused,) = idle(rig, 1)
    unused.taken()
    busy_client = rig.client()
    busy_client.send(GET)
    _, other = begin(rig)
    other.send(OK)
    pool_of(rig).leave()
    rig.advance(0)
    assert other.ended == "closed"
    assert not unused.lost
    unused.send(OK)
    rig.advance(0)
    assert status_of(busy_client.taken()) == 200
    assert unused.ended == "closed"
    check_rest(rig)


def test_another_spec_for_the_same_address() -> None:
    """
    A reload changes how new connections are made; open ones stay.
    """
    rig = make_rig(1)
    (member,) = idle(rig, 1)
    pool = pool_of(rig)
    pool.configure(make_rig(1, member="max=7").balancer().members[0].spec)
    assert (pool.spec.max, pool.open, member.lost) == (7, 1, False)


def test_more_connections_are_allowed_while_requests_wait() -> None:
    """
    A reload that raises C{max} serves those that wait at once; nobody overtakes them.
    """
    rig = make_rig(1, member="max=1")
    begin(rig)
    rig.client().send(GET)
    rig.client().send(GET)
    assert rig.openings() == []
    rig.targets.install(make_rig(1, member="max=2").spec)
    assert len(rig.openings()) == 1


def test_the_reactor_of_the_rig_is_a_memory_reactor() -> None:
    """
    Nothing here opens a socket.
    """
    assert isinstance(make_rig().reactor, MemoryReactorClock)


@pytest.mark.parametrize(("ttl", "asked"), [("-1", 2), ("1h", 1)])
def test_W55_addresses_for_ever_end_with_the_first_failure(ttl: str, asked: int) -> None:
    """
    With addressttl=-1 the name is looked up again after all of its addresses have failed.
    """
    rig = MemoryRig(NAMED.format(url=f"http://member.test:81 addressttl={ttl} maxfails=9"))
    rig.reactor.nameResolver = resolver = Resolver("10.0.0.1", "10.0.0.2")
    for _ in range(2):
        rig.client().send(GET)
        for _ in range(2):
            (opening,) = rig.openings()
            opening.fail()
        rig.advance(20)
    assert resolver.asked == asked


def test_sizes_of_reads_and_buffers_reach_the_connector(monkeypatch) -> None:
    """
    iobuffersize and receivebuffersize are what connections are opened with; 0 where not set.
    """
    seen = []
    monkeypatch.setattr(
        "txbalancer.proxy.opening.connect_tcp", lambda *each: seen.append(each[5:7])
    )
    monkeypatch.setattr(
        "txbalancer.proxy.opening.connect_unix", lambda *each: seen.append(each[4:5])
    )
    for url, options in (
        ("http://10.0.0.1", ""),
        ("http://10.0.0.1", "iobuffersize=4096 receivebuffersize=64K"),
        ("unix:/run/app.sock|http://app.test", "iobuffersize=4096"),
    ):
        rig = MemoryRig(NAMED.format(url=f"{url} {options}"))
        rig.client().send(GET)
    assert seen == [(0, 0), (65536, 4096), (4096,)]
