"""
The health: URLs.
"""

from __future__ import annotations

import json

import pytest

from tests.services.worlds import World
from txbalancer.core import flags
from txbalancer.core.candidates import able

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
members =
    http://10.0.0.1
    http://10.0.0.2
[balancer:two]
members = http://10.0.0.3 retry=60
[mount:/health]
to = health:
[mount:/shop-health]
to = health: shop
[mount:/]
to = balancer://shop/
"""


def ask(world: World, path: str = "/health", method: str = "GET", accept: str = "*/*"):
    """
    Return status, head and body.
    """
    text = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n"
    head, _, body = world.client(80, text.encode()).taken().decode().partition("\r\n\r\n")
    return int(head.split()[1]), head, body


def put(world: World, balancer: str, *bits: int) -> None:
    """
    Give members other flags.
    """
    found = world.service.targets.balancers[balancer].balancer
    for member, each in zip(found.members, bits, strict=True):
        member.error_time = 0.0
        found.set_flags(member, flags.INIT | each, "a test", 0.0)


def test_all_is_well() -> None:
    """
    200 with a line for each balancer, which nobody keeps.
    """
    status, head, body = ask(World(CONFIGURATION).start())
    assert status == 200
    assert "\r\nCache-Control: no-store" in head
    assert body == (
        "shop: ok, 2 of 2 members can take requests\ntwo: ok, 1 of 1 member can take requests\n"
    )


@pytest.mark.parametrize(
    "out", [flags.IN_ERROR, flags.HC_FAILED, flags.DISABLED, flags.STOPPED, flags.DRAIN]
)
def test_a_balancer_without_a_member(out: int) -> None:
    """
    503 once one of the balancers has nobody for a new session; other balancers do not matter
    to a URL that names its own.
    """
    world = World(CONFIGURATION).start()
    put(world, "two", out)
    status, _, body = ask(world)
    assert status == 503
    assert "two: unavailable, none of 1 member can serve\n" in body
    assert ask(world, "/shop-health")[0] == 200
    put(world, "shop", out, 0)
    assert ask(world, "/shop-health")[0] == 200
    put(world, "shop", out, out)
    assert ask(world, "/shop-health")[0] == 503


def test_busy_members_can_serve() -> None:
    """
    Limits that are reached are no reason to send everybody away.
    """
    world = World(CONFIGURATION.replace("retry=60", "max=1")).start()
    world.members("two")[0].busy = 99
    assert ask(world)[0] == 200


def test_an_error_that_is_over() -> None:
    """
    A member whose retry time is over counts: without a request it would never come back.
    """
    world = World(CONFIGURATION).start()
    put(world, "two", flags.IN_ERROR)
    assert ask(world)[0] == 503
    world.advance(61)
    assert ask(world)[0] == 200
    assert world.members("two")[0].flags & flags.IN_ERROR, "to look changes nothing"


def test_forced_recovery_is_no_health() -> None:
    """
    That all members in error would be tried again (APACHE A30) does not make them well.
    """
    world = World(CONFIGURATION.replace("members = http", "forcerecovery = on\nmembers = http"))
    world.start()
    put(world, "two", flags.IN_ERROR)
    assert able(world.members("two"), 1.0) == 0
    assert ask(world)[0] == 503


def test_json() -> None:
    """
    The same as JSON for those who accept it.
    """
    world = World(CONFIGURATION).start()
    put(world, "two", flags.STOPPED)
    status, head, body = ask(world, accept="application/json")
    assert status == 503
    assert "\r\nContent-Type: application/json" in head
    assert json.loads(body) == {
        "status": "unavailable",
        "balancers": [
            {"name": "shop", "able": 2, "members": 2, "ok": True},
            {"name": "two", "able": 0, "members": 1, "ok": False},
        ],
    }
    put(world, "two", 0)
    assert json.loads(ask(world, accept="application/json")[2])["status"] == "ok"


def test_methods() -> None:
    """
    HEAD has the status alone; others are refused.
    """
    world = World(CONFIGURATION).start()
    status, head, body = ask(world, method="HEAD")
    assert (status, body) == (200, "")
    assert "Content-Length: " in head
    assert ask(world, method="PUT")[0] == 405


def test_a_stop_that_is_announced() -> None:
    """
    With stop-delay, the URL says 503 at once, and all goes on being served until the time is
    over; then nothing more is accepted.
    """
    text = CONFIGURATION.replace("access-log = off", "access-log = off\nstop-delay = 5s")
    world = World(text).start()
    ended = world.service.stopService()
    status, _, body = ask(world)
    assert status == 503
    assert body.startswith("the service is about to stop\n")
    assert "ok" in body
    assert json.loads(ask(world, accept="application/json")[2])["status"] == "stopping"
    world.client(80, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert len(world.openings()) == 1
    world.advance(4.5)
    assert 80 in world.reactor.open
    assert not ended.called
    assert world.service.stopService() is ended
    world.advance(1)
    assert 80 not in world.reactor.open


def test_a_second_signal_ends_the_announcement() -> None:
    """
    Whoever is in a hurry does not wait for stop-delay.
    """
    text = CONFIGURATION.replace("access-log = off", "access-log = off\nstop-delay = 500s")
    world = World(text).start()
    ended = world.service.stopService()
    world.service.cut()
    world.advance(0.2)
    assert ended.called
    assert 80 not in world.reactor.open
