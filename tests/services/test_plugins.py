"""
What others plug in: found, checked, used; or left out with a word of warning.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from twisted.logger import globalLogPublisher
from twisted.plugin import IPlugin
from zope.interface import implementer

import txbalancer.plugins
from tests.proxy.rigs import GET, OK
from txbalancer import interfaces
from txbalancer.services import plugins
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryRig


@pytest.fixture
def told():
    """
    Collect warnings.
    """
    events: list[dict] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.fixture
def example(root: Path, tmp_path: Path, monkeypatch) -> None:
    """
    Put the example distribution beside the balancer, as pip would.
    """
    folder = tmp_path / "plugins"
    source = root / "tests/example_plugin/txbalancer/plugins/txbalancer_example.py"
    folder.mkdir()
    shutil.copy(source, folder)
    monkeypatch.setattr(txbalancer.plugins, "__path__", [str(folder)])
    yield
    sys.modules.pop("txbalancer.plugins.txbalancer_example", None)
    vars(txbalancer.plugins).pop("txbalancer_example", None)


def test_the_built_in_parts_are_there() -> None:
    """
    Without plugins there are the methods, schemes and probes of our own.
    """
    registry = load_registry()
    assert {"byrequests", "bytraffic", "bybusyness", "leastload", "hash"} <= set(registry.lbmethods)
    assert {"session", "cookie"} <= set(registry.sticky)
    assert {"tcp", "options", "head", "get"} <= set(registry.probes)
    assert registry.resources == {}


# twisted.web.static, which the example uses, warns of itself when imported.
@pytest.mark.filterwarnings("ignore:twisted.web.resource._Unsafe")
@pytest.mark.usefixtures("example")
def test_plugins_are_found_and_used(told) -> None:
    """
    One distribution brings one of each kind, and a configuration may name them all.
    """
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n"
        "[balancer:shop]\nlbmethod = first\nstickyscheme = header\nmembers =\n"
        "    http://10.0.0.1 route=a hcmethod=assumed\n    http://10.0.0.2 route=b\n"
        "[mount:/hello]\nto = resource:greeting\n[mount:/]\nto = balancer://shop/\n"
    )
    assert not [event for event in told if "plugin" in event]
    assert "fixed" in rig.registry.sources
    client = rig.client()
    for wanted, route in ((b"", b"a"), (b"X-Route: b\r\n", b"b")):
        client.send(GET[:-2] + wanted + b"\r\n")
        rig.accept().send(OK)
        assert b"\r\nX-Route: %b\r\n" % route in client.taken()
    names = [outcome.member for outcome in rig.outcomes]
    assert names == ["http://10.0.0.1", "http://10.0.0.2"]
    client.send(GET.replace(b"/ ", b"/hello "))
    assert client.taken().endswith(b"\r\n\r\nhello")
    found: list = []
    rig.registry.probes["assumed"].probe(None, None).addCallback(found.append)
    assert found[0].passed


@implementer(IPlugin, interfaces.IProbe)
class Incomplete:
    """
    Says it is a probe, but cannot probe.
    """

    name = "incomplete"


@implementer(IPlugin, interfaces.IMountable)
class Greeting:
    """
    A complete one.
    """

    def __init__(self, name: str = "greeting") -> None:
        self.name = name

    def make_resource(self):
        """
        Never called here.
        """


@implementer(IPlugin, interfaces.IProbe)
class AnotherTCP:
    """
    Has a name that is taken.
    """

    name = "tcp"

    def probe(self, reactor, member):
        """
        Never called here.
        """


def test_bad_plugins_are_left_out(told, monkeypatch) -> None:
    """
    An incomplete plugin and one with a taken name are warned about; the rest is there.
    """
    available = {
        interfaces.IProbe: [Incomplete(), AnotherTCP()],
        interfaces.IMountable: [Greeting(), Greeting("other")],
    }
    monkeypatch.setattr(
        plugins, "getPlugins", lambda interface, package: available.get(interface, [])
    )
    registry = load_registry()
    assert sorted(registry.resources) == ["greeting", "other"]
    assert "incomplete" not in registry.probes
    assert not isinstance(registry.probes["tcp"], AnotherTCP)
    warned = [event for event in told if "plugin" in event]
    assert [type(event["plugin"]) for event in warned] == [Incomplete, AnotherTCP]
    assert "probe" in warned[0]["error"]
    assert warned[1]["name"] == "tcp"
