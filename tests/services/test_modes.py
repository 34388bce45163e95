"""
Listeners of connections in a whole service.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.core.commands import AddMember, SetBalancer
from txbalancer.core.specs import MemberSpec, StickyNames

TCP = """
[txbalancer]
access-log = off
graceful-timeout = 10s
splice = off
[listener:web]
endpoint = tcp:80
mode = tcp
to = balancer://raw
[balancer:raw]
members =
    tcp://10.0.0.1:1
    tcp://10.0.0.2:1
"""


def test_a_listener_changes_its_mode() -> None:
    """
    The endpoint stays open; what came before goes on as it was, what comes after is of the
    new mode, and a stop waits for both.
    """
    world = World().start()
    before = world.client(request=GET)
    web = world.accept()
    web.taken()
    socket = world.reactor.open[80]
    world.reload(TCP)
    assert world.reactor.open[80] is socket
    after = world.client()
    raw = world.accept()
    after.send(b"anything")
    assert raw.taken() == b"anything"
    web.send(OK)
    assert before.taken().startswith(b"HTTP/1.1 200")
    stopping = world.service.stopService()
    world.advance(1)
    assert not stopping.called
    after.end()
    raw.end()
    world.advance(1)
    assert stopping.called
    assert not world.reactor.open


def test_and_back_again() -> None:
    """
    A connection outlives the listener's change to HTTP.
    """
    world = World(TCP).start()
    client = world.client()
    member = world.accept()
    world.reload(CONFIGURATION)
    member.send(b"still here")
    assert client.taken() == b"still here"
    other = world.client(request=GET)
    assert world.accept().taken().startswith(b"GET / HTTP/1.1")
    assert not other.ended


def test_connections_are_counted() -> None:
    """
    They are what the listener is busy with, and part of the service's own load.
    """
    world = World(TCP).start()
    world.client()
    member = world.accept()
    (listener,) = world.service.namedServices.values()
    view = listener.view()
    assert (view.accepted, view.connections, view.busy) == (1, 1, 1)
    assert world.service.limits.load()[1] == 1
    member.end()


def test_splice_is_switched_by_a_reload() -> None:
    """
    It takes effect at once.
    """
    world = World(TCP).start()
    assert world.service.runtime.pipes.most == 0
    world.reload(TCP.replace("splice = off", "splice = on"))
    assert world.service.runtime.pipes.most > 0


def member(url: str) -> MemberSpec:
    """
    Make a member of a URL.
    """
    scheme, _, host = url.partition("://")
    return MemberSpec(url, scheme, host, 1)


@pytest.mark.parametrize(
    ("text", "command", "fault"),
    [
        (
            TCP,
            AddMember("raw", member("http://h")),
            "http://h: raw needs tcp:// or tls://",
        ),
        (
            CONFIGURATION,
            AddMember("shop", member("tcp://h")),
            "tcp://h: shop needs http://",
        ),
        (
            TCP,
            SetBalancer("raw", stickysession=StickyNames("a", "a")),
            "stickysession needs HTTP requests: raw has none",
        ),
        (
            TCP.replace("[balancer:raw]", "[balancer:raw]\nhashkey = path"),
            SetBalancer("raw", lbmethod="hash"),
            "hash needs HTTP requests: raw has none",
        ),
    ],
)
def test_what_commands_cannot_do(text: str, command, fault: str) -> None:
    """
    A change that does not fit what leads to the balancer is refused in words.
    """
    world = World(text).start()
    with pytest.raises(ValueError, match=fault):
        world.service.targets.steering.apply(command, "me")


def test_what_commands_can_do() -> None:
    """
    Members of connections come at run time, and another lbmethod.
    """
    world = World(TCP).start()
    steering = world.service.targets.steering
    steering.apply(AddMember("raw", replace(member("tcp://10.0.0.3"), host="10.0.0.3")), "me")
    steering.apply(SetBalancer("raw", lbmethod="hash", stickysession=None), "me")
    addresses = set()
    for _ in range(3):
        world.client()
        (opening,) = world.openings()
        addresses.add(opening.address[0])
    assert len(addresses) == 1
    assert len(world.service.targets.balancers["raw"].balancer.members) == 3
