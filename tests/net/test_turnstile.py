"""
Who is let in when little is left.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from txbalancer.net.turnstile import PAUSE, RESERVE, Turnstile


class Port:
    """
    A port that is read, or not.
    """

    connected, disconnecting = True, False

    def __init__(self) -> None:
        self.reading = True

    def startReading(self) -> None:
        self.reading = True

    def stopReading(self) -> None:
        self.reading = False


def ports(turnstile: Turnstile, count: int = 1) -> list[Any]:
    """
    Put ports behind a turnstile.
    """
    made = [Port() for _ in range(count)]
    for each in made:
        turnstile.add(each)
    return made


def test_a_port_without_room_rests_for_a_moment() -> None:
    """
    It does not spin, and others are not held up.
    """
    clock = Clock()
    turnstile = Turnstile(clock)
    one, other = ports(turnstile, 2)
    turnstile.no_room(one)
    assert (one.reading, other.reading, turnstile.full) == (False, True, 1)
    clock.advance(PAUSE)
    assert one.reading


def test_closed_all_ports_rest_until_it_is_open() -> None:
    """
    Also those that come meanwhile, and those that had no room before.
    """
    clock = Clock()
    turnstile = Turnstile(clock)
    (one,) = ports(turnstile)
    turnstile.no_room(one)
    turnstile.close()
    (other,) = ports(turnstile)
    clock.advance(PAUSE)
    assert (one.reading, other.reading) == (False, False)
    turnstile.open()
    assert (one.reading, other.reading) == (True, True)


def test_a_port_that_becomes_reserved_is_let_go() -> None:
    """
    A reload may say so while nothing is accepted; and it may be short of room itself.
    """
    clock = Clock()
    turnstile = Turnstile(clock)
    (one,) = ports(turnstile)
    turnstile.close()
    turnstile.discard(one)
    assert one.reading
    turnstile.no_room(one)
    assert not one.reading
    clock.advance(PAUSE)
    assert one.reading


def test_a_port_that_is_closed_is_left_alone() -> None:
    """
    Its end may come while it rests.
    """
    clock = Clock()
    turnstile = Turnstile(clock)
    (one,) = ports(turnstile)
    turnstile.no_room(one)
    turnstile.forget(one)
    one.connected = False
    clock.advance(PAUSE)
    turnstile.open()
    assert not one.reading


def test_how_descriptors_are_divided() -> None:
    """
    The last ones are for the service itself, those before them for members.
    """
    turnstile = Turnstile(Clock())
    for limit in (64, 256, 1024, 2**20):
        turnstile.limit(limit)
        assert 0 < turnstile.clients < turnstile.members < limit
    assert limit - turnstile.members == RESERVE
