"""
What tests of streams and datagrams share.
"""

from __future__ import annotations

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from tests.stream.network import Network
from tests.stream.places import Place


@pytest.fixture
def place(monkeypatch):
    network = Network(monkeypatch)
    return lambda **options: Place(network, **options)


@pytest.fixture
def logged():
    events = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: "\n".join(filter(None, map(formatEvent, events)))
    globalLogPublisher.removeObserver(events.append)
