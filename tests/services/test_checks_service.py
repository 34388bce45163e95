"""
Health checks of a whole service, from its configuration to the flags of its members.
"""

from __future__ import annotations

import pytest

from tests.services.worlds import World
from txbalancer.core import flags

CONFIGURATION = """
[txbalancer]
access-log = off
hctpsize = 1
hcexpr =
    mine EXPRESSION
[listener:web]
endpoint = tcp:80
[balancer:shop]
hcmethod = get
hcuri = /up
hcexpr = mine
hcinterval = 10s
members =
    http://10.0.0.1
    http://10.0.0.2 hcmethod=none hcexpr= hcuri=
[mount:/]
to = balancer://shop/
"""
ANSWER = b"HTTP/1.0 500 X\r\nContent-Length: 4\r\n\r\nwell"


def configuration(expression: str) -> str:
    """
    Write the configuration with an expression in it.
    """
    return CONFIGURATION.replace("EXPRESSION", expression)


def check(world: World) -> int:
    """
    Let one check happen and be answered; return the member's flags.
    """
    openings = []
    for _ in range(300):
        openings = openings or world.openings()
        if openings:
            break
        world.reactor.advance(0.1)
    (opening,) = openings
    member = opening.accept()
    assert b"GET /up HTTP/1.0" in member.taken()
    member.send(ANSWER)
    found: int = world.members()[0].flags
    return found


@pytest.mark.parametrize("turns", [2, 3])
def test_a_reload_puts_a_changed_expression_in_force(turns: int) -> None:
    """
    The same answer is judged by whatever the configuration says by then.
    """
    world = World(configuration("%{HC_BODY} == 'well'")).start()
    assert check(world) == flags.INIT
    assert world.members()[0].probe.text.endswith("status 500 in 0 ms, mine is true")
    lines = world.reload(configuration("%{REQUEST_STATUS} == 200"))
    assert [each for each in lines if "hcexpr" in each] == [
        "txbalancer: hcexpr mine %{HC_BODY} == 'well' -> mine %{REQUEST_STATUS} == 200"
    ]
    for _ in range(turns):
        check(world)
    out = world.members()[0].flags & flags.HC_FAILED
    assert bool(out) is (turns == 3)


def test_hctpsize_comes_from_the_configuration() -> None:
    """
    A reload changes the bound, too.
    """
    world = World(configuration("true")).start()
    assert world.service.checks.slots.limit == 1
    world.reload(configuration("true").replace("hctpsize = 1", "hctpsize = 4"))
    assert world.service.checks.slots.limit == 4
