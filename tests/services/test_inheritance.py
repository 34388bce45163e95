"""
What one service leaves to another.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any

import pytest

from tests.services.worlds import GET, World
from txbalancer.core.commands import SetMember
from txbalancer.core.flags import DRAIN

MEMBER = "http://10.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
TEXT = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
stickysource = 60
members =
    http://10.0.0.1
    http://10.0.0.2
[mount:/]
to = balancer://shop/
"""


def served(world: World) -> None:
    """
    Have a request answered.
    """
    client = world.client(request=GET)
    member = world.accept()
    member.send(OK)
    assert b"200 OK" in client.taken()


def left(world: World) -> Any:
    """
    Return what a service leaves, as it arrives.
    """
    return json.loads(json.dumps(world.service.inheritance.state()))


def requests(world: World) -> int:
    """
    Return how many requests were served.
    """
    return world.service.telemetry.meters.select().requests


@pytest.fixture
def old() -> World:
    """
    Make a service that has seen something.
    """
    world = World(TEXT).start()
    served(world)
    world.service.targets.steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    return world


def test_everything_goes_on(old: World) -> None:
    """
    Changes, counters, events and addresses of clients are the new service's.
    """
    new = World(TEXT).start()
    assert list(new.service.inheritance.take(left(old))) == []
    first, _ = new.members()
    assert first.flags & DRAIN
    assert sum(each.elected for each in new.members()) == 1
    assert requests(new) == 1
    assert [each.text for each in new.service.targets.journal.events][:2] == [
        each.text for each in old.service.targets.journal.events
    ]
    numbers = [each.number for each in new.service.targets.journal.events]
    assert numbers == list(range(1, len(numbers) + 1))
    (view,) = new.service.targets.pages.sources.listeners()
    assert view.accepted == 1
    sources = new.service.targets.balancers["shop"].balancer.sources
    assert [each.client for each in sources.all()] == ["192.0.2.1"]


def test_what_is_counted_later_is_added_once(old: World) -> None:
    """
    Counters are told whole, and only what is new is added; own ones stay.
    """
    new = World(TEXT).start()
    list(new.service.inheritance.take(left(old)))
    served(new)
    served(old)
    for _ in range(2):
        new.service.inheritance.take_counts(left(old)["counts"])
    assert requests(new) == 3
    assert sum(each.elected for each in new.members()) == 3
    (view,) = new.service.targets.pages.sources.listeners()
    assert view.accepted == 3


def test_a_third_process_has_the_counts_of_both(old: World) -> None:
    """
    What a process was left it leaves as well.
    """
    new, last = World(TEXT).start(), World(TEXT).start()
    list(new.service.inheritance.take(left(old)))
    served(new)
    list(last.service.inheritance.take(left(new)))
    assert requests(last) == 2
    (view,) = last.service.targets.pages.sources.listeners()
    assert view.accepted == 2


@pytest.mark.parametrize(
    "part", ["balancers", "journal", "sources", "records", "started", "counts"]
)
def test_a_part_of_another_form_is_set_aside(old: World, part: str) -> None:
    """
    An older or newer version's part that is not understood is told of, and the others hold.
    """
    state = left(old)
    state[part] = ["something else"]
    new = World(TEXT).start()
    (note,) = new.service.inheritance.take(state)
    assert note
    assert (requests(new) == 1) is (part != "counts")
    assert bool(new.members()[0].flags & DRAIN) is (part != "balancers")


@pytest.mark.parametrize(
    ("part", "keys", "value"),
    [
        ("journal", ("last",), inf),
        ("journal", ("counts", "change"), "x"),
        ("journal", ("events", 0, "time"), 1e15),
        ("journal", ("events", 0, "details"), None),
        ("journal", ("events", 0, "details"), {"after": [inf]}),
        ("journal", ("events", 0, "member"), 1),
        ("sources", ("shop", 0, 2), inf),
        ("records", ("reloads", "last"), inf),
        ("records", ("reloads", "passed"), -1),
        ("started", (), "never"),
        ("counts", ("members", "shop", "http://10.0.0.2", "flips"), 1 << 63),
        ("counts", ("listeners", "web", "accepted"), True),
        ("counts", ("lost",), inf),
    ],
)
def test_a_value_of_another_form_sets_its_part_aside(
    old: World, part: str, keys: tuple[Any, ...], value: Any
) -> None:
    """
    Nothing of the part is taken, not even what could be read: what would not do in pages and
    logs must not come into them.
    """
    state = left(old)
    holder, place = state, part
    for each in keys:
        holder, place = holder[place], each
    holder[place] = value
    new = World(TEXT).start()
    (note,) = new.service.inheritance.take(state)
    assert note.startswith(f"its {part} are not of a form that this version knows")
    kept = json.dumps(left(new), allow_nan=False)
    assert list(World(TEXT).start().service.inheritance.take(json.loads(kept))) == []
    if part == "counts":
        assert requests(new) == 0
        assert new.members()[0].elected == 1


@pytest.mark.parametrize("state", [None, [], "x", 1])
def test_no_state_at_all(state: Any) -> None:
    """
    Then all is as configured.
    """
    new = World(TEXT).start()
    (note,) = new.service.inheritance.take(state)
    assert "as configured" in note
