"""
What is held against clients and members, in the process that takes the place of another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.services.estate.test_supervised import left
from tests.services.worlds import World
from txbalancer.core.passive.breaker import OPEN
from txbalancer.services.estate import rates

TEXT = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[limit:slow]
rate = 6/min
burst = 2
key = header:X-Key
[balancer:shop]
breaker-percent = 50
breaker-requests = 2
members = http://10.0.0.1
[mount:/slow]
to = status:204
limit = slow
[mount:/secret]
to = status:204
require = user alice
auth-file = {users}
[mount:/]
to = balancer://shop/
"""


@pytest.fixture
def text(tmp_path: Path) -> str:
    """
    Write a file of users, and return the configuration.
    """
    (tmp_path / "users").write_text("alice:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
    return TEXT.format(users=tmp_path / "users")


def start(text: str) -> World:
    """
    Start a service; the clock of each begins elsewhere.
    """
    world = World(text)
    world.reactor.advance(1000)
    return world.start()


def ask(world: World, key: str, count: int = 1) -> list[int]:
    """
    Ask for what is limited; return the statuses.
    """
    request = f"GET /slow HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\n\r\n".encode()
    return [int(world.client(request=request).taken().split()[1]) for _ in range(count)]


def guessed(world: World) -> Any:
    """
    Return who guesses passwords.
    """
    (found,) = world.service.targets.guards.files.values()
    return found.guesses


def breaker(world: World) -> Any:
    """
    Return the balancer's circuit breaker.
    """
    return world.service.targets.balancers["shop"].balancer.breaker


def open_breaker(world: World) -> None:
    """
    Have two requests fail.
    """
    balancer = world.service.targets.balancers["shop"].balancer
    for _ in range(2):
        balancer.answered(balancer.members[0], 500, -1.0, world.service.runtime.now())


def test_rates_go_on(text: str) -> None:
    """
    Who had to wait has to wait for as long as was left; others, and those who need not any more,
    begin with a whole burst. What was counted stays counted.
    """
    old, new = World(text).start(), start(text)
    assert ask(old, "a", 3) == [204, 204, 429]
    assert ask(old, "b", 1) == [204]
    old.reactor.advance(5)
    assert list(new.service.inheritance.take(left(old))) == []
    limiter = new.service.targets.limits.limiters["slow"]
    assert (limiter.passed, limiter.refused) == (3, 1)
    assert ask(new, "a") == [429]
    assert ask(new, "b", 3) == [204, 429, 429]
    assert ask(new, "c", 3) == [204, 204, 429]
    new.reactor.advance(5.1)
    assert ask(new, "a", 2) == [204, 429]


def test_only_who_owes_most_of_very_many(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A table is told up to a bound.
    """
    monkeypatch.setattr(rates, "MOST", 1)
    old, new = World(text).start(), start(text)
    ask(old, "a", 1)
    ask(old, "b", 2)
    list(new.service.inheritance.take(left(old)))
    assert (ask(new, "a", 2), ask(new, "b")) == ([204, 204], [429])


def test_another_key_begins_anew(text: str) -> None:
    """
    As after a reload; a limit that is not there any more is nobody's.
    """
    old = World(text).start()
    ask(old, "a", 3)
    new = start(text.replace("X-Key", "X-Other"))
    (note,) = new.service.inheritance.take(left(old))
    assert note == "rates: limit slow has another key, so that all begin anew"
    other = start(text.replace("limit:slow", "limit:fast").replace("limit = slow", "limit = fast"))
    assert list(other.service.inheritance.take(left(old))) == []


def test_wrong_passwords_go_on(text: str) -> None:
    """
    Who guessed too often waits on, the same guess once more is no other, and digests are the same.
    """
    old, new = World(text).start(), start(text)
    for number in range(11):
        guessed(old).wrong("192.0.2.1", b"%d" % number, old.service.runtime.now())
    guessed(old).wrong("192.0.2.2", b"x", old.service.runtime.now())
    wait = guessed(old).wait("192.0.2.1", old.service.runtime.now())
    assert list(new.service.inheritance.take(left(old))) == []
    now = new.service.runtime.now()
    assert guessed(new).wait("192.0.2.1", now) == pytest.approx(wait)
    before = guessed(new).owing(now)
    guessed(new).wrong("192.0.2.2", b"x", now)
    assert guessed(new).owing(now) == before
    files = [next(iter(each.service.targets.guards.files.values())) for each in (old, new)]
    assert len({each.digest("alice", b"x") for each in files}) == 1


def test_open_breakers_go_on(text: str) -> None:
    """
    With the state of their balancers, for what is left of their time.
    """
    old, new = World(text).start(), start(text)
    open_breaker(old)
    assert list(new.service.inheritance.take(left(old))) == []
    assert (breaker(new).state, breaker(new).openings) == (OPEN, 1)
    ends = [breaker(each).until - each.service.runtime.now() for each in (old, new)]
    assert ends[0] >= ends[1]


@pytest.mark.parametrize("name", ["rates", "passwords"])
@pytest.mark.parametrize("data", [None, {"slow": {}, "shop": 3, "/x": [1]}])
def test_damage_loses_one_part(text: str, name: str, data: Any) -> None:
    """
    With one line.
    """
    old, new = World(text).start(), start(text)
    ask(old, "a", 2)
    state = left(old)
    state["parts"][name]["data"] = data
    (note,) = new.service.inheritance.take(state)
    assert note.startswith(f"{name}: not of a form")
    assert ask(new, "a") == ([204] if name == "rates" else [429])
