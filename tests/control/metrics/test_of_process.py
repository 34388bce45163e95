"""
What is told of the process is what prometheus-client tells of it.
"""

from __future__ import annotations

import os

import pytest
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from tests.control.metrics.pages import CONFIGURATION as TEXT
from tests.control.metrics.pages import OPENMETRICS, fetch, parsed
from tests.services.worlds import World
from txbalancer.control.metrics import of_process

OWN = ("process_", "python_")


def theirs() -> CollectorRegistry:
    """
    Return prometheus-client's families.
    """
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_as_prometheus_client_has_it(accept: str) -> None:
    """
    Series have its names and labels; what does not move has its values, what moves is near.
    """
    _, body = fetch(World(TEXT).start(), accept)
    found = {
        key: number
        for key, number in parsed(body, accept == OPENMETRICS).items()
        if key[0].startswith(OWN)
    }
    expected = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in theirs().collect()
        for sample in metric.samples
    }
    assert found.keys() == expected.keys()
    for key, number in found.items():
        if key[0] in ("process_start_time_seconds", "process_max_fds", "python_info"):
            assert number == pytest.approx(expected[key], abs=0.011), key
        elif key[0].startswith("process_"):
            assert number == pytest.approx(expected[key], rel=0.5, abs=5), key
    kinds = {f"# TYPE {metric.name} {metric.type}" for metric in theirs().collect()}
    if accept == OPENMETRICS:
        assert kinds <= set(body.splitlines())


@pytest.mark.parametrize("ready", [True, False])
def test_descriptors_are_counted(ready: bool, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """
    Each that is opened is one more, also where the system does not have the count ready.
    """
    if not ready:
        path = tmp_path / "empty"
        path.touch()
        found = path.stat()
        monkeypatch.setattr(of_process.os, "stat", lambda _: found)
    before = of_process.count_descriptors()
    descriptor = os.dup(1)
    assert of_process.count_descriptors() == before + 1
    os.close(descriptor)


def test_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without /proc there is nothing of the process, and everything else.
    """

    def fail() -> int:
        raise FileNotFoundError("/proc")

    monkeypatch.setattr(of_process, "count_descriptors", fail)
    _, body = fetch(World(TEXT).start())
    names = {name for name, _ in parsed(body)}
    assert not [name for name in names if name.startswith("process_")]
    assert {"python_info", "txbalancer_stopping"} <= names
