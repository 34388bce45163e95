"""
A reload that is refused, whatever for: nothing of it stays, and who asked is told where and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.logger import capturedLogs
from twisted.web.resource import Resource

from tests.services.worlds import CONFIGURATION, World
from txbalancer.core.commands import AddMember
from txbalancer.core.counting import Counting
from txbalancer.core.specs import MemberSpec, ServiceSpec
from txbalancer.errors import ConfigErrors, StartError
from txbalancer.services.fitness import stays_several
from txbalancer.services.plugins import load_registry

LIMITED = (
    CONFIGURATION.replace("[balancer:shop]", "[limit:few]\nrate = 5/s\n[balancer:shop]")
    + "limit = few\n"
)
CHANGES = (
    LIMITED.replace("5/s", "9/s")
    .replace("http://10.0.0.1", "http://10.0.0.1 loadfactor=5")
    .replace("    http://10.0.0.2\n", "")
)


class Plugin:
    """
    Something that is asked for what it makes.

    @ivar fault: what it raises instead.
    @ivar made: how often it has made something.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self.fault: Exception | None = None
        self.made = 0

    def __call__(self, *arguments: Any) -> Any:
        if self.fault is not None:
            raise self.fault
        self.made += 1
        return self._make(*arguments)


def started() -> tuple[World, dict[str, Plugin]]:
    """
    Start a service with plugins of three kinds.
    """
    known = load_registry()
    plugins = {
        "page": Plugin(Resource),
        "mine": Plugin(known.lbmethods["bytraffic"]),
        "stick": Plugin(known.sticky["session"]),
    }
    registry = load_registry()
    registry.resources["page"] = SimpleNamespace(make_resource=plugins["page"])
    registry.lbmethods["mine"] = plugins["mine"]
    registry.sticky["stick"] = plugins["stick"]
    return World(LIMITED, registry=registry).start(), plugins


def seen(world: World) -> list[Any]:
    """
    Return what a reload might change.
    """
    service = world.service
    limiter = service.limits.limiters["few"]
    return [
        service.spec,
        service.targets.balancers.copy(),
        [(each.name, each.spec, each.lbfactor) for each in world.members()],
        service.targets.balancers["shop"].balancer.spec,
        (limiter, limiter.spec, limiter.table),
        [service.targets.table(each) for each in service.spec.listeners],
        dict(world.reactor.open),
    ]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("page", ("[mount:/]", "[mount:/p]\nto = resource:page\n[mount:/]"), "[mount:/p] to: "),
        ("mine", ("[balancer:shop]", "[balancer:shop]\nlbmethod = mine"), "[balancer:shop] "),
        ("stick", ("[balancer:shop]", "[balancer:shop]\nstickyscheme = stick"), "[balancer:shop] "),
        (
            "mine",
            ("[mount:/]", "[balancer:z]\nlbmethod=mine\nmembers=http://a\n[mount:/]"),
            "[balancer:z] ",
        ),
    ],
)
def test_a_plugin_that_raises_changes_nothing(
    name: str, change: tuple[str, str], said: str
) -> None:
    """
    What a plugin makes is made before anything changes; its fault is told with the part of the
    configuration that wants it. Once it is mended the same reload does all.
    """
    world, plugins = started()
    before = seen(world)
    plugins[name].fault = ValueError("no luck")
    text = CHANGES.replace(*change)
    with capturedLogs() as told, pytest.raises(StartError) as caught:
        world.reload(text)
    assert str(caught.value).startswith(said)
    assert str(caught.value).endswith("cannot be made: ValueError: no luck")
    assert any(each.get("log_failure") for each in told)
    assert seen(world) == before
    plugins[name].fault = None
    assert world.reload(text)
    assert [(each.name, each.lbfactor) for each in world.members()] == [("http://10.0.0.1", 500)]
    assert world.service.limits.limiters["few"].spec.rate.number == 9


def test_a_page_of_a_plugin_is_made_once() -> None:
    """
    It lives on over reloads, and two mounts have the same.
    """
    world, plugins = started()
    two = LIMITED + "[mount:/p]\nto = resource:page\n[mount:/q]\nto = resource:page\n"
    world.reload(two)
    world.reload(LIMITED)
    world.reload(two)
    assert plugins["page"].made == 1


def test_no_memory_for_rates() -> None:
    """
    A limit that cannot be had is told, and the others stay as they were.
    """

    class Full(Counting):
        def rates(self, spec: Any, former: Any) -> Any:
            if former is None:
                raise OSError(24, "Too many open files")
            return former

    world, _ = started()
    world.service.limits._counting = Full()
    before = seen(world)
    text = CHANGES.replace("[limit:few]", "[limit:more]\nrate = 1/s\n[limit:few]")
    with pytest.raises(StartError, match=r"\[limit:more\] cannot be made: OSError"):
        world.reload(text)
    assert seen(world) == before


def test_files_of_members_that_were_added(tmp_path: Path) -> None:
    """
    A member that somebody has added stays over a reload: its files of TLS are tried, too, before
    others change.
    """
    from tests.integration.certificates import Authority

    path = Authority(tmp_path, "First").file
    world, _ = started()
    spec = MemberSpec(
        "https://10.0.0.9",
        scheme="https",
        host="10.0.0.9",
        port=443,
        sslproxycacertificatefile=str(path),
    )
    world.service.targets.steering.carry_out(AddMember("shop", spec))
    before = seen(world)
    path.write_text("nothing")
    with pytest.raises(StartError, match="no PEM certificate"):
        world.reload(CHANGES)
    assert seen(world) == before


def test_one_process_stays_one(tmp_path: Path) -> None:
    """
    A file that wants several processes is refused with its line and what does it, beside all other
    faults of the file.
    """
    path = tmp_path / "conf.ini"
    path.write_text(CONFIGURATION)
    world = World(CONFIGURATION, str(path)).start()
    path.write_text(CONFIGURATION.replace("access-log = off", "workers = 2\naccess-log-format = %"))
    with pytest.raises(ConfigErrors) as caught:
        world.service.reload_file()
    one, two = str(caught.value).splitlines()
    assert one.startswith(f"{path}:3: [txbalancer] workers: one process stays one in a reload: ")
    assert "`txbalancer upgrade` or a restart" in one
    assert two.startswith(f"{path}:4: [txbalancer] access-log-format: ")
    path.write_text(CONFIGURATION + "[mount:/new]\nto = status:404\n")
    assert world.service.reload_file() == ["mount /new added"]


def test_a_library_needs_a_supervisor() -> None:
    """
    A program that makes a service of one process for several is told what to make.
    """
    text = CONFIGURATION.replace("access-log", "workers = 2\naccess-log")
    with pytest.raises(StartError, match=r"services\.supervisor\.Supervisor"):
        World(text).start()
    world = World().start()
    with pytest.raises(StartError, match=r"\[txbalancer\] workers: one process stays one"):
        world.reload(text)


def test_several_processes_stay_several() -> None:
    """
    Several do not become one; any other number is fine.
    """
    spec = World().service.spec
    ((title, key, text),) = stays_several(spec)
    assert (title, key) == ("txbalancer", "workers")
    assert "`txbalancer upgrade` or a restart" in text
    assert not [*stays_several(_with(spec, 1)), *stays_several(_with(spec, 4))]


def _with(spec: ServiceSpec, workers: int) -> ServiceSpec:
    return replace(spec, service=replace(spec.service, workers=workers))
