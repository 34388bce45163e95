"""
A machine with no more to give: descriptors and memory.
"""

from __future__ import annotations

import resource
from typing import Any

import pytest

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.errors import StartError
from txbalancer.net.turnstile import RESERVE
from txbalancer.services import memory, overload
from txbalancer.services.memory import allowed, release, resident

MEGABYTE = 1024**2


class Stub:
    """
    What counts connections.
    """

    connections = 1


@pytest.fixture
def descriptors(monkeypatch) -> dict[str, Any]:
    """
    A limit of descriptors that is not this process's own.
    """
    found: dict[str, Any] = {"limit": (1024, 4096)}

    def get(kind: int) -> tuple[int, int]:
        return found["limit"]

    def put(kind: int, limit: tuple[int, int]) -> None:
        found["limit"] = limit

    monkeypatch.setattr(resource, "getrlimit", get)
    monkeypatch.setattr(resource, "setrlimit", put)
    return found


def make(world: World, own: bool = False, measure=lambda: 0) -> overload.Overload:
    """
    Make what watches, with somebody who tells how much memory there is.
    """
    stub: Any = Stub()
    service = world.service
    return overload.Overload(service.runtime, service.targets.journal, stub, own, measure)


def test_the_limit_of_a_process_of_its_own_is_raised(descriptors, caplog) -> None:
    """
    As far as the system allows; a part of somebody's program leaves it alone.
    """
    world = World()
    make(world).prepare(world.service.spec)
    assert descriptors["limit"] == (1024, 4096)
    turnstile = world.service.runtime.turnstile
    assert turnstile.clients < turnstile.members == 1024 - RESERVE
    watching = make(world, own=True)
    watching.prepare(world.service.spec)
    assert descriptors["limit"] == (4096, 4096)
    assert watching.descriptors == 4096


def test_too_few_descriptors_are_told_with_numbers(descriptors, logged) -> None:
    """
    At the start, with what to do; a limit of connections that fits is no cause.
    """
    world = World()
    make(world, own=True).prepare(world.service.spec)
    (event,) = logged
    assert (event["allowed"], event["needed"]) == (4096, 20000 + RESERVE)
    fitting = CONFIGURATION.replace("access-log = off", "access-log = off\nmax-connections = 500")
    make(world, own=True).prepare(world.spec(fitting))
    assert len(logged) == 1


def test_any_number_of_descriptors(descriptors) -> None:
    """
    Without a limit there is nothing to keep.
    """
    descriptors["limit"] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    world = World()
    watching = make(world, own=True)
    watching.prepare(world.service.spec)
    assert watching.descriptors == 0
    assert world.service.runtime.turnstile.clients > 10**9


@pytest.fixture
def logged(monkeypatch) -> list[dict[str, Any]]:
    """
    What is logged as a warning.
    """
    found: list[dict[str, Any]] = []

    class Log:
        def warn(self, form: str, **values: Any) -> None:
            found.append(values)

    monkeypatch.setattr(overload.Overload, "log", Log())
    return found


def test_above_the_memory_limit_nothing_is_accepted(logged) -> None:
    """
    Until it is well below; it is told once each, and what is there goes on.
    """
    world = World().start()
    used = [0]
    watching = make(world, measure=lambda: used[0])
    turnstile = world.service.runtime.turnstile
    watching.watch(100 * MEGABYTE)
    client = world.client(request=GET)
    for size, closed in ((99, False), (101, True), (98, True), (94, False), (101, True)):
        used[0] = size * MEGABYTE
        world.advance(1.1)
        assert turnstile.closed is closed
        assert world.service.listeners["web"].ports[0].reading is not closed
    world.accept().send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    assert len(logged) == 2, "what comes again within a minute is not told again"
    assert watching.times == 2
    watching.watch(0)
    assert not turnstile.closed


def test_what_cannot_be_measured_now_is_measured_later(logged) -> None:
    """
    Such as without a descriptor for it; nothing is decided meanwhile.
    """
    world = World().start()
    found: list[Any] = [200 * MEGABYTE, 200 * MEGABYTE, OSError(24, "Too many open files"), 0]

    def measure() -> int:
        each = found.pop(0)
        if isinstance(each, OSError):
            raise each
        return int(each)

    watching = make(world, measure=measure)
    watching.watch(100 * MEGABYTE)
    world.advance(1.1)
    assert watching.closed
    world.advance(1.1)
    assert not watching.closed
    watching.stop()


def test_without_connections_it_accepts(logged, monkeypatch) -> None:
    """
    There is nothing whose end could free anything.
    """
    world = World().start()
    watching = make(world, measure=lambda: 200 * MEGABYTE)
    watching.watch(100 * MEGABYTE)
    assert watching.closed
    monkeypatch.setattr(Stub, "connections", 0)
    for _ in range(2):
        world.advance(1.1)
        assert not watching.closed
    watching.stop()


def test_memory_limits_are_checked_before_anything_starts(monkeypatch) -> None:
    """
    Where the system does not tell how much is used there is no such limit.
    """
    assert allowed(0) == 0
    assert allowed(100 * MEGABYTE) == 100 * MEGABYTE
    assert 0 < allowed(-50) <= allowed(-100)
    monkeypatch.setattr(memory, "_STATM", "/nowhere")
    with pytest.raises(StartError, match="memory-limit"):
        allowed(-50)


def test_the_smallest_limit_of_all_groups_counts(monkeypatch, tmp_path) -> None:
    """
    Of a container within another, of either version of control groups.
    """
    (tmp_path / "groups").write_text("0::/outer/inner\n4:cpu,memory:/old\n")
    for folder, name, text in (
        ("outer", "memory.max", "52428800\n"),
        ("outer/inner", "memory.max", "max\n"),
        ("memory/old", "memory.limit_in_bytes", "104857600\n"),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    monkeypatch.setattr(memory, "_CGROUP", str(tmp_path / "groups"))
    monkeypatch.setattr(memory, "_MOUNTED", str(tmp_path))
    assert allowed(-100) == 50 * MEGABYTE
    (tmp_path / "outer/memory.max").write_text("max\n")
    assert allowed(-100) == 100 * MEGABYTE


def test_this_process_has_memory() -> None:
    """
    It is measured, and what is not used can be given back.
    """
    release()
    assert MEGABYTE < resident() < 2**40
