"""
Upgraded connections: raw bytes both ways, their limits and their end (H40, H41).
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import OK, SWITCH, UPGRADE, begin, check_rest, make_rig, status_of

pytestmark = pytest.mark.usefixtures("ends")


def tunnel(**options: str):
    """
    Return a rig with an upgraded connection and its two ends.
    """
    rig = make_rig(1, **options)
    client, member = begin(rig, UPGRADE)
    member.taken()
    member.send(SWITCH)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 101 Switching\r\n")
    assert b"\r\nUpgrade: websocket\r\n" in answer
    assert b"\r\nConnection: Upgrade\r\n" in answer
    return rig, client, member


def test_bytes_go_both_ways() -> None:
    """
    After the 101 everything is passed on as it is, and counted.
    """
    rig, client, member = tunnel()
    client.send(b"GET / is no request here\r\n\r\n")
    member.send(b"HTTP/1.1 nor this an answer\r\n\r\n")
    assert member.taken() == b"GET / is no request here\r\n\r\n"
    assert client.taken() == b"HTTP/1.1 nor this an answer\r\n\r\n"
    assert rig.balancer().members[0].busy == 1
    client.reset()
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason) == (101, "ok")
    assert (outcome.bytes_in, outcome.bytes_out) == (28, 31)
    rig.advance(0)
    check_rest(rig)


def test_bytes_around_the_101_are_kept() -> None:
    """
    What the client sent behind its request and the member behind its 101 is not lost.
    """
    rig = make_rig(1)
    client, member = begin(rig, UPGRADE + b"early")
    member.taken()
    member.send(SWITCH + b"first")
    assert client.taken().endswith(b"\r\n\r\nfirst")
    assert member.taken() == b"early"


@pytest.mark.parametrize("first", ["client", "member"])
def test_each_direction_ends_by_itself(first) -> None:
    """
    A half-close is passed on, the other direction goes on until its own end.
    """
    rig, client, member = tunnel()
    one, other = (client, member) if first == "client" else (member, client)
    one.end()
    assert other.half_closed
    assert not one.half_closed
    other.send(b"last words")
    assert one.taken() == b"last words"
    assert rig.outcomes == []
    other.end()
    rig.advance(0)
    assert client.lost
    assert member.lost
    assert [outcome.reason for outcome in rig.outcomes] == ["ok"]
    check_rest(rig)


@pytest.mark.parametrize("who", ["client", "member"])
def test_a_reset_ends_both(who) -> None:
    """
    A broken side takes the other with it; nobody is blamed.
    """
    rig, client, member = tunnel(member="maxfails=1")
    (client if who == "client" else member).reset()
    rig.advance(0)
    assert client.lost
    assert member.lost
    assert rig.balancer().members[0].failures == []
    check_rest(rig)


def test_silence_ends_it() -> None:
    """
    tunneltimeout bounds silence in both directions; a word from either side is enough.
    """
    rig, client, member = tunnel(member="tunneltimeout=20 timeout=5")
    rig.advance(15)
    client.send(b"ping")
    rig.advance(15)
    member.send(b"pong")
    rig.advance(15)
    assert not client.lost
    rig.advance(10)
    assert client.lost
    assert member.lost
    assert rig.outcomes[0].reason == "tunnel-idle"


@pytest.mark.parametrize("who", ["client", "member"])
def test_who_does_not_read_pauses_the_other(who) -> None:
    """
    Back-pressure goes through; nothing is lost.
    """
    rig, client, member = tunnel()
    slow, fast = (client, member) if who == "client" else (member, client)
    slow.room = 0
    fast.send(b"a" * 100_000)
    assert not fast.reading
    fast.send(b"b" * 100_000)
    slow.take()
    rig.advance(0)
    assert fast.reading
    assert slow.taken() == b"a" * 100_000 + b"b" * 100_000


def test_a_cut_ends_a_tunnel() -> None:
    """
    At the end of the graceful time tunnels are ended as well.
    """
    rig, client, member = tunnel()
    for channel in list(rig.site.channels):
        channel.cut()
    rig.advance(0)
    assert client.lost
    assert member.lost
    assert len(rig.outcomes) == 1
    check_rest(rig)


@pytest.mark.parametrize(
    ("member", "wanted", "offered"),
    [
        ("", b"websocket", True),
        ("", b"WebSocket", True),
        ("", b"h2c", False),
        ("", b"other", False),
        ("", b"websocket, other", False),
        ("upgrade=NONE", b"websocket", False),
        ("upgrade=ANY", b"other", True),
        ("upgrade=ANY", b"h2c", False),
        ("upgrade=other", b"other", True),
    ],
)
def test_only_wanted_upgrades_are_offered(member, wanted, offered) -> None:
    """
    The member is offered what its C{upgrade} allows, never h2c (H40, PEERS 2.13).
    """
    rig = make_rig(1, member=member)
    _, end = begin(rig, UPGRADE.replace(b"websocket", wanted))
    head = end.taken()
    assert (b"\r\nUpgrade: " + wanted + b"\r\n" in head) is offered
    assert (b"\r\nConnection: Upgrade\r\n" in head) is offered


def test_a_101_that_was_not_asked_for_is_garbage() -> None:
    """
    Another protocol than offered, or any where none was, is 502.
    """
    for request in (UPGRADE.replace(b"websocket", b"h2c"), UPGRADE):
        rig = make_rig(1)
        client, member = begin(rig, request)
        member.send(SWITCH.replace(b"websocket", b"other"))
        assert status_of(client.taken()) == 502
        assert member.ended == "aborted"


def test_an_upgrade_may_be_declined() -> None:
    """
    A plain answer to an offered upgrade is a plain answer; the connections stay.
    """
    rig = make_rig(1)
    client, member = begin(rig, UPGRADE)
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert not client.lost
    assert not member.lost
    check_rest(rig)
