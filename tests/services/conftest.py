"""
What tests of services share.
"""

from __future__ import annotations

import pytest
from twisted.logger import globalLogPublisher

from tests.services.discovering import Discovering


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
