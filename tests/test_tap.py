"""
What stands behind `twistd txbalancer`: its options.
"""

from __future__ import annotations

import gc
from contextlib import nullcontext
from pathlib import Path

import pytest
from twisted.application.service import ServiceMaker
from twisted.internet.task import Clock
from twisted.python import usage

from tests.services.worlds import World
from twisted.plugins import txbalancer_plugin
from txbalancer.errors import ConfigErrors
from txbalancer.services.memory import settle
from txbalancer.services.runner import Runner
from txbalancer.tap import Options, Process, StartFailed

HTTPD = "Listen 8080\nProxyPass / http://127.0.0.1:9/\n<IfDefine MORE>\nListen 8081\n</IfDefine>\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Return a file in Apache's syntax.
    """
    path = tmp_path / "httpd.conf"
    path.write_text(HTTPD)
    return path


def parsed(*arguments: str) -> Options:
    """
    Read a command line.
    """
    options = Options()
    options.parseOptions(list(arguments))
    return options


def test_a_file_is_needed() -> None:
    """
    Without -c there is nothing to serve.
    """
    with pytest.raises(usage.UsageError, match="-c FILE is needed"):
        parsed()


def test_names_for_IfDefine(path: Path) -> None:
    """
    -D may be given more than once, also as --define.
    """
    assert len(parsed("-c", str(path))["loaded"].spec.listeners) == 1
    found = parsed("-D", "X", "--define", "MORE", "--config", str(path))
    assert len(found["loaded"].spec.listeners) == 2


@pytest.mark.parametrize("start", ["privilegedStartService", "startService"])
def test_what_cannot_be_had_is_one_line(start: str) -> None:
    """
    twistd begins with the privileged part, twist has no such: no traceback in either.
    """
    world = World()
    world.reactor.busy.add(80)
    with pytest.raises(SystemExit) as caught:
        getattr(Process(world.service, Runner()), start)()
    assert isinstance(caught.value, StartFailed)
    text = "txbalancer: listener web: Address already in use: cannot listen on tcp:80"
    assert caught.value.code == text
    assert caught.value.__suppress_context__


def test_leniency(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    What is not carried over ends the start, unless it may be left out; a reload reads alike.
    """
    path.write_text(f"{HTTPD}Substitute x\n")
    with pytest.raises(SystemExit) as caught:
        parsed("-c", str(path))
    assert caught.value.code == 1
    assert f"{path}:6: Substitute: is not carried over" in capsys.readouterr().err
    options = parsed("-c", str(path), "--lenient", "-D", "MORE")
    again = options["load"](str(path), options["registry"], ())
    assert again.spec == options["loaded"].spec
    assert len(again.warnings) == 1
    path.write_text("Listn 80\n")
    with pytest.raises(ConfigErrors):
        options["load"](str(path), options["registry"], ())


@pytest.mark.parametrize("fault", [None, ImportError("no tap")])
@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_is_collected_while_much_is_imported(
    fault: Exception | None, enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What asks for the options, C{twistd} or a program of somebody's, has all imported without the
    garbage collector, and has that afterwards as it was before, whatever came of it.
    """
    seen = []

    def make(self: object) -> Options:
        seen.append(gc.isenabled())
        if fault is not None:
            raise fault
        return Options()

    monkeypatch.setattr(ServiceMaker, "options", property(lambda self: lambda: make(self)))
    options = txbalancer_plugin.txbalancer.options
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with pytest.raises(ImportError) if fault else nullcontext():
            assert isinstance(options(), Options)
        assert (seen, gc.isenabled()) == ([False], enabled)
    finally:
        gc.enable() if before else gc.disable()


def test_what_is_there_is_left_alone() -> None:
    """
    When a process of ours serves, the garbage collector is on and looks at what comes only.
    """
    threshold = gc.get_threshold()
    try:
        gc.disable()
        settle(Clock())
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(gc.get_objects(0))
    finally:
        gc.enable()
        gc.set_threshold(*threshold)
