"""
What tests of services share.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import globalLogPublisher

from tests.services.discovering import Discovering
from tests.services.persisting import Places
from tests.services.workers import Worker


@pytest.fixture
def failures():
    """
    Collect tracebacks that are logged, and let none of them fail the test.
    """
    found: list[dict] = []

    def observe(event: dict) -> None:
        if "log_failure" in event:
            found.append(event)

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def worlds():
    """
    Make services that are stopped after the test.
    """
    made: list[Discovering] = []

    def make(*arguments: str) -> Discovering:
        made.append(Discovering(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.service.targets.discovery.stop()
        assert not [
            call for call in each.reactor.getDelayedCalls() if "sourcewatch" in repr(call.func)
        ]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """
    Return a folder for services.
    """
    return Places(tmp_path)


@pytest.fixture
def told() -> list[str]:
    """
    Return the notes about state that are logged during a test.
    """
    found: list[str] = []

    def observe(event: dict) -> None:
        if event.get("log_format", "").startswith("state") and "line" not in event:
            found.append(event.get("note", event.get("fault", "")))

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """
    Make a worker without a process.
    """
    made = Worker(tmp_path)
    yield made
    made.close()
