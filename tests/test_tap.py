"""
What stands behind `twistd txbalancer`: its options.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
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


def test_nothing_is_collected_while_much_is_imported() -> None:
    """
    C{twistd} asks for the options before all is imported: that goes on without the garbage
    collector, which is on again, and leaves alone what is there, when the process serves.
    """
    threshold = gc.get_threshold()
    try:
        make = txbalancer_plugin.txbalancer.options
        assert gc.isenabled()
        assert isinstance(make(), Options)
        assert not gc.isenabled()
        settle(Clock())
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(gc.get_objects(0))
    finally:
        gc.enable()
        gc.set_threshold(*threshold)
