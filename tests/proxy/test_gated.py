"""
Limits of requests in progress: who waits, who goes first, who is refused.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, POST, begin, check_rest, make_rig, status_of
from txbalancer.testing import MemoryRig

MOUNTS = """
[mount:/high]
to = balancer://shop/
priority = high
[mount:/page]
to = status:200
"""


def rig_with(listener: str = "", balancer: str = "", member: str = "") -> MemoryRig:
    """
    Make a rig with one member, and mounts of both priorities.
    """
    return MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\n{listener}\n"
        f"[balancer:shop]\n{balancer}\nmembers = http://10.0.0.1 {member}\n"
        f"{MOUNTS}[mount:/]\nto = balancer://shop/\n"
    )


def asked(rig: MemoryRig, path: bytes = b"/", host: str = "192.0.2.1"):
    """
    Send a request of a client of its own.
    """
    client = rig.client(host)
    client.send(GET.replace(b"/ ", path + b" ", 1))
    return client


BOTH = pytest.mark.parametrize("where", ["listener", "balancer"])


def limited(where: str, text: str) -> MemoryRig:
    """
    Make a rig whose listener or balancer has limits.
    """
    return rig_with(**{where: text})


@BOTH
def test_over_max_requests_they_wait(where) -> None:
    """
    The next one begins when one is over, and its time of waiting is recorded.
    """
    rig = limited(where, "max-requests = 1")
    first = asked(rig)
    member = rig.accept()
    second = asked(rig)
    assert rig.openings() == []
    assert member.taken().count(b"GET") == 1
    rig.advance(2)
    member.send(OK)
    rig.advance(0)
    assert status_of(first.taken()) == 200
    assert member.taken().count(b"GET") == 1
    member.send(OK)
    rig.advance(0)
    assert status_of(second.taken()) == 200
    assert rig.outcomes[1].queue == pytest.approx(2, abs=0.1)
    assert rig.outcomes[1].duration == pytest.approx(2, abs=0.1)
    check_rest(rig)


@BOTH
def test_high_priority_goes_first(where) -> None:
    """
    Who came later by a mount of high priority is served before others.
    """
    rig = limited(where, "max-requests = 1")
    asked(rig)
    member = rig.accept()
    asked(rig, b"/first")
    asked(rig, b"/high")
    member.taken()
    for path in (b"GET / ", b"GET /first "):
        member.send(OK)
        rig.advance(0)
        assert member.taken().startswith(path)


@BOTH
def test_a_full_queue_refuses(where) -> None:
    """
    With 503, Retry-After and the reason; high ones still have their places.
    """
    rig = limited(where, "max-requests = 1\nqueue = 1")
    asked(rig)
    asked(rig)
    answer = asked(rig).taken()
    assert status_of(answer) == 503
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert rig.outcomes[-1].reason == "queue-full"
    assert rig.outcomes[-1].balancer == ("shop" if where == "balancer" else "")
    assert asked(rig, b"/high").taken() == b""


@BOTH
def test_waiting_has_its_time(where) -> None:
    """
    After queue-timeout it is 503, and the place that it never had is nobody's loss.
    """
    rig = limited(where, "max-requests = 1\nqueue-timeout = 2s")
    first = asked(rig)
    member = rig.accept()
    second = asked(rig)
    rig.advance(3)
    assert status_of(second.taken()) == 503
    assert rig.outcomes[0].reason == "queue-timeout"
    assert rig.outcomes[0].queue == pytest.approx(2, abs=0.5)
    member.send(OK)
    rig.advance(0)
    assert status_of(first.taken()) == 200
    third = asked(rig)
    member.send(OK)
    assert status_of(third.taken()) == 200


@BOTH
def test_who_leaves_is_out_of_the_queue(where) -> None:
    """
    The next one gets its turn, and the record says that the client left.
    """
    rig = limited(where, "max-requests = 1\nqueue = 1")
    asked(rig)
    member = rig.accept()
    gone = asked(rig)
    gone.reset()
    rig.advance(0)
    assert rig.outcomes[0].reason == "client-gone"
    third = asked(rig)
    assert third.taken() == b""
    member.send(OK)
    rig.advance(0)
    member.send(OK)
    assert status_of(third.taken()) == 200


@BOTH
def test_a_client_that_leaves_gives_its_place_back(where) -> None:
    """
    Whatever ends an exchange lets the next one in.
    """
    rig = limited(where, "max-requests = 1")
    first = asked(rig)
    rig.accept()
    second = asked(rig)
    first.reset()
    rig.advance(0)
    rig.accept().send(OK)
    assert status_of(second.taken()) == 200


def test_failures_give_places_back() -> None:
    """
    Also a request that no member takes.
    """
    rig = rig_with("max-requests = 1")
    first = asked(rig)
    second = asked(rig)
    for client in (first, second):
        (opening,) = rig.openings()
        opening.fail()
        rig.advance(0)
        assert status_of(client.taken()) == 503
    assert rig.site.gate is not None
    assert rig.site.gate.busy == 0


def test_a_body_waits_with_its_request() -> None:
    """
    What came of it meanwhile goes to the member, all of it and in order.
    """
    rig = rig_with("max-requests = 1")
    asked(rig)
    member = rig.accept()
    client = rig.client()
    client.send(POST + b"01234")
    client.send(b"56789")
    member.taken()
    member.send(OK)
    rig.advance(0)
    assert member.taken().endswith(b"\r\n\r\n0123456789")
    member.send(OK)
    assert status_of(client.taken()) == 200


def test_pages_of_the_service_do_not_wait() -> None:
    """
    What needs no member is answered, however many wait for one.
    """
    rig = rig_with("max-requests = 1\nqueue = 0", "max-requests = 1")
    asked(rig)
    assert status_of(asked(rig).taken()) == 503
    assert status_of(asked(rig, b"/page").taken()) == 200


def test_requests_of_one_client_wait_for_each_other() -> None:
    """
    Another client is served meanwhile; exempt clients have no such limit.
    """
    rig = rig_with("requests-per-client = 1\nexempt-clients = 10.0.0.0/8")
    asked(rig)
    rig.accept()
    asked(rig)
    assert rig.openings() == []
    asked(rig, host="192.0.2.2")
    rig.accept()
    for _ in range(2):
        asked(rig, host="10.0.0.9")
        rig.accept()


def test_the_clients_of_trusted_proxies_count() -> None:
    """
    It is who the proxy tells of that has to wait, not the proxy.
    """
    rig = rig_with("requests-per-client = 1\ntrusted-proxies = 192.0.2.1")
    told = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 198.51.100.%d\r\n\r\n")
    for number in (1, 2):
        rig.client().send(told % number)
        rig.accept()
    rig.client().send(told % 1)
    assert rig.openings() == []


def test_a_listener_is_left_as_it_was_behind_a_balancer_that_is_full() -> None:
    """
    A request that has to wait twice gives both places back.
    """
    rig = rig_with("max-requests = 2\nqueue = 1", "max-requests = 1\nqueue = 1")
    first = asked(rig)
    member = rig.accept()
    clients = [asked(rig) for _ in range(3)]
    assert status_of(clients[2].taken()) == 503
    for client in (first, *clients[:2]):
        member.send(OK)
        rig.advance(0)
        assert status_of(client.taken()) == 200
    gates = rig.site.gate, rig.targets.balancers["shop"].gate
    assert [gate.busy for gate in gates if gate is not None] == [0, 0]


def test_without_limits_nothing_is_put_before_a_balancer() -> None:
    """
    What is off is not there: the mount's target is the balancer itself.
    """
    rig = make_rig(1)
    (mount,) = rig.site.table.mounts
    assert type(mount.target).__name__ == "MountedBalancer"
    assert rig.runtime.finish == rig.outcomes.append
    client, member = begin(rig)
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert not hasattr(rig.outcomes[0].request, "ticket")


def test_priority_counts_for_a_members_connections() -> None:
    """
    In the queue of a member with max, too.
    """
    rig = rig_with(member="max=1")
    asked(rig)
    member = rig.accept()
    asked(rig, b"/first")
    asked(rig, b"/high")
    member.taken()
    member.send(OK)
    rig.advance(0)
    assert member.taken().startswith(b"GET / "), "the high one's mount maps /high to /"
    member.send(OK)
    rig.advance(0)
    assert member.taken().startswith(b"GET /first ")


def test_maxrequests_of_a_member_is_a_bound_of_its_connections() -> None:
    """
    Of HTTP/1 each connection has one request; the smaller of max and maxrequests counts.
    """
    rig = rig_with(member="max=5 maxrequests=1 maxqueue=0")
    asked(rig)
    rig.accept()
    answer = asked(rig).taken()
    assert status_of(answer) == 503
    assert rig.outcomes[-1].reason == "queue-full"
