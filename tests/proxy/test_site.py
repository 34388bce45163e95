"""
A listener: from a head to its mount, and how many connections there may be.
"""

from __future__ import annotations

from twisted.internet.address import UNIXAddress

from tests.proxy.rigs import GET, MOUNTS, OK, POST, ask, begin, make_rig, status_of
from txbalancer.testing import MemoryRig, MemoryTransport


def test_nobody_takes_it() -> None:
    """
    A path without a mount is 404, and the outcome says so.
    """
    rig = MemoryRig(MOUNTS)
    assert status_of(ask(rig, GET)) == 404
    assert rig.outcomes[0].reason == "no-mount"
    assert rig.outcomes[0].attempts == 0


def test_a_path_that_cannot_be_mapped_is_refused() -> None:
    """
    A path with a bad escape is 400 before any mount is asked.
    """
    rig = MemoryRig(MOUNTS)
    assert status_of(ask(rig, GET.replace(b"/ ", b"/%zz "))) == 400


def test_an_announced_body_over_the_limit_is_413() -> None:
    """
    max-body is checked on the announcement, before a member is bothered.
    """
    rig = make_rig(mount="max-body = 9")
    assert status_of(ask(rig, POST + b"0123456789")) == 413
    assert rig.openings() == []


def test_options_star_is_answered_here() -> None:
    """
    C{OPTIONS *} asks about the proxy itself (H9).
    """
    answer = ask(make_rig(), b"OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    assert status_of(answer) == 200
    assert b"\r\nAllow: GET," in answer


def test_over_max_connections_clients_wait() -> None:
    """
    Connections over the limit are not read until another closes, in their order.
    """
    rig = make_rig(1, listener="max-connections = 1\nhead-timeout = 5")
    first, second, third = (rig.client() for _ in range(3))
    second.send(GET)
    third.send(GET)
    assert not second.reading
    assert rig.openings() == []
    rig.advance(4)
    first.end()
    rig.advance(0)
    member = rig.accept()
    member.send(OK)
    assert status_of(second.taken()) == 200
    assert third.taken() == b""
    second.reset()
    rig.advance(0)
    member.send(OK)
    assert status_of(third.taken()) == 200


def test_a_client_that_leaves_while_waiting_takes_no_place() -> None:
    """
    Who waits and is cut is forgotten; the others keep their turn.
    """
    rig = make_rig(1, listener="max-connections = 1")
    first, second, third = (rig.client() for _ in range(3))
    second.abortConnection()
    third.send(GET)
    first.reset()
    rig.advance(0)
    rig.accept()
    assert len(rig.site.channels) == 1


def test_clients_on_unix_sockets_have_no_address() -> None:
    """
    A client of a unix socket is served, and forwarded without an address.
    """
    rig = make_rig()
    address = UNIXAddress(None)
    client = MemoryTransport(rig.reactor, rig.site.buildProtocol(address), address)
    client.send(GET)
    member = rig.accept()
    assert member.taken().startswith(b"GET / HTTP/1.1\r\n")
    member.send(OK)
    assert rig.outcomes[0].peer.client == ""


def test_new_options_hold_for_open_connections() -> None:
    """
    After a reload open connections keep going under the new limits.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    changed = make_rig(1, listener="max-url = 64")
    rig.site.configure(changed.spec.listeners[0])
    client.send(GET.replace(b"/ ", b"/%b " % (b"a" * 100)))
    assert status_of(client.taken()) == 414
